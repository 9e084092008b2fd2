import { concrete, sizeOf } from '../../core/shape.js'
import type { convGradients } from '../../ops/conv-gradients.js'
import { type convTranspose, transposedWindow } from '../../ops/conv-transpose.js'
import { addBias, forEachPlane } from './conv.js'
import { activate } from './epilogue.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { dataLayout, type Order, weightLayout } from './window.js'

const inputGradient =
  (order: Order): ReferenceKernel =>
  ({ inputs: [dy, w, bias], outputs: [{ dtype, shape }], attributes }) => {
    const dims = concrete(shape)
    const [dys, ws, dxs] = [numbersOf(dy!), numbersOf(w!), new Float64Array(sizeOf(dims))]
    const operands = {
      x: dataLayout(dims, order),
      w: weightLayout(w!.dims, order),
      y: dataLayout(dy!.dims, order),
      attributes,
    }
    forEachPlane(operands, (xOffset, wOffset, yOffset, { input, kernel, count }) => {
      for (let t = 0; t < count; t++) dxs[xOffset + input[t]] += dys[yOffset] * ws[wOffset + kernel[t]]
    })
    if (bias) addBias(dxs, numbersOf(bias), operands.x)
    return [tensorOf(dtype, activate(dxs, attributes), dims)]
  }

const weightGradient =
  (order: Order): ReferenceKernel =>
  ({ inputs: [x, dy], outputs: [{ dtype, shape }], attributes }) => {
    const dims = concrete(shape)
    const [xs, dys, dws] = [numbersOf(x!), numbersOf(dy!), new Float64Array(sizeOf(dims))]
    const operands = {
      x: dataLayout(x!.dims, order),
      w: weightLayout(dims, order),
      y: dataLayout(dy!.dims, order),
      attributes,
    }
    forEachPlane(operands, (xOffset, wOffset, yOffset, { input, kernel, count }) => {
      for (let t = 0; t < count; t++) dws[wOffset + kernel[t]] += dys[yOffset] * xs[xOffset + input[t]]
    })
    return [tensorOf(dtype, dws, dims)]
  }

const transposed: ReferenceKernel = (context) => {
  const [x, w] = context.inputs
  return inputGradient('first')({ ...context, ...transposedWindow(context.attributes, x!.dims, w!.dims) })
}

export const convGradientKernels = {
  'lanewise.ConvInputGradient': inputGradient('first'),
  'lanewise.ConvInputGradientNhwc': inputGradient('last'),
  'lanewise.ConvWeightGradient': weightGradient('first'),
  'lanewise.ConvWeightGradientNhwc': weightGradient('last'),
  ConvTranspose: transposed,
} as const satisfies Record<keyof typeof convGradients | keyof typeof convTranspose, ReferenceKernel>
