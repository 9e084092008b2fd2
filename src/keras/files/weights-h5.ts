import { LanewiseError } from '../../core/errors.js'
import type { Hdf5Dataset, Hdf5Group } from '../../data/hdf5/reader.js'
import type { Model } from '../model.js'
import { type Contents, contentFor } from './contents.js'
import { placesOf, trainableFirst } from './layout.js'

/** What errors of a file of another model end with. */
const cure = 'build the model as it was when the file was written'

/** The contents that a file of Keras 3's weights (.weights.h5) has for `model`. Throws INVALID_DATA, SHAPE_MISMATCH, TYPE_MISMATCH. */
export function readWeights(root: Hdf5Group, model: Model, name: string): Contents {
  const contents: Contents = new Map()
  const fail = (reason: string): never => {
    throw new LanewiseError('INVALID_DATA', `${name}: ${reason}; ${cure}`)
  }
  for (const { path, formerPath, name: layer, weights } of placesOf(model)) {
    if (weights.length === 0) continue
    const candidates = [path, formerPath, path.replaceAll('layers', '_layer_checkpoint_dependencies')]
    const found = candidates.find((candidate) => root.group(`${candidate}/vars`))
    if (found === undefined) fail(`it has nothing for layer '${layer}' under ${path}/vars`)
    const group = root.group(`${found}/vars`)!
    if (group.names.length !== weights.length)
      fail(`it has ${group.names.length} weights for layer '${layer}', the model has ${weights.length}`)
    weights.forEach((weight, i) => {
      const place = `${found}/vars/${i}`
      const dataset = group.dataset(String(i)) ?? fail(`it has no dataset ${place}`)
      contents.set(weight, contentFor(weight, dataset.read(), `${name}: ${place}`))
    })
  }
  return contents
}

/** A list of names that is an attribute, or several where it is long (`weight_names0`, …). */
function namesOf(group: Hdf5Group, key: string): readonly string[] {
  const listOf = (value: unknown) => (typeof value === 'string' ? [value] : Array.isArray(value) ? value : [])
  if (group.attributes.has(key)) return listOf(group.attributes.get(key))
  const names: string[] = []
  for (let i = 0; group.attributes.has(`${key}${i}`); i++) names.push(...listOf(group.attributes.get(`${key}${i}`)))
  return names
}

/** Whether `group` holds weights in the form of Keras 2. */
export const hasLegacyWeights = (group: Hdf5Group): boolean =>
  group.attributes.has('layer_names') || group.attributes.has('layer_names0')

/**
 * The contents that a group of weights in the form of Keras 2 has for `model`: layers are matched in their order, as Keras does.
 * Throws INVALID_DATA, SHAPE_MISMATCH, TYPE_MISMATCH.
 */
export function readLegacyWeights(group: Hdf5Group, model: Model, name: string): Contents {
  const contents: Contents = new Map()
  const fail = (reason: string): never => {
    throw new LanewiseError('INVALID_DATA', `${name}: ${reason}; ${cure}`)
  }
  const saved = namesOf(group, 'layer_names')
    .map((layer) => {
      const place = group.group(layer) ?? fail(`it has no group '${layer}', which its layer_names name`)
      return { layer, place, names: namesOf(place, 'weight_names') }
    })
    .filter(({ names }) => names.length > 0)
  const layers = model.layers.filter((layer) => layer.weights.length > 0)
  if (saved.length !== layers.length)
    fail(`it has weights for ${saved.length} layers, the model has ${layers.length} layers with weights`)
  layers.forEach((layer, i) => {
    const weights = trainableFirst(layer)
    const { layer: savedName, place, names } = saved[i]
    if (names.length !== weights.length)
      fail(`it has ${names.length} weights for '${savedName}', layer '${layer.name}' has ${weights.length}`)
    weights.forEach((weight, k) => {
      const dataset = place.dataset(names[k]) ?? fail(`it has no dataset ${savedName}/${names[k]}`)
      contents.set(weight, contentFor(weight, dataset.read(), `${name}: ${savedName}/${names[k]}`))
    })
  })
  return contents
}

/**
 * The variables of an optimizer, which a group's `weight_names` lists. Where `isScaled`, they are those of the optimizer
 * within Keras's LossScaleOptimizer, whose own come first: iteration, learning_rate and, once built, step_counter and
 * dynamic_scale.
 */
export function optimizerDatasets(group: Hdf5Group, isScaled: boolean): (Hdf5Dataset | undefined)[] {
  const names = namesOf(group, 'weight_names')
  const own = isScaled ? (names[3]?.endsWith('/dynamic_scale') ? 4 : 2) : 0
  return names.slice(own).map((path) => group.dataset(path))
}
