import { LanewiseError } from '../../core/errors.js'
import { isKerasObject, type KerasConfig, type KerasObject } from '../config.js'

/** Options that Keras 2 writes and Keras 3 has no more; what they say follows from others, or changes no number. */
const gone = [
  'implementation',
  'input_length',
  'renorm',
  'renorm_clipping',
  'renorm_momentum',
  'fused',
  'virtual_batch_size',
  'adjustment',
  'time_major',
]

/** Options of one class that Keras 3 calls otherwise, or has not. */
const renamed: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  InputLayer: { batch_input_shape: 'batch_shape', trainable: undefined },
  LeakyReLU: { alpha: 'negative_slope' },
  DepthwiseConv2D: { groups: undefined },
  DepthwiseConv1D: { groups: undefined },
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Whether a call of a layer is written as Keras 2 does: `[[layer, node, tensor, kwargs], …]`. */
const isOldCall = (node: unknown): node is unknown[] => Array.isArray(node)

const tensorOf = (place: unknown): unknown => ({
  class_name: '__keras_tensor__',
  config: { shape: [], dtype: 'float32', keras_history: (place as unknown[]).slice(0, 3) },
})

/** Arguments that are tensors are written as `[layer, node, tensor]` in Keras 2. */
const argumentOf = (value: unknown): unknown =>
  Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'number' ? tensorOf(value) : value

/** A call in Keras 3's form. */
function callOf(node: unknown): unknown {
  if (!isOldCall(node)) return node
  const places = (typeof node[0] === 'string' ? [node] : node) as unknown[][]
  const tensors = places.map(tensorOf)
  const kwargs = Object.entries(isRecord(places[0]?.[3]) ? places[0][3] : {}).filter(([, value]) => value !== null)
  return {
    args: [tensors.length === 1 ? tensors[0] : tensors],
    kwargs: Object.fromEntries(kwargs.map(([key, value]) => [key, argumentOf(value)])),
  }
}

/** Options whose values are written otherwise. */
function modernValue(className: string, key: string, value: unknown): unknown {
  if (key === 'axis' && className === 'BatchNormalization' && Array.isArray(value)) return value[0]
  if (isKerasObject(value)) {
    if (key === 'layer' || key === 'backward_layer' || key === 'cell') return modernLayer(value)
    if (isRecord(value.config) && /_(initializer)$/.test(key)) {
      const { dtype: _, ...config } = value.config
      return { ...value, config }
    }
  }
  return key === 'cells' && Array.isArray(value) ? value.map((cell) => modernLayer(cell)) : value
}

const isOldLayer = (layer: unknown): boolean =>
  isKerasObject(layer) && Array.isArray(layer.inbound_nodes) && layer.inbound_nodes.some(isOldCall)

/** Keras 2 has a list of places always; one place alone stands for a tensor rather than a list of one. */
const onePlace = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value)

/** A layer's or a model's object of Keras 2 in Keras 3's form. Objects of Keras 3 come out as they are. Throws INVALID_MODEL. */
export function modernLayer(object: unknown): KerasObject {
  if (!isKerasObject(object))
    throw new LanewiseError(
      'INVALID_MODEL',
      `expected { class_name, config }, got ${JSON.stringify(object)?.slice(0, 80)}`,
    )
  const { class_name: className } = object
  // Keras 1 and TensorFlow.js write a Sequential's layers without a name around them.
  const given = Array.isArray(object.config) ? { layers: object.config } : object.config
  const config: KerasConfig = {}
  const isOld = Array.isArray(given?.layers) && given.layers.some(isOldLayer)
  for (const [key, value] of Object.entries(given ?? {})) {
    if (key === 'time_major' && value === true)
      throw new LanewiseError('INVALID_MODEL', `layer '${given.name}': time_major is not supported`)
    if (gone.includes(key)) continue
    const names = renamed[className] ?? {}
    const name = key in names ? names[key] : key
    if (name === undefined || (name !== key && name in given)) continue
    if (key === 'layers' && Array.isArray(value)) config[name] = value.map(modernLayer)
    else if (isOld && /^(in|out)put_layers$/.test(key)) config[name] = onePlace(value)
    else config[name] = modernValue(className, key, value)
  }
  const { inbound_nodes: nodes } = object
  return { ...object, config, ...(Array.isArray(nodes) && { inbound_nodes: nodes.map(callOf) }) }
}

/** Names of wrapped metric and loss functions in Keras 2's `MeanMetricWrapper` and the like. */
function modernMetric(metric: unknown): unknown {
  if (Array.isArray(metric)) return metric.map(modernMetric)
  if (!isKerasObject(metric) || !/Wrapper$/.test(metric.class_name)) return metric
  const { fn, name } = metric.config
  return typeof fn === 'string' ? fn : name
}

function modernLoss(loss: unknown): unknown {
  if (Array.isArray(loss)) return loss.map(modernLoss)
  if (!isKerasObject(loss)) return loss
  const { fn: _, reduction, ...config } = loss.config
  const kept = reduction === 'auto' || reduction === undefined ? {} : { reduction }
  return { ...loss, config: { ...config, ...kept } }
}

/** A learning rate that falls with each update, as `decay` of Keras 2 says. */
const decaying = (rate: unknown, decay: number): KerasObject => ({
  class_name: 'InverseTimeDecay',
  config: { initial_learning_rate: rate, decay_steps: 1, decay_rate: decay },
})

/** Keras 2's `training_config` as Keras 3's `compile_config`. */
export function modernTraining(training: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { optimizer_config: optimizer, loss, metrics, ...rest } = training
  const compiled: Record<string, unknown> = { ...rest, loss: modernLoss(loss), metrics: modernMetric(metrics) }
  if (!isKerasObject(optimizer)) return compiled
  const { lr, decay, learning_rate: rate = lr, ...config } = optimizer.config
  const learningRate = typeof decay === 'number' && decay > 0 ? decaying(rate, decay) : rate
  return { ...compiled, optimizer: { ...optimizer, config: { ...config, learning_rate: learningRate } } }
}

/** A value of a config without Keras 3's `module` and `registered_name`; dtype policies are names. */
function formerValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(formerValue)
  if (!isKerasObject(value)) return value
  if (value.class_name === 'DTypePolicy') return value.config.name
  return formerLayer(value)
}

/** A tensor among arguments, as `[layer, node, tensor]`; other values as they are. */
function formerArgument(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(formerArgument)
  return isKerasObject(value) && value.class_name === '__keras_tensor__' ? value.config.keras_history : value
}

/** A call in Keras 2's form: one `[layer, node, tensor, kwargs]` for each tensor of the first argument. */
function formerCall(call: unknown): unknown {
  const { args, kwargs } = call as { args: readonly unknown[]; kwargs: Record<string, unknown> }
  const places = formerArgument(args[0]) as unknown[]
  const list = (typeof places[0] === 'string' ? [places] : places) as unknown[][]
  const others = Object.fromEntries(Object.entries(kwargs).map(([key, value]) => [key, formerArgument(value)]))
  return list.map((place, i) => [...place, i === 0 ? others : {}])
}

/** A layer's or a model's object of Keras 3 in the form of Keras 2, which TensorFlow.js reads. */
export function formerLayer({ class_name: className, config, name, inbound_nodes: nodes }: KerasObject): KerasObject {
  const former: KerasConfig = {}
  for (const [key, value] of Object.entries(config)) {
    if (className === 'InputLayer' && key === 'optional') continue
    if (key === 'build_input_shape') continue
    const old = className === 'InputLayer' && key === 'batch_shape' ? 'batch_input_shape' : key
    former[old] = key === 'input_layers' || key === 'output_layers' ? listOfPlaces(value) : formerValue(value)
  }
  return {
    class_name: className,
    config: former,
    ...(name !== undefined && { name }),
    ...(Array.isArray(nodes) && { inbound_nodes: nodes.map(formerCall) }),
  }
}

/** Keras 2 has a list of places always. */
const listOfPlaces = (value: unknown): unknown =>
  Array.isArray(value) && typeof value[0] === 'string' ? [value] : value

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
