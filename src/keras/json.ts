import { LanewiseError } from '../core/errors.js'
import { isKerasObject, type KerasObject } from './config.js'
import { InputLayer } from './layers/core.js'
import { layerFromConfig } from './layers/index.js'
import type { KerasShape, Layer, SymbolicTensor } from './layers/layer.js'
import { Model } from './model.js'
import { Sequential } from './sequential.js'

const bad = (message: string) => new LanewiseError('INVALID_MODEL', `Keras JSON: ${message}`)

interface LayerEntry extends KerasObject {
  readonly name?: string
  readonly inbound_nodes?: readonly unknown[]
}

/** One place in the network: layer name, which application of it, which output. */
type History = readonly [layer: string, node: number, tensor: number]

const isHistory = (value: unknown): value is History =>
  Array.isArray(value) && value.length >= 3 && typeof value[0] === 'string' && typeof value[1] === 'number'

const historiesOf = (value: unknown): readonly History[] => {
  if (isHistory(value)) return [value]
  if (Array.isArray(value) && value.every(isHistory)) return value
  throw bad(`expected [layer, node, tensor] entries, got ${JSON.stringify(value)}`)
}

/** The tensors an application reads, and whether they were given as a list. */
function callArguments(node: unknown, layer: string): { histories: History[]; list: boolean } {
  const { args, kwargs } = (node ?? {}) as { args?: readonly unknown[]; kwargs?: Record<string, unknown> }
  if (!Array.isArray(args)) throw bad(`layer '${layer}' has an inbound node that is not in Keras 3's form`)
  if (args.length !== 1) throw bad(`layer '${layer}' is called with ${args.length} arguments; one is supported`)
  const unsupported = Object.entries(kwargs ?? {}).find(([name, value]) => value !== null && name !== 'training')
  if (unsupported) throw bad(`layer '${layer}' is called with '${unsupported[0]}', which is not supported`)
  const list = Array.isArray(args[0])
  const histories = (list ? (args[0] as readonly unknown[]) : [args[0]]).map((item) => {
    const history = isKerasObject(item) ? item.config.keras_history : undefined
    if (!isHistory(history)) throw bad(`layer '${layer}' is called with something that is not a tensor`)
    return history
  })
  return { histories, list }
}

function functionalFromConfig(object: KerasObject): Model {
  const { layers, input_layers, output_layers, name, trainable } = object.config
  if (!Array.isArray(layers)) throw bad('a Functional model needs a list of layers')
  const entries = layers as readonly LayerEntry[]
  const known = new Map<string, Layer>()
  const tensors = new Map<string, readonly SymbolicTensor[]>()
  const key = (layer: string, node: number) => `${layer}\n${node}`
  const nameOf = (entry: LayerEntry) => entry.name ?? String(entry.config.name)
  for (const entry of entries) {
    const layer = objectToLayer(entry)
    known.set(nameOf(entry), layer)
    if (layer instanceof InputLayer) tensors.set(key(nameOf(entry), 0), [layer.output])
  }
  let pending = entries.flatMap((entry) =>
    (entry.inbound_nodes ?? []).map((node, index) => ({
      name: nameOf(entry),
      index,
      ...callArguments(node, nameOf(entry)),
    })),
  )
  while (pending.length > 0) {
    const waiting: typeof pending = []
    for (const call of pending) {
      const sources = call.histories.map(([layer, node, tensor]) => tensors.get(key(layer, node))?.[tensor])
      const ready = call.index === 0 || tensors.has(key(call.name, call.index - 1))
      if (!ready || sources.some((source) => source === undefined)) {
        waiting.push(call)
        continue
      }
      const inputs = sources as SymbolicTensor[]
      tensors.set(key(call.name, call.index), known.get(call.name)!.applyAll(call.list ? inputs : inputs[0]))
    }
    if (waiting.length === pending.length)
      throw bad(`layers ${waiting.map((call) => `'${call.name}'`).join(', ')} read from layers that are not there`)
    pending = waiting
  }
  const pick = (value: unknown): SymbolicTensor | SymbolicTensor[] => {
    const picked = historiesOf(value).map(([layer, node, tensor]) => {
      const found = tensors.get(key(layer, node))?.[tensor]
      if (!found) throw bad(`there is no output ${tensor} of '${layer}'`)
      return found
    })
    return isHistory(value) ? picked[0] : picked
  }
  return new Model({
    inputs: pick(input_layers),
    outputs: pick(output_layers),
    name: name as string | undefined,
    trainable: trainable as boolean | undefined,
  })
}

function sequentialFromConfig(object: KerasObject): Sequential {
  const { layers, build_input_shape, name, trainable } = object.config
  if (!Array.isArray(layers)) throw bad('a Sequential model needs a list of layers')
  const chain = (layers as readonly KerasObject[]).map(objectToLayer)
  const model = new Sequential(chain, { name: name as string | undefined, trainable: trainable as boolean | undefined })
  if (!model.isConnected && Array.isArray(build_input_shape)) model.build(build_input_shape as KerasShape)
  return model
}

/** A layer or a model from Keras's serialised form. */
function objectToLayer(object: unknown): Layer {
  if (!isKerasObject(object)) throw bad(`expected { class_name, config }, got ${JSON.stringify(object)?.slice(0, 80)}`)
  if (object.class_name === 'Sequential') return sequentialFromConfig(object)
  if (object.class_name === 'Functional' || object.class_name === 'Model') return functionalFromConfig(object)
  return layerFromConfig(object)
}

/** A model, with fresh weights, from Keras 3's model JSON: the text or the object. Throws INVALID_MODEL, INVALID_ARGUMENT. */
export function modelFromJSON(json: string | object): Model {
  let object: unknown = json
  if (typeof json === 'string')
    try {
      object = JSON.parse(json)
    } catch (error) {
      throw new LanewiseError('INVALID_MODEL', `Keras JSON: ${(error as Error).message}`, { cause: error })
    }
  const layer = objectToLayer(object)
  if (!(layer instanceof Model)) throw bad(`'${layer.className}' is a layer, not a model`)
  return layer
}
