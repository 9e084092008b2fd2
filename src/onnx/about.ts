import type { About, Graph, Origin, Value } from '../core/ir.js'
import { isUnranked, type Shape } from '../core/shape.js'
import type { ModelProto, StringStringEntryProto } from './messages.js'
import { wideToNumber } from './proto.js'

/** What metadata_props say. */
export const metadataOf = (entries: readonly StringStringEntryProto[] = []): Readonly<Record<string, string>> =>
  Object.fromEntries(entries.map(({ key, value }) => [key ?? '', value ?? '']))

/** `metadata` as metadata_props. */
export const entriesOf = (metadata: Readonly<Record<string, string>>): readonly StringStringEntryProto[] =>
  Object.entries(metadata).map(([key, value]) => ({ key, value }))

/** A message's doc string and metadata as a node or a graph holds them; undefined where both are empty. */
export const aboutOf = (message: {
  readonly docString?: string | undefined
  readonly metadataProps?: readonly StringStringEntryProto[] | undefined
}): About | undefined =>
  message.docString || message.metadataProps?.length
    ? { doc: message.docString ?? '', metadata: metadataOf(message.metadataProps) }
    : undefined

/** What the file of `model` says besides its graph. */
export const originOf = (model: ModelProto, outputs: ReadonlyMap<string, Shape>, notes: readonly string[]): Origin => ({
  producerName: model.producerName ?? '',
  producerVersion: model.producerVersion ?? '',
  domain: model.domain ?? '',
  modelVersion: wideToNumber(model.modelVersion),
  doc: model.docString ?? '',
  graph: aboutOf(model.graph ?? {}) ?? { doc: '', metadata: {} },
  outputs,
  notes,
})

/** The shape of an output of `graph`, with what its file says of sizes that inference only names. */
export function outputShapeOf(graph: Graph, { name, shape }: Value): Shape {
  const declared = graph.origin?.outputs.get(name)
  if (declared?.length !== shape.length || isUnranked(shape)) return shape
  const named = new Set(graph.inputs.flatMap((input) => input.shape))
  return shape.map((dim, axis) =>
    typeof dim === 'string' && (typeof declared[axis] === 'string' || !named.has(dim)) ? declared[axis] : dim,
  )
}
