import type { Value } from '../../core/ir.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable, Draft } from '../opsets/draft.js'
import { alias, number, type Writer, written } from './rule.js'

/** The reciprocal root of the mean square, over the last axis. */
const inverseRms = (k: GraphBuilder, x: Value, epsilon: number): Value =>
  k.op('Reciprocal', [k.sqrt(k.add(k.mean(k.square(x), [-1], true), epsilon))])

/** LayerNormalization or RMSNormalization of input + skip + bias -> y, mean, inverse deviation, the sum. */
const skipNormalization =
  (simplified: boolean): Writer =>
  (k, draft) => {
    const [input, skip, scale] = [0, 1, 2].map((index) => inputOf(draft, index))
    const [shift, bias] = simplified ? [undefined, draft.inputs[3]] : [draft.inputs[3], draft.inputs[4]]
    const sum = k.add(input, skip)
    const total = bias ? k.add(sum, bias) : sum
    const epsilon = number(draft, 'epsilon', 1e-12)
    if (simplified)
      return [
        k.op('RMSNormalization', [total, scale], { axis: -1, epsilon }),
        undefined,
        draft.outputs > 2 ? inverseRms(k, total, epsilon) : undefined,
        total,
      ]
    const outputs = draft.outputs > 1 ? 3 : 1
    const [y, mean, deviation] = k.emit('LayerNormalization', [total, scale, shift], { axis: -1, epsilon }, outputs)
    return [y, mean, deviation, total]
  }

/** Sum of the embeddings of words, positions and segments, normalised -> y, length of each row's mask, the sum. */
const embedNormalization: Writer = (k, draft) => {
  const ids = inputOf(draft, 0)
  const [, segments, , , segmentTable, , , mask, givenPositions] = draft.inputs
  const [words, positionTable, scale, shift] = [2, 3, 5, 6].map((index) => inputOf(draft, index))
  const length = k.op('Squeeze', [k.op('Shape', [ids], { start: 1, end: 2 })])
  const range = () => k.op('Range', [k.scalar(0, 'int64'), length, k.scalar(1, 'int64')])
  let sum = k.add(k.gather(words, ids), k.gather(positionTable, givenPositions ?? range()))
  if (segments && segmentTable) sum = k.add(sum, k.gather(segmentTable, segments))
  const y = k.op('LayerNormalization', [sum, scale, shift], { axis: -1, epsilon: number(draft, 'epsilon', 1e-12) })
  const lengths = () => k.cast(k.sum(mask ?? k.mul(ids, 0), [1]), 'int32')
  return [y, draft.outputs > 1 ? lengths() : undefined, sum]
}

/** The same of tables held in 8 bits, whose scales and zero points follow the mask, in the order of the tables. */
const quantizedEmbedNormalization: Writer = (k, draft) => {
  const table = (index: number, place: number) =>
    draft.inputs[index] &&
    k.op('DequantizeLinear', [inputOf(draft, index), inputOf(draft, 8 + place), inputOf(draft, 13 + place)])
  const tables = [2, 3, 4, 5, 6].map(table)
  const inputs = [...draft.inputs.slice(0, 2), ...tables, draft.inputs[7]]
  return embedNormalization(k, { ...draft, inputs }, draft)
}

/** RMSNormalization; its second output is the inverse of the root mean square. */
const simplified: Writer = (k, draft: Draft) => {
  const [x, scale] = [inputOf(draft, 0), inputOf(draft, 1)]
  const epsilon = number(draft, 'epsilon', 1e-5)
  const y = k.op('RMSNormalization', [x, scale], { axis: number(draft, 'axis', -1), epsilon })
  return [y, draft.outputs > 1 ? inverseRms(k, x, epsilon) : undefined]
}

/** Normalizations of com.microsoft, and the one that runtimes write into ONNX's own domain. */
export const normWriters: AdapterTable = {
  SimplifiedLayerNormalization: written(simplified),
  'com.microsoft.SimplifiedLayerNormalization': written(simplified),
  'com.microsoft.LayerNormalization': alias('LayerNormalization'),
  'com.microsoft.SkipLayerNormalization': written(skipNormalization(false)),
  'com.microsoft.SkipSimplifiedLayerNormalization': written(skipNormalization(true)),
  'com.microsoft.EmbedLayerNormalization': written(embedNormalization),
  'com.microsoft.QEmbedLayerNormalization': written(quantizedEmbedNormalization),
}
