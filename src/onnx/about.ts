import type { About, Origin } from '../core/ir.js'
import type { Shape } from '../core/shape.js'
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
