import { snakeCase } from '../config.js'
import type { Layer } from '../layers/layer.js'
import type { Weight } from '../layers/weight.js'
import type { Model } from '../model.js'

/** Where Keras 3 keeps a layer's own weights in a file: `<path>/vars/0`, `<path>/vars/1` … */
export interface Place {
  /** '' for the model itself. */
  readonly path: string
  /** Another path that older versions have it under. */
  readonly formerPath: string
  /** The layer's. */
  readonly name: string
  readonly weights: readonly Weight[]
}

/** The layers of a model that Keras keeps in files of weights. */
export const savedLayers = (model: Model): readonly Layer[] => model.layers.filter((layer) => !layer.isOperation)

/** Classes of Keras that are called otherwise than in its configs. */
const pythonNames: Readonly<Record<string, string>> = {
  GroupQueryAttention: 'GroupedQueryAttention',
  Model: 'Functional',
}

/** Attributes of Keras's layers, where they are not the names of ours: properties without the underscore come first. */
const attributes: Readonly<Record<string, RegExp>> = { MultiHeadAttention: /^_/ }

export const isModel = (layer: Layer): layer is Model => 'network' in layer

/** Layers without weights that Keras's layers have within them: attributes, and names. */
const withinAttention = { _dropout_layer: 'dropout', _softmax: 'softmax' }
const besides: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  MultiHeadAttention: withinAttention,
  GroupQueryAttention: withinAttention,
}

/** The places of a model and of all layers in it, in the order in which Keras writes them. */
export function placesOf(model: Layer): Place[] {
  const places: Place[] = []
  const seen = new Set<Layer>()
  const visit = (layer: Layer, path: string, formerPath: string) => {
    if (seen.has(layer)) return
    seen.add(layer)
    places.push({ path, formerPath, name: layer.name, weights: ownWeights(layer) })
    const under = (base: string, name: string) => (base === '' ? name : `${base}/${name}`)
    const visitList = (layers: readonly Layer[], name: string) => {
      const used = new Map<string, number>()
      for (const item of layers) {
        const base = snakeCase(pythonNames[item.className] ?? item.className)
        const count = used.get(base) ?? 0
        used.set(base, count + 1)
        const key = `${name}/${count === 0 ? base : `${base}_${count}`}`
        visit(item, under(path, key), under(formerPath, key))
      }
    }
    if (isModel(layer)) return visitList(savedLayers(layer), 'layers')
    const lists = new Map<string, Layer[]>()
    for (const [key, sublayer] of Object.entries(layer.sublayers)) {
      const [list] = key.split('/')
      if (list !== key) lists.set(list, [...(lists.get(list) ?? []), sublayer])
      else visit(sublayer, under(path, key.replace(attributes[layer.className] ?? '', '')), under(formerPath, key))
    }
    for (const [name, items] of lists) visitList(items, name)
    for (const [key, name] of Object.entries(besides[layer.className] ?? {}))
      places.push({ path: under(path, key), formerPath: under(formerPath, key), name, weights: [] })
  }
  visit(model, '', '')
  return places
}

/** Weights of a layer within that Keras's layer has as its own, too. */
const borrowed = (layer: Layer): readonly Weight[] =>
  layer.className === 'SpectralNormalization' ? layer.sublayers.layer.weightsHere.slice(0, 1) : []

/** A layer's own weights in Keras's order: parameters first. A model has none of its own. */
const ownWeights = (layer: Layer): readonly Weight[] =>
  isModel(layer)
    ? []
    : [
        ...borrowed(layer),
        ...layer.weightsHere.filter((weight) => weight.isParameter),
        ...layer.weightsHere.filter((weight) => !weight.isParameter),
      ]

/** Every weight under a name that holds the names of the layers around it, those of nested models included: `dense/kernel`. */
export function namedWeights(model: Model): Map<string, Weight> {
  const names = new Map<string, Weight>()
  const seen = new Set<Weight>()
  const add = (name: string, weight: Weight) => {
    if (seen.has(weight)) return
    seen.add(weight)
    let unique = name
    for (let suffix = 1; names.has(unique); suffix++) unique = `${name}_${suffix}`
    names.set(unique, weight)
  }
  const visit = (inner: Model, prefix: string) => {
    for (const layer of inner.layers)
      if (isModel(layer)) visit(layer, `${prefix}${layer.name}/`)
      else for (const weight of layer.weights) add(`${prefix}${weight.name}`, weight)
  }
  visit(model, '')
  return names
}

/** A layer's weights as files of Keras 2 have them: what trains before what does not. */
export const trainableFirst = (layer: Layer): readonly Weight[] => [
  ...layer.weights.filter((weight) => weight.trainable),
  ...layer.weights.filter((weight) => !weight.trainable),
]
