import { LanewiseError } from '../core/errors.js'
import type { ModelFunction } from './function-body.js'
import type { ModelProto, NodeProto } from './messages.js'
import { type Opsets, opsetsOf } from './opsets/versions.js'

/** A node with the opsets that its op is to be read under: the model's, or those of the function that holds it. */
export interface SourceNode {
  readonly proto: NodeProto
  readonly opsets: Opsets
}

/** The functions of a model by `domain.name`. */
export type ModelFunctions = ReadonlyMap<string, ModelFunction>

const keyOf = (domain: string | undefined, name: string | undefined) =>
  `${domain === 'ai.onnx' ? '' : (domain ?? '')}.${name}`

/** The functions that a model brings. */
export const functionsOf = (model: ModelProto): ModelFunctions =>
  new Map(
    model.functions?.map((proto) => {
      const defaults = new Map(proto.attributeProto?.map((attribute) => [attribute.name ?? '', attribute]))
      return [keyOf(proto.domain, proto.name), { proto, opsets: opsetsOf(proto.opsetImport ?? []), defaults }]
    }),
  )

/** Writes out one call, once `loadFunctionBodies` has been asked for it. */
let bodies: typeof import('./function-body.js')

/** Loads what writes out the calls of a model's functions. */
export async function loadFunctionBodies(): Promise<void> {
  bodies = await import('./function-body.js')
}

/** How deep functions may call each other, and how many nodes their bodies may grow to. */
const deepestCall = 64
const mostNodes = 50_000

/**
 * `nodes` with each call of a model function replaced by its body, until none is left; values and nodes of a body are
 * named after the call. Throws INVALID_MODEL for functions that call themselves, or that grow without end.
 */
export function inlineFunctions(nodes: readonly NodeProto[], opsets: Opsets, functions: ModelFunctions): SourceNode[] {
  const result: SourceNode[] = []
  let expanded = 0
  const expand = (proto: NodeProto, within: Opsets, depth: number) => {
    const called = functions.get(keyOf(proto.domain, proto.opType))
    if (!called) {
      if (depth > 0 && ++expanded > mostNodes)
        throw new LanewiseError('INVALID_MODEL', `the functions of the model expand to more than ${mostNodes} nodes`)
      result.push({ proto, opsets: within })
      return
    }
    if (depth >= deepestCall)
      throw new LanewiseError(
        'INVALID_MODEL',
        `${proto.opType} '${proto.name}': functions call each other more than ${deepestCall} deep, or without end`,
      )
    for (const inner of bodies.bodyOf(called, proto)) expand(inner, called.opsets, depth + 1)
  }
  for (const proto of nodes) expand(proto, opsets, 0)
  return result
}
