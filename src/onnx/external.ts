import { LanewiseError } from '../core/errors.js'
import type { GraphProto, ModelProto, NodeProto, TensorProto } from './messages.js'

/** The content of the files beside a model, by the name that the model gives. */
export type ExternalFiles = ReadonlyMap<string, Uint8Array>

/** The entries of a tensor that lies outside of its model. */
const entriesOf = (proto: TensorProto): ReadonlyMap<string, string> =>
  new Map(proto.externalData?.map(({ key, value }) => [key ?? '', value ?? '']))

export const isExternal = (proto: TensorProto): boolean =>
  proto.dataLocation === 1 || (proto.externalData?.length ?? 0) > 0

/** The file that holds an external tensor. Throws INVALID_MODEL for a name that may lead out of the model's folder. */
export function locationOf(proto: TensorProto): string {
  const location = entriesOf(proto).get('location') ?? ''
  const parts = location.split(/[/\\]/)
  const leaves =
    location === '' ||
    parts[0] === '' ||
    parts.includes('..') ||
    /^[a-z][a-z0-9+.-]*:/i.test(location) ||
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    /[\u0000-\u001f]/.test(location)
  if (leaves)
    throw new LanewiseError(
      'INVALID_MODEL',
      `tensor '${proto.name ?? ''}' lies in '${location}'; external data must lie in the folder of the model`,
    )
  return parts.filter((part) => part !== '.').join('/')
}

/** The bytes of an external tensor, `bytes` long. Throws INVALID_MODEL when the file is missing or too short. */
export function externalBytes(proto: TensorProto, bytes: number, files: ExternalFiles): Uint8Array {
  const location = locationOf(proto)
  const fail = (reason: string): never => {
    throw new LanewiseError('INVALID_MODEL', `tensor '${proto.name ?? ''}' in '${location}': ${reason}`)
  }
  const file = files.get(location)
  if (!file)
    return fail(
      files.size
        ? `the file was not given beside ${[...files.keys()].join(', ')}: pass it in externalData`
        : 'the file was not given: load the model by its path or URL, or pass externalData',
    )
  const entries = entriesOf(proto)
  const numberAt = (key: string, otherwise: number): number => {
    const text = entries.get(key)
    if (text === undefined) return otherwise
    const value = Number(text)
    return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : fail(`its ${key} is '${text}'`)
  }
  const offset = numberAt('offset', 0)
  const length = numberAt('length', bytes)
  if (length !== bytes) fail(`needs ${bytes} bytes, its length says ${length}`)
  if (offset + length > file.length) fail(`bytes ${offset} to ${offset + length} of a file of ${file.length}`)
  return file.subarray(offset, offset + length)
}

/** The files that the tensors of a model lie in. Throws INVALID_MODEL for one that leaves the model's folder. */
export function externalFilesOf(model: ModelProto): ReadonlySet<string> {
  const names = new Set<string>()
  const visitTensor = (tensor: TensorProto | undefined) => {
    if (tensor && isExternal(tensor)) names.add(locationOf(tensor))
  }
  const visitNodes = (nodes: readonly NodeProto[] | undefined) => {
    for (const { attribute } of nodes ?? [])
      for (const { t, tensors, g, graphs } of attribute ?? []) {
        for (const tensor of [t, ...(tensors ?? [])]) visitTensor(tensor)
        for (const graph of [g, ...(graphs ?? [])]) if (graph) visitGraph(graph)
      }
  }
  const visitGraph = (graph: GraphProto) => {
    for (const tensor of graph.initializer ?? []) visitTensor(tensor)
    for (const { values, indices } of graph.sparseInitializer ?? []) {
      visitTensor(values)
      visitTensor(indices)
    }
    visitNodes(graph.node)
  }
  if (model.graph) visitGraph(model.graph)
  for (const { node } of model.functions ?? []) visitNodes(node)
  return names
}
