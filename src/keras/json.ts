import { LanewiseError } from '../core/errors.js'
import { isKerasObject, isOperation, type KerasObject } from './config.js'
import type { Ends } from './ends.js'
import { InputLayer } from './layers/core.js'
import * as layers from './layers/factories.js'
import type { Argument, Layer, SymbolicTensor } from './layers/layer.js'
import { OperationLayer } from './layers/operations.js'
import {
  completeBy,
  layerFromConfig as fromRegistry,
  isRegistered,
  provideLayers,
  registerClass,
} from './layers/registry.js'
import type { KerasShape } from './layers/shapes.js'
import { once } from './layers/sharing.js'
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

/** The arguments of an application, tensors still by their places. */
function callArguments(node: unknown, layer: string): { args: unknown[]; kwargs: Record<string, unknown> } {
  const { args, kwargs = {} } = (node ?? {}) as { args?: unknown[]; kwargs?: Record<string, unknown> }
  if (!Array.isArray(args)) throw bad(`layer '${layer}' has an inbound node that is not in Keras 3's form`)
  return { args, kwargs }
}

/** A tensor that an argument names is not there yet. */
class Missing extends Error {}

/** An argument with its tensors. Throws Missing. */
function argumentOf(value: unknown, layer: string, find: (history: History) => SymbolicTensor | undefined): Argument {
  if (Array.isArray(value)) return value.map((item) => argumentOf(item, layer, find))
  if (typeof value !== 'object' || value === null) return value as Argument
  const history = isKerasObject(value) ? value.config.keras_history : undefined
  if (!isHistory(history) && isKerasObject(value)) return value
  if (!isHistory(history) && Object.values(value).every(isKerasObject))
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, argumentOf(item, layer, find) as SymbolicTensor]),
    )
  if (!isHistory(history))
    throw bad(`layer '${layer}' is called with something that is neither a tensor nor a plain value`)
  const tensor = find(history)
  if (!tensor) throw new Missing()
  return tensor
}

/** Applies `layer` as a call in Keras's form says. */
function applyCall(
  layer: Layer,
  { args, kwargs }: { args: unknown[]; kwargs: Record<string, unknown> },
  find: (history: History) => SymbolicTensor | undefined,
): readonly SymbolicTensor[] {
  const read = (value: unknown) => argumentOf(value, layer.name, find)
  const names = layer.signature
  if (args.length > names.length)
    throw bad(`layer '${layer.name}' is called with ${args.length} arguments; it takes ${names.join(', ')}`)
  const given = Object.fromEntries([
    ...args.map((value, i) => [names[i], read(value)] as const),
    ...Object.entries(kwargs).map(([name, value]) => [name, read(value)] as const),
  ])
  const { [names[0]]: first, ...others } = given
  return layer.applyAll(first, others)
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
      const ready = call.index === 0 || tensors.has(key(call.name, call.index - 1))
      try {
        if (!ready) throw new Missing()
        const outputs = applyCall(
          known.get(call.name)!,
          call,
          ([layer, node, tensor]) => tensors.get(key(layer, node))?.[tensor],
        )
        tensors.set(key(call.name, call.index), outputs)
      } catch (error) {
        if (!(error instanceof Missing)) throw error
        waiting.push(call)
      }
    }
    if (waiting.length === pending.length)
      throw bad(`layers ${waiting.map((call) => `'${call.name}'`).join(', ')} read from layers that are not there`)
    pending = waiting
  }
  const find = ([layer, node, tensor]: History): SymbolicTensor => {
    // Here, unlike in calls, a functional model within another counts the node that it is itself.
    const applications = known.get(layer)?.className === 'Functional' ? Math.max(0, node - 1) : node
    const found = tensors.get(key(layer, applications))?.[tensor]
    if (!found) throw bad(`there is no output ${tensor} of '${layer}'`)
    return found
  }
  const pick = (value: unknown): Ends => {
    if (isHistory(value)) return find(value)
    const isNamed = typeof value === 'object' && value !== null
    if (!isNamed || !Object.values(value).every(isHistory))
      throw bad(`expected [layer, node, tensor] entries, got ${JSON.stringify(value)}`)
    if (Array.isArray(value)) return value.map(find)
    return Object.fromEntries(
      Object.entries(value as Record<string, History>).map(([name, history]) => [name, find(history)]),
    )
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
  const chain = layers.map(objectToLayer)
  const model = new Sequential(chain, { name: name as string | undefined, trainable: trainable as boolean | undefined })
  if (!model.isConnected && Array.isArray(build_input_shape)) model.build(build_input_shape as KerasShape)
  return model
}

/** Reads a layer or a model in Keras's form. */
function objectToLayer(object: unknown): Layer {
  if (!isKerasObject(object)) throw bad(`expected { class_name, config }, got ${JSON.stringify(object)?.slice(0, 80)}`)
  return isOperation(object) ? once(object, () => new OperationLayer(object)) : layerFromConfig(object)
}

let learned = false

/** Registers Keras's own classes. Not before they are asked for: a page that reads no configs does without them. */
function learnClasses(): void {
  if (learned) return
  learned = true
  provideLayers(layers)
  if (!isRegistered('Sequential')) registerClass('Sequential', sequentialFromConfig)
  for (const name of ['Functional', 'Model']) if (!isRegistered(name)) registerClass(name, functionalFromConfig)
}

/** Whether configs of a class can be read. */
export function isReadable(className: string): boolean {
  learnClasses()
  return isRegistered(className)
}

/** `read`; what holds it also has wrappers read the layers that they are given in serialised form. */
function reading<F>(read: F): F {
  completeBy(learnClasses)
  return read
}

/** A layer or a model from Keras's serialised form. Throws INVALID_ARGUMENT for classes and options that are not known. */
export const layerFromConfig = /* @__PURE__ */ reading((object: KerasObject): Layer => {
  learnClasses()
  return fromRegistry(object)
})

/** objectToLayer; what a config of wrong kinds makes of constructors is INVALID_MODEL. */
function readLayer(object: unknown): Layer {
  try {
    return objectToLayer(object)
  } catch (cause) {
    if (cause instanceof LanewiseError) throw cause
    throw new LanewiseError('INVALID_MODEL', `Keras JSON: not a model's config (${(cause as Error).message})`, {
      cause,
    })
  }
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
  const layer = readLayer(object)
  if (!(layer instanceof Model)) throw bad(`'${layer.className}' is a layer, not a model`)
  return layer
}
