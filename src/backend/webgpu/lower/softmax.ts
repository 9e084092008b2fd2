import type { Node, Value } from '../../../core/ir.js'
import { normalizeAxis, sizeOf } from '../../../core/shape.js'
import { mapKernel } from '../kernel.js'
import { elementsOf, isFloat32, type Lowering, shapeOf } from './lowering.js'

/** `value` as [outer, length, inner] around `axis`. */
function linesOf(value: Value, axis: number) {
  const shape = shapeOf(value)
  const at = normalizeAxis(axis, shape.length)
  return {
    lines: sizeOf(shape.slice(0, at)) * sizeOf(shape.slice(at + 1)),
    length: shape[at] ?? 1,
    inner: sizeOf(shape.slice(at + 1)),
  }
}

/** Declares `first`, the index of line i's first element. */
const firstOf = (length: number, inner: number): string =>
  inner === 1 ? `  let first = i * ${length}u;` : `  let first = i / ${inner}u * ${length * inner}u + i % ${inner}u;`

/** A loop over the indices `at` of the line that begins at `first`. */
const each = (length: number, inner: number, body: string): string =>
  `  for (var k = 0u; k < ${length}u; k++) { let at = first + k${inner === 1 ? '' : ` * ${inner}u`}; ${body} }`

/** Declares `top`, the greatest element of x's line, and `total`, the sum of the exponentials of the others' distances to it. */
const total = (x: string, length: number, inner: number): string => `  var top = ${x}[first];
${each(length, inner, `top = max(top, ${x}[at]);`)}
  var total = 0.0;
${each(length, inner, `total += exp(${x}[at] - top);`)}`

const softmax = (name: 'softmax' | 'log_softmax'): Lowering => ({
  accelerates: isFloat32,
  lower({ inputs: [x], outputs: [y], attributes }, { place }) {
    const { lines, length, inner } = linesOf(x!, attributes['axis'] as number)
    return mapKernel({
      name,
      count: lines,
      reads: { x: place(x!) },
      writes: { y: place(y) },
      body: ({ x, y }) => `${firstOf(length, inner)}
${total(x, length, inner)}
  let scale = ${name === 'softmax' ? '1.0 / total' : 'log(total)'};
${each(length, inner, `${y}[at] = ${name === 'softmax' ? `exp(${x}[at] - top) * scale` : `${x}[at] - top - scale`};`)}`,
    })
  },
})

const isLoss = (node: Node): boolean => isFloat32(node) && elementsOf(node.inputs[0]!) > 0

/** Softmax and cross-entropy of float32, with their gradients: one thread a line. */
export const softmaxLowerings = {
  Softmax: softmax('softmax'),
  LogSoftmax: softmax('log_softmax'),
  'lanewise.SoftmaxGradient': {
    accelerates: isFloat32,
    lower({ inputs: [dy, y], outputs: [dx], attributes }, { place }) {
      const { lines, length, inner } = linesOf(dy!, attributes['axis'] as number)
      return mapKernel({
        name: 'softmax_gradient',
        count: lines,
        reads: { dy: place(dy!), y: place(y!) },
        writes: { dx: place(dx) },
        body: ({ dy, y, dx }) => `${firstOf(length, inner)}
  var dot = 0.0;
${each(length, inner, `dot += ${dy}[at] * ${y}[at];`)}
${each(length, inner, `${dx}[at] = ${y}[at] * (${dy}[at] - dot);`)}`,
      })
    },
  },
  'lanewise.SoftmaxCrossEntropy': {
    accelerates: isLoss,
    lower({ inputs: [logits, target], outputs: [loss, probabilities] }, { place }) {
      const { lines, length } = linesOf(logits!, -1)
      return mapKernel({
        name: 'softmax_cross_entropy',
        count: lines,
        reads: { x: place(logits!), target_: place(target!) },
        writes: { loss: place(loss), probabilities: place(probabilities) },
        body: ({ x, target_, loss, probabilities }) => `${firstOf(length, 1)}
${total(x, length, 1)}
  let scale = 1.0 / total;
  let logarithm = log(total);
  var sum = 0.0;
${each(length, 1, `let z = ${x}[at] - top; sum += ${target_}[at] * (logarithm - z); ${probabilities}[at] = exp(z) * scale;`)}
  ${loss}[i] = sum;`,
      })
    },
  },
  'lanewise.SoftmaxCrossEntropyGradient': {
    accelerates: isFloat32,
    lower({ inputs: [dloss, probabilities, target], outputs: [dx] }, { place }) {
      const { lines, length } = linesOf(probabilities!, -1)
      return mapKernel({
        name: 'softmax_cross_entropy_gradient',
        count: lines,
        reads: { dloss: place(dloss!), probabilities: place(probabilities!), target_: place(target!) },
        writes: { dx: place(dx) },
        body: ({ dloss, probabilities, target_, dx }) => `${firstOf(length, 1)}
  var sum = 0.0;
${each(length, 1, `sum += ${target_}[at];`)}
  let d = ${dloss}[i];
${each(length, 1, `${dx}[at] = d * (${probabilities}[at] * sum - ${target_}[at]);`)}`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
