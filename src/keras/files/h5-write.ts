import type { Tensor } from '../../core/tensor.js'
import { type GroupContent, writeHdf5 } from '../../data/hdf5/writer.js'
import { isKerasObject, isOperation, type KerasConfig, type KerasObject } from '../config.js'
import type { Weight } from '../layers/weight.js'
import type { Model } from '../model.js'
import { compileConfig } from './compile-config.js'
import { isModel, savedLayers, trainableFirst } from './layout.js'
import { optimizerContents } from './write-weights.js'

interface Group {
  readonly attributes: Record<string, string | readonly string[]>
  readonly children: Map<string, Group | Tensor>
}

const newGroup = (attributes: Group['attributes'] = {}): Group => ({ attributes, children: new Map() })

/** The most bytes of one attribute that Keras writes. */
const attributeLimit = 64512

/** `names` as the attribute `key`, or in as many of nearly equal length (`key0`, `key1` …) as the limit asks for. */
export function listAttributes(key: string, names: readonly string[]): Record<string, readonly string[]> {
  const encoder = new TextEncoder()
  const widths = names.map((name) => encoder.encode(name).length)
  for (let count = 1; ; count++) {
    const least = Math.floor(names.length / count)
    const longer = names.length % count
    const starts = Array.from({ length: count + 1 }, (_, i) => i * least + Math.min(i, longer))
    const fits = starts
      .slice(1)
      .every((end, i) => (end - starts[i]) * Math.max(0, ...widths.slice(starts[i], end)) <= attributeLimit)
    if (!fits && count < names.length) continue
    if (count === 1) return { [key]: names }
    return Object.fromEntries(
      starts.slice(1).map((end, i): [string, readonly string[]] => [`${key}${i}`, names.slice(starts[i], end)]),
    )
  }
}

/** Puts tensors under their paths, which the attribute `weight_names` lists. Paths given twice get numbers. */
function addWeights(group: Group, weights: readonly (readonly [path: string, content: Tensor])[]): void {
  const used = new Set<string>()
  for (const [path, content] of weights) {
    let unique = path
    for (let suffix = 1; used.has(unique); suffix++) unique = `${path}_${suffix}`
    used.add(unique)
    const parts = unique.split('/')
    let place = group
    for (const part of parts.slice(0, -1)) {
      const next = (place.children.get(part) as Group | undefined) ?? newGroup()
      place.children.set(part, next)
      place = next
    }
    place.children.set(parts[parts.length - 1], content)
  }
  Object.assign(group.attributes, listAttributes('weight_names', [...used]))
}

/** The weights' paths of Keras: a Sequential builds its layers under its name, a functional model calls built ones. */
function weightPaths(model: Model): Map<Weight, string> {
  const paths = new Map<Weight, string>()
  const visit = (inner: Model) => {
    const prefix = inner.className === 'Sequential' ? `${inner.name}/` : ''
    for (const layer of inner.layers)
      if (isModel(layer)) visit(layer)
      else for (const weight of layer.weights) if (!paths.has(weight)) paths.set(weight, `${prefix}${weight.name}`)
  }
  visit(model)
  return paths
}

/** A model's config as whole files hold it: its layers without Keras 3's module, name of registration and build config. */
const bareConfig = ({ layers, ...config }: KerasConfig): KerasConfig =>
  Array.isArray(layers) ? inOrder(config, layers.map(bareLayer)) : config

/** Keras has the layers behind the name, the flag and, where there is one, the dtype. */
function inOrder({ name, trainable, dtype, ...rest }: KerasConfig, layers: readonly unknown[]): KerasConfig {
  return { name, trainable, ...(dtype !== undefined && { dtype }), layers, ...rest }
}

/** Operations keep their module: it tells them from layers of the same name, to Keras as to us. */
function bareLayer(layer: unknown): unknown {
  if (!isKerasObject(layer) || isOperation(layer)) return layer
  const { module: _, registered_name: __, build_config: ___, ...kept } = layer as KerasObject & Record<string, unknown>
  return { ...kept, config: bareConfig(layer.config) }
}

/**
 * A whole model in HDF5, as Keras 3 writes .h5: config, weights by layer, and, where asked for and compiled, how it was
 * compiled and the optimizer's state. Throws INVALID_ARGUMENT for losses and metrics that are functions.
 */
export async function h5File(model: Model, kerasVersion: string, withOptimizer: boolean): Promise<Uint8Array> {
  const version = { backend: 'tensorflow', keras_version: kerasVersion }
  const { class_name: className, config } = model.toJSON()
  const root = newGroup({
    ...version,
    model_config: JSON.stringify({ class_name: className, config: bareConfig(config) }),
  })
  const contents = await model.readVariables()
  const paths = weightPaths(model)
  const all = newGroup({
    ...listAttributes(
      'layer_names',
      savedLayers(model).map(({ name }) => name),
    ),
    ...version,
  })
  root.children.set('model_weights', all)
  for (const layer of savedLayers(model)) {
    const group = newGroup()
    addWeights(
      group,
      trainableFirst(layer).map((weight) => [paths.get(weight)!, contents.get(weight)!]),
    )
    all.children.set(layer.name, group)
  }
  all.children.set('top_level_model_weights', newGroup({ weight_names: [] }))
  const options = withOptimizer ? model.compileOptions : undefined
  if (options) {
    const { optimizer, ...training } = compileConfig(model, options)
    const { class_name, config } = optimizer as KerasObject
    root.attributes.training_config = JSON.stringify({ ...training, optimizer_config: { class_name, config } })
    const state = newGroup()
    root.children.set('optimizer_weights', state)
    const variables = await optimizerContents(model, (weight) => paths.get(weight)!)
    const path = (name: string) => `${model.optimizer.options.name}/${name}`
    addWeights(
      state,
      variables.map(({ variable, content }) => [path(variable.name), content]),
    )
  }
  return writeHdf5(root as GroupContent)
}
