import { normalizeAxis } from '../../core/shape.js'
import type { crossEntropy } from '../../ops/crossentropy.js'
import { intAttribute } from '../../ops/definition.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { eachLine, logSoftmaxLine } from './softmax.js'

export const crossEntropyKernels = {
  'lanewise.SoftmaxGradient': ({ inputs, outputs, attributes }) => {
    const [dy, y] = inputs.map((input) => numbersOf(input!))
    const dx = new Float64Array(dy.length)
    const { dims } = inputs[0]!
    eachLine(dims, normalizeAxis(intAttribute(attributes, 'axis'), dims.length), (start, length, stride) => {
      let total = 0
      for (let i = start, n = 0; n < length; n++, i += stride) total += dy[i] * y[i]
      for (let i = start, n = 0; n < length; n++, i += stride) dx[i] = y[i] * (dy[i] - total)
    })
    return [tensorOf(outputs[0].dtype, dx, outputs[0].shape)]
  },
  'lanewise.SoftmaxCrossEntropy': ({ inputs, outputs }) => {
    const [logits, target] = inputs.map((input) => numbersOf(input!))
    const { dims } = inputs[0]!
    const logarithms = new Float64Array(logits.length)
    const loss: number[] = []
    eachLine(dims, dims.length - 1, (start, length, stride) => {
      logSoftmaxLine(logits, logarithms, start, length, stride)
      let total = 0
      for (let i = start; i < start + length; i++) total -= target[i] === 0 ? 0 : target[i] * logarithms[i]
      loss.push(total)
    })
    return [
      tensorOf(outputs[0].dtype, loss, outputs[0].shape),
      tensorOf(outputs[1].dtype, logarithms.map(Math.exp), outputs[1].shape),
    ]
  },
  'lanewise.SoftmaxCrossEntropyGradient': ({ inputs, outputs }) => {
    const [dLoss, probabilities, target] = inputs.map((input) => numbersOf(input!))
    const { dims } = inputs[1]!
    const dx = new Float64Array(target.length)
    let row = 0
    eachLine(dims, dims.length - 1, (start, length) => {
      let total = 0
      for (let i = start; i < start + length; i++) total += target[i]
      for (let i = start; i < start + length; i++) dx[i] = dLoss[row] * (probabilities[i] * total - target[i])
      row++
    })
    return [tensorOf(outputs[0].dtype, dx, outputs[0].shape)]
  },
} as const satisfies Record<keyof typeof crossEntropy, ReferenceKernel>
