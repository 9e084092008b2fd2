import { LanewiseError } from '../../core/errors.js'
import { mismatch } from '../../core/file-kinds.js'
import { isHdf5, readHdf5 } from '../../data/hdf5/reader.js'
import { parseSafetensors } from '../../data/safetensors.js'
import { isZip, ZipArchive } from '../../data/zip.js'
import type { Model } from '../model.js'
import { members } from './archive.js'
import { applyContents, type Contents, contentFor } from './contents.js'
import { namedWeights } from './layout.js'
import { type KerasSource, openSource } from './source.js'
import { isTfjs, readTfjsModel } from './tfjs.js'
import { hasLegacyWeights, readLegacyWeights, readWeights } from './weights-h5.js'

/** See `Model.loadWeights`. */
export async function loadWeights(model: Model, source: KerasSource): Promise<void> {
  const file = await openSource(source)
  const { bytes, name } = file
  const archive = isZip(bytes) ? new ZipArchive(bytes, name) : undefined
  if (archive?.names.includes(members.weights)) {
    applyContents(fromHdf5(archive.need(members.weights), model, `${name}: ${members.weights}`))
  } else if (isHdf5(bytes)) applyContents(fromHdf5(bytes, model, name))
  else if (isTfjs(bytes)) applyContents((await readTfjsModel(file)).read(model))
  else if (isSafetensors(bytes)) applyContents(fromSafetensors(bytes, model, name))
  else
    throw new LanewiseError(
      'INVALID_DATA',
      `${name}: ${mismatch('weights of a Keras model', bytes) ?? 'no weights that are known here: .weights.h5, .h5, .keras, .safetensors, or the model.json of a TensorFlow.js model'}`,
    )
}

function fromHdf5(bytes: Uint8Array, model: Model, name: string): Contents {
  const root = readHdf5(bytes, name)
  const legacy = [root, root.group('model_weights')].find((group) => group && hasLegacyWeights(group))
  return legacy ? readLegacyWeights(legacy, model, name) : readWeights(root, model, name)
}

/** Eight bytes with the length of a header, which is JSON. */
const isSafetensors = (bytes: Uint8Array): boolean => bytes[8] === 0x7b

function fromSafetensors(bytes: Uint8Array, model: Model, name: string): Contents {
  const { tensors } = parseSafetensors(bytes, name)
  const weights = namedWeights(model)
  const list = (names: string[]) => `${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}`
  const missing = [...weights.keys()].filter((key) => !tensors.has(key))
  if (missing.length > 0)
    throw new LanewiseError(
      'INVALID_DATA',
      `${name}: it has no ${list(missing)}; it has ${list([...tensors.keys()])}. Names are those of model.weights`,
    )
  return new Map(
    [...weights].map(([key, weight]) => [weight, contentFor(weight, tensors.get(key)!, `${name}: ${key}`)]),
  )
}
