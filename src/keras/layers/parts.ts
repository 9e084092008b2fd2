import { later } from '../../core/later.js'

const why =
  "what writes this model's nodes has not come yet: await loadLayers() first, or exportOnnx() in place of toOnnx()"

/** The classes of layers on images. */
export const imageClasses = /* @__PURE__ */ later(why, () => import('./image-classes.js'))

/** The resizing of images. */
export const resizing = /* @__PURE__ */ later(why, () => import('./resizing.js'))

/** Loads what writes the nodes of layers, where that comes by need. */
export const loadParts = (): Promise<unknown> => Promise.all([imageClasses, resizing].map((part) => part.load()))
