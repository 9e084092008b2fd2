import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { isUnranked, unranked } from '../../core/shape.js'
import { isGraph } from '../../core/subgraph.js'
import { GraphBuilder } from '../../graph/builder.js'
import { numberOf } from './adapter.js'
import type { Adapter, AdapterTable } from './draft.js'

/** The first `length` entries along axis 0. */
const cut = (builder: GraphBuilder, x: Value, length: Value): Value =>
  builder.op('Slice', [x, builder.ints([0]), builder.reshape(length, [1]), builder.ints([0])])

/** `x` with zeros behind it along axis 0, up to `length` entries. */
function filled(builder: GraphBuilder, x: Value, length: Value): Value {
  const missing = builder.sub(length, builder.op('Shape', [x], { start: 0, end: 1 }))
  const pads = builder.concat([builder.ints([0]), missing], 0)
  return builder.op('Pad', [x, pads, undefined, builder.ints([0])])
}

/**
 * Opset 8's Scan runs over each entry of a batch: a Scan over the batch whose body is today's Scan. Sequences shorter than
 * the longest are cut before it; what it gives for each element is filled up with zeros.
 */
const scanOverBatch: Adapter = (draft) => {
  const [lengths, ...operands] = draft.inputs
  const { directions, ...attributes } = draft.attributes
  const { body } = attributes
  if (body === undefined || !isGraph(body))
    throw new LanewiseError('INVALID_MODEL', "needs a graph as attribute 'body'")
  const captures = (attributes['captures'] as number | undefined) ?? 0
  const sliced = operands.length - captures
  const states = sliced - (numberOf(draft, 'num_scan_inputs') ?? 0)
  const builder = new GraphBuilder(body.name)
  const length = lengths && builder.input('length', 'int64', [])
  const given = operands.map((operand, index) => {
    if (!operand) throw new LanewiseError('INVALID_MODEL', `operand ${index + 1} of a Scan is left out`)
    const { name, dtype, shape } = operand
    return builder.input(name, dtype, index >= sliced ? shape : isUnranked(shape) ? unranked : shape.slice(1))
  })
  const isSequence = (index: number) => index >= states && index < sliced
  const inputs = length ? given.map((x, index) => (isSequence(index) ? cut(builder, x, length) : x)) : given
  const scan = directions === undefined ? attributes : { ...attributes, scan_input_directions: directions }
  const longest = length && builder.op('Shape', [given[states]], { start: 0, end: 1 })
  builder.emit('Scan', inputs, scan, draft.outputs).forEach((output, index) => {
    builder.output(longest && index >= states ? filled(builder, output, longest) : output)
  })
  return {
    ...draft,
    inputs: lengths ? [lengths, ...operands] : operands,
    attributes: { body: builder.build(), num_scan_inputs: lengths ? sliced + 1 : sliced, captures },
  }
}

export const controlAdapters: AdapterTable = { Scan: [{ before: 9, adapt: scanOverBatch }] }
