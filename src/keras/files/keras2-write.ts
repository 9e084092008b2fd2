import { isKerasObject, type KerasConfig, type KerasObject } from '../config.js'

/** A value of a config without Keras 3's `module` and `registered_name`; dtype policies are names. */
function formerValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(formerValue)
  if (!isKerasObject(value)) return value
  const { class_name: className, config } = value
  if (className === 'DTypePolicy') return config.name
  if (className === 'L1' || className === 'L2') return { class_name: 'L1L2', config: { l1: 0, l2: 0, ...config } }
  return formerLayer(value)
}

/** Names of the models within a model: Keras 2 counts their applications from 1, the first being the model itself. */
type Nested = ReadonlyMap<string, string>

const modelClasses = ['Functional', 'Sequential']

/** A tensor among arguments, as `[layer, node, tensor]`; other values as they are. */
function formerArgument(value: unknown, nested: Nested): unknown {
  if (Array.isArray(value)) return value.map((item) => formerArgument(item, nested))
  if (!isKerasObject(value) || value.class_name !== '__keras_tensor__') return value
  const [layer, node, tensor] = value.config.keras_history as [string, number, number]
  return [layer, nested.has(layer) ? node + 1 : node, tensor]
}

/** The arguments after the first that calls give without their names, by class. */
const recurrent = ['initial_state', 'mask', 'training']
const argumentNames: Readonly<Record<string, readonly string[]>> = {
  MultiHeadAttention: ['value', 'key'],
  GroupQueryAttention: ['value', 'key'],
  ...Object.fromEntries(['RNN', 'SimpleRNN', 'GRU', 'LSTM', 'Bidirectional'].map((name) => [name, recurrent])),
  TimeDistributed: ['training', 'mask'],
  CategoryEncoding: ['count_weights'],
}

/** A call in Keras 2's form: one `[layer, node, tensor, kwargs]` for each tensor of the first argument. */
function formerCall(call: unknown, className: string, nested: Nested): unknown {
  const { args, kwargs } = call as { args: readonly unknown[]; kwargs: Record<string, unknown> }
  const places = formerArgument(args[0], nested) as unknown[]
  const list = (typeof places[0] === 'string' ? [places] : places) as unknown[][]
  const names = argumentNames[className] ?? ['mask']
  const named = { ...Object.fromEntries(args.slice(1).map((value, i) => [names[i], value])), ...kwargs }
  const written = Object.entries(named).map(([key, value]) => [key, formerArgument(value, nested)])
  return list.map((place, i) => [...place, i === 0 ? Object.fromEntries(written) : {}])
}

/** A layer's or a model's object of Keras 3 in the form of Keras 2, which TensorFlow.js reads. */
export function formerLayer(
  { class_name: className, config, name, inbound_nodes: nodes, shared_object_id: id }: KerasObject,
  around: Nested = new Map(),
): KerasObject {
  const layers = (Array.isArray(config.layers) ? config.layers : []) as readonly KerasObject[]
  const models = layers.filter((layer) => modelClasses.includes(layer.class_name))
  const nested: Nested = new Map(models.map((layer) => [String(layer.name ?? layer.config.name), layer.class_name]))
  const former: KerasConfig = {}
  for (const [key, value] of Object.entries(config)) {
    if (className === 'InputLayer' && key === 'optional') continue
    if (key === 'build_input_shape') continue
    const old = className === 'InputLayer' && key === 'batch_shape' ? 'batch_input_shape' : key
    if (key === 'layers') former[old] = layers.map((layer) => formerLayer(layer, nested))
    else former[old] = /^(in|out)put_layers$/.test(key) ? listOfPlaces(value, nested) : formerValue(value)
  }
  return {
    class_name: className,
    config: className === 'Bidirectional' ? mirrored(former) : former,
    ...(name !== undefined && { name }),
    ...(id !== undefined && { shared_object_id: id }),
    ...(Array.isArray(nodes) && { inbound_nodes: nodes.map((node) => formerCall(node, className, around)) }),
  }
}

/** A Bidirectional's config with the layer that it was made of: its copies get their prefixes when it is read. */
function mirrored({ backward_layer: backward, ...config }: KerasConfig): KerasConfig {
  const layer = config.layer as KerasObject
  const own = ({ config: { name: _, go_backwards: __, ...rest } }: KerasObject) => JSON.stringify(rest)
  const isMirror = isKerasObject(backward) && own(backward) === own(layer)
  const name = String(layer.config.name).replace(/^forward_/, '')
  return {
    ...config,
    layer: { ...layer, config: { ...layer.config, name } },
    ...(!isMirror && { backward_layer: backward }),
  }
}

/** Keras 2 has a list of places always, and counts applications of sequential models from 1, too. */
function listOfPlaces(value: unknown, nested: Nested): unknown {
  const places = (Array.isArray(value) && typeof value[0] === 'string' ? [value] : value) as [string, number, number][]
  return places.map(([layer, node, tensor]) => [layer, nested.get(layer) === 'Sequential' ? node + 1 : node, tensor])
}

/** Keras 3's `compile_config` as Keras 2's `training_config`. */
export function formerTraining({ optimizer, ...rest }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { class_name: className, config } = optimizer as KerasObject
  const kept = Object.entries(config).map(([key, value]) => [key, formerValue(value)])
  return {
    loss: formerValue(rest.loss),
    loss_weights: rest.loss_weights,
    metrics: formerValue(rest.metrics),
    weighted_metrics: formerValue(rest.weighted_metrics),
    optimizer_config: { class_name: className, config: Object.fromEntries(kept) },
  }
}
