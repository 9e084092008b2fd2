import { normalizeAxis, sizeOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { mapKernel } from '../kernel.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'
import { checkIndices } from './movement.js'

/** Sums of a few elements along an axis, as Resize and its gradient write them. */
export const resampleLowerings = {
  'lanewise.Resample': {
    accelerates: ({ inputs: [x, indices, weights] }) =>
      x!.dtype === 'float32' && indices!.dtype === 'int32' && weights!.dtype === 'float32',
    lower(node, { place, constant }) {
      const [x, indices, weights] = node.inputs.map((input) => input!)
      const [y] = node.outputs
      const [from, to] = [shapeOf(x), shapeOf(y)]
      const axis = normalizeAxis(intAttribute(node.attributes, 'axis'), to.length)
      checkIndices(node, indices, from[axis], constant)
      const inner = sizeOf(to.slice(axis + 1))
      const taps = shapeOf(indices)[1]
      return mapKernel({
        name: 'resample',
        count: elementsOf(y),
        reads: { x: place(x), indices: place(indices), weights: place(weights) },
        writes: { y: place(y) },
        body: (names) => `  let row = i / ${inner}u;
  let first = row / ${to[axis]}u * ${from[axis]}u;
  let entry = row % ${to[axis]}u * ${taps}u;
  var sum = 0.0;
  for (var tap = 0u; tap < ${taps}u; tap++) {
    sum += ${names.weights}[entry + tap] * ${names.x}[(first + u32(${names.indices}[entry + tap])) * ${inner}u + i % ${inner}u];
  }
  ${names.y}[i] = sum;`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
