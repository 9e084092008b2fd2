import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import type { Tensor } from '../core/tensor.js'
import { parseNpy } from '../data/npy.js'
import type { InferenceSession } from '../session.js'

/** Reads `name=file.npy` arguments; a bare `file.npy` feeds a model's only input. Throws INVALID_ARGUMENT, DATA_NOT_FOUND, INVALID_DATA. */
export async function readInputs(
  session: InferenceSession,
  entries: readonly string[],
): Promise<Record<string, Tensor>> {
  const feeds: Record<string, Tensor> = {}
  for (const entry of entries) {
    const split = entry.indexOf('=')
    const name = split < 0 ? session.inputNames[0] : entry.slice(0, split)
    if (split < 0 && session.inputNames.length > 1)
      throw new LanewiseError(
        'INVALID_ARGUMENT',
        `--input ${entry}: say which input as name=file.npy; there are ${session.inputNames.join(', ')}`,
      )
    const known = [...session.inputNames, ...session.overridableMetadata.map((input) => input.name)]
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
