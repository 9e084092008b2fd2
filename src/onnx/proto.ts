import { LanewiseError } from '../core/errors.js'
import { decode } from './decode.js'
import type { ModelProto, NodeProto } from './messages.js'

/** A 64-bit field as a number; 0 where it is left out. Throws INVALID_MODEL beyond 2^53. */
export const wideToNumber = (value: number | bigint = 0): number => {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new LanewiseError('INVALID_MODEL', `the integer ${number} is out of range`)
  return number
}

/** A node as errors name it. */
export const describeProto = (node: NodeProto): string =>
  `${node.opType} '${node.name || node.output?.find((name) => name) || ''}'`

/** How deep subgraphs may nest. */
export const deepestSubgraph = 64

/** Throws INVALID_MODEL, of a node whose subgraphs nest too deep. */
export function refuseDepth(node: NodeProto): never {
  throw new LanewiseError(
    'INVALID_MODEL',
    `${describeProto(node)} holds subgraphs nested more than ${deepestSubgraph} deep`,
  )
}

/** Parses a ModelProto. Throws INVALID_MODEL when the bytes are not one. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  const model = decode('ModelProto', bytes, (path) => {
    const nodes = path.filter((message: NodeProto) => message.opType !== undefined)
    if (nodes.length > deepestSubgraph) refuseDepth(nodes[deepestSubgraph])
  })
  if (!model.graph) throw new LanewiseError('INVALID_MODEL', 'not an ONNX model: it holds no graph')
  return model
}
