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
  for (const [key, value] of Object.entries(given ?? {})) {
    if (key === 'time_major' && value === true)
      throw new LanewiseError('INVALID_MODEL', `layer '${given.name}': time_major is not supported`)
    if (gone.includes(key)) continue
    const names = renamed[className] ?? {}
    const name = key in names ? names[key] : key
    if (name === undefined || (name !== key && name in given)) continue
    config[name] =
      key === 'layers' && Array.isArray(value) ? value.map(modernLayer) : modernValue(className, key, value)
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
