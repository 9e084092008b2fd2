import { imageKernels } from '../backend/reference/images.js'
import { layoutKernels } from '../backend/reference/layout.js'
import { regionKernels } from '../backend/reference/regions.js'
import { regionLowerings } from '../backend/wasm/lower/regions.js'
import { images } from '../ops/images.js'
import { layout } from '../ops/layout.js'
import { regions } from '../ops/regions.js'
import { windowComposites } from '../ops/window-composites.js'
import { definePack } from './pack.js'

/** What vision models hold besides the layers of classifiers: regions, grids, image files, unpooling. */
export const pack = definePack({
  operators: { ...layout, ...regions, ...images, ...windowComposites },
  kernels: { ...layoutKernels, ...regionKernels, ...imageKernels },
  lowerings: regionLowerings,
  writes: ['lanewise.ConvInputGradient', 'lanewise.GatherGradient'],
})
