import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import type { Graph } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'
import { parseNpy } from '../data/npy.js'
import type { InferenceSession } from '../session.js'

/** The tensors of `name=file.npy` arguments for a session; see readFeeds. */
export const readInputs = (session: InferenceSession, entries: readonly string[]): Promise<Record<string, Tensor>> =>
  read(
    session.inputNames,
    session.overridableMetadata.map((input) => input.name),
    entries,
  )

/** Reads `name=file.npy` arguments; a bare `file.npy` feeds a model's only input. Throws INVALID_ARGUMENT, DATA_NOT_FOUND, INVALID_DATA. */
export const readFeeds = (graph: Graph, entries: readonly string[]): Promise<Record<string, Tensor>> =>
  read(
    graph.inputs.map((input) => input.name),
    [],
    entries,
  )

async function read(
  inputNames: readonly string[],
  overridable: readonly string[],
  entries: readonly string[],
): Promise<Record<string, Tensor>> {
  const feeds: Record<string, Tensor> = {}
  for (const entry of entries) {
    const split = entry.indexOf('=')
    const name = split < 0 ? inputNames[0] : entry.slice(0, split)
    if (split < 0 && inputNames.length > 1)
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        `--input ${entry}: say which input as name=file.npy; there are ${inputNames.join(', ')}`,
      )
    const known = [...inputNames, ...overridable]
    if (!known.includes(name))
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        `--input ${entry}: the model has no input '${name}'; it has ${known.join(', ')}`,
      )
    const path = entry.slice(split + 1)
    feeds[name] = parseNpy(await readFile(path), path)
  }
  return feeds
}
