import { LanewiseError } from '../../core/errors.js'
import { isUnranked, unranked } from '../../core/shape.js'
import { isGraph } from '../../core/subgraph.js'
import { GraphBuilder } from '../../graph/builder.js'
import type { Adapter, AdapterTable } from './adapter.js'

/** Opset 8's Scan runs over each entry of a batch: a Scan over the batch whose body is today's Scan. */
const scanOverBatch: Adapter = (draft) => {
  const [lengths, ...operands] = draft.inputs
  if (lengths)
    throw new LanewiseError('UNSUPPORTED_OP', 'a Scan of opset 8 with sequence lengths is not read; export to opset 9')
  const { directions, ...attributes } = draft.attributes
  const { body } = attributes
  if (body === undefined || !isGraph(body))
    throw new LanewiseError('INVALID_MODEL', "needs a graph as attribute 'body'")
  const captures = (attributes['captures'] as number | undefined) ?? 0
  const sliced = operands.length - captures
  const builder = new GraphBuilder(body.name)
  const inputs = operands.map((operand, index) => {
    if (!operand) throw new LanewiseError('INVALID_MODEL', `operand ${index + 1} of a Scan is left out`)
    const { name, dtype, shape } = operand
    return builder.input(name, dtype, index >= sliced ? shape : isUnranked(shape) ? unranked : shape.slice(1))
  })
  const scan = directions === undefined ? attributes : { ...attributes, scan_input_directions: directions }
  for (const output of builder.emit('Scan', inputs, scan, draft.outputs)) builder.output(output)
  return { ...draft, inputs: operands, attributes: { body: builder.build(), num_scan_inputs: sliced, captures } }
}

export const controlAdapters: AdapterTable = { Scan: [{ before: 9, adapt: scanOverBatch }] }
