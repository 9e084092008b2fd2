import { differentiate } from '../../autodiff/differentiate.js'
import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable, Draft } from '../opsets/draft.js'
import { number, text, texts, type Writer, written } from './rule.js'

/** What an update of several tensors takes: rate R, count T, then as many tensors of each kind, kind by kind. */
interface Update {
  readonly rate: Value
  readonly count: Value
  /** One list a tensor: the tensor, its gradient (regularised), and its slots. */
  readonly tensors: readonly (readonly Value[])[]
}

/** `kinds` tensors belong together: X, G and the slots. Throws INVALID_MODEL when the operands do not divide. */
function updateOf(k: GraphBuilder, draft: Draft, kinds: number): Update {
  const count = (draft.inputs.length - 2) / kinds
  if (!Number.isInteger(count) || count < 1)
    throw new LanewiseError(
      'INVALID_MODEL',
      `takes R, T and a multiple of ${kinds} tensors, got ${draft.inputs.length}`,
    )
  const decay = number(draft, 'norm_coefficient', 0)
  const tensors = Array.from({ length: count }, (_, index) => {
    const [x, gradient, ...slots] = Array.from({ length: kinds }, (_, kind) => inputOf(draft, 2 + kind * count + index))
    return [x, k.add(k.mul(x, decay), gradient), ...slots]
  })
  return { rate: inputOf(draft, 0), count: inputOf(draft, 1), tensors }
}

/** New tensors first, then each slot's new contents: the order of the outputs. */
const byKind = (results: readonly (readonly Value[])[]): Value[] =>
  results[0].flatMap((_, kind) => results.map((result) => result[kind]))

/** base to the power of the count, in the dtype of `like`. */
const power = (k: GraphBuilder, base: number, count: Value, like: Value): Value =>
  k.pow(k.cast(k.constant(Tensor.scalar(base)), like.dtype as 'float32'), k.cast(count, like.dtype as 'float32'))

const adagrad: Writer = (k, draft) => {
  const { rate, count, tensors } = updateOf(k, draft, 3)
  const decayed = k.div(rate, k.add(k.mul(k.cast(count, rate.dtype as 'float32'), number(draft, 'decay_factor', 0)), 1))
  return byKind(
    tensors.map(([x, gradient, squares]) => {
      const sum = k.add(squares, k.square(gradient))
      const root = k.add(k.sqrt(sum), number(draft, 'epsilon', 1e-6))
      return [k.sub(x, k.div(k.mul(decayed, gradient), root)), sum]
    }),
  )
}

const adam: Writer = (k, draft) => {
  const { rate, count, tensors } = updateOf(k, draft, 4)
  const [alpha, beta] = [number(draft, 'alpha', 0.9), number(draft, 'beta', 0.999)]
  const corrected = k.div(
    k.mul(rate, k.sqrt(k.sub(1, power(k, beta, count, rate)))),
    k.sub(1, power(k, alpha, count, rate)),
  )
  const adjusted = k.where(k.greater(count, 0), corrected, rate)
  const after = 1 - number(draft, 'norm_coefficient_post', 0)
  return byKind(
    tensors.map(([x, gradient, mean, squares]) => {
      const newMean = k.add(k.mul(mean, alpha), k.mul(gradient, 1 - alpha))
      const newSquares = k.add(k.mul(squares, beta), k.mul(k.square(gradient), 1 - beta))
      const root = k.add(k.sqrt(newSquares), number(draft, 'epsilon', 1e-6))
      const moved = k.sub(x, k.div(k.mul(adjusted, newMean), root))
      return [after === 1 ? moved : k.mul(moved, after), newMean, newSquares]
    }),
  )
}

const momentum: Writer = (k, draft) => {
  const { rate, count, tensors } = updateOf(k, draft, 3)
  const [alpha, beta] = [number(draft, 'alpha', 0), number(draft, 'beta', 1)]
  const nesterov = text(draft, 'mode', 'standard') === 'nesterov'
  return byKind(
    tensors.map(([x, gradient, velocity]) => {
      const share = k.where(k.greater(count, 0), k.mul(gradient, beta), gradient)
      const next = k.add(k.mul(velocity, alpha), share)
      const step = nesterov ? k.add(gradient, k.mul(next, alpha)) : next
      return [k.sub(x, k.mul(rate, step)), next]
    }),
  )
}

/** The derivatives of the value called `y` by the first operands, which `xs` names. */
const gradient: Writer = (k, draft) => {
  const names = texts(draft, 'xs') ?? []
  const name = text(draft, 'y', '')
  const y = k.nodes.flatMap((node) => node.outputs).find((value) => value.name === name)
  if (!y) throw new LanewiseError('INVALID_MODEL', `y is '${name}', which no earlier node computes`)
  const by = names.map((_, index) => inputOf(draft, index))
  const ones = k.constant(Tensor.full('float32', concrete(y.shape, `'${name}'`), 1))
  return differentiate(k, y, by, k.cast(ones, y.dtype as 'float32')).map(
    (derivative, index) => derivative ?? k.mul(by[index], 0),
  )
}

/** Updates and derivatives of ai.onnx.preview.training. */
export const trainingWriters: AdapterTable = {
  'ai.onnx.preview.training.Adagrad': written(adagrad),
  'ai.onnx.preview.training.Adam': written(adam),
  'ai.onnx.preview.training.Momentum': written(momentum),
  'ai.onnx.preview.training.Gradient': written(gradient),
}
