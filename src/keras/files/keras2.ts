import { LanewiseError } from '../../core/errors.js'
import { isKerasObject, type KerasConfig, type KerasObject, operationModule } from '../config.js'

/** Options that Keras 2 writes and Keras 3 has no more; they change nothing at these values. */
const gone: Readonly<Record<string, unknown>> = {
  fused: null,
  virtual_batch_size: null,
  adjustment: null,
  time_major: false,
}

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

/** Whether `value` is `[layer, node, tensor]`, as Keras 2 writes tensors among arguments. */
const isPlace = (value: unknown): value is [string, number, number, ...unknown[]] =>
  Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'number'

/** Models within a model whose applications are counted from 1: the first is the model itself. */
type FromOne = ReadonlySet<string>

/** A call in Keras 3's form, where all applications are counted from 0. */
function callOf(node: unknown, fromOne: FromOne): unknown {
  if (!isOldCall(node)) return node
  const tensorOf = ([layer, index, tensor]: readonly unknown[]) => {
    const history = [layer, fromOne.has(String(layer)) ? Number(index) - 1 : index, tensor]
    return { class_name: '__keras_tensor__', config: { shape: [], dtype: 'float32', keras_history: history } }
  }
  const places = (typeof node[0] === 'string' ? [node] : node) as unknown[][]
  const tensors = places.map(tensorOf)
  const kwargs = Object.entries(isRecord(places[0]?.[3]) ? places[0][3] : {}).filter(([, value]) => value !== null)
  return {
    args: [tensors.length === 1 ? tensors[0] : tensors],
    kwargs: Object.fromEntries(kwargs.map(([key, value]) => [key, isPlace(value) ? tensorOf(value) : value])),
  }
}

const modelClasses = ['Functional', 'Model', 'Sequential']

/** The models among `layers` that calls and outputs never name by 0. */
function countedFromOne(layers: readonly unknown[], outputs: unknown): FromOne {
  const lowest = new Map<string, number>()
  const look = (value: unknown): void => {
    if (isPlace(value)) lowest.set(value[0], Math.min(value[1], lowest.get(value[0]) ?? value[1]))
    if (Array.isArray(value)) value.forEach(look)
    else if (isRecord(value)) Object.values(value).forEach(look)
  }
  look(outputs)
  const nested: string[] = []
  for (const layer of layers) {
    if (!isKerasObject(layer)) continue
    look(layer.inbound_nodes)
    if (modelClasses.includes(layer.class_name)) nested.push(String(layer.name))
  }
  return new Set(nested.filter((name) => (lowest.get(name) ?? 0) > 0))
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

/**
 * Inputs or outputs of a model. Keras 2 has a list always; one place alone stands for a tensor rather than a list of one.
 * Keras 3 counts applications of functional models from 1 here, those of sequential ones from 0.
 */
function placesOf(value: unknown, layers: readonly unknown[], fromOne: FromOne): unknown {
  if (!Array.isArray(value)) return value
  const isSequential = (name: string) =>
    layers.some((layer) => isKerasObject(layer) && layer.name === name && layer.class_name === 'Sequential')
  const places = value.map((place) =>
    isPlace(place) && fromOne.has(place[0]) && isSequential(place[0]) ? [place[0], place[1] - 1, place[2]] : place,
  )
  return places.length === 1 ? places[0] : places
}

/**
 * Whether this is one of Keras's operations without its module, as Keras 3 writes them to .h5: it is called in Keras 3's
 * form, and has no `trainable`, as every layer but an input has.
 */
const isBareOperation = ({ module, config, inbound_nodes: nodes }: KerasObject): boolean =>
  module === undefined &&
  isRecord(config) &&
  !('trainable' in config) &&
  Array.isArray(nodes) &&
  nodes.length > 0 &&
  nodes.every((node) => isRecord(node) && Array.isArray(node.args))

/** A layer's or a model's object of Keras 2 in Keras 3's form. Objects of Keras 3 come out as they are. Throws INVALID_MODEL. */
export function modernLayer(object: unknown, around: FromOne = new Set()): KerasObject {
  if (!isKerasObject(object))
    throw new LanewiseError(
      'INVALID_MODEL',
      `expected { class_name, config }, got ${JSON.stringify(object)?.slice(0, 80)}`,
    )
  const { class_name: className } = object
  // Keras 1 and TensorFlow.js write a Sequential's layers without a name around them.
  const given = Array.isArray(object.config) ? { layers: object.config } : object.config
  const config: KerasConfig = {}
  const layers = (Array.isArray(given?.layers) ? given.layers : []) as readonly unknown[]
  const isOld = layers.some(isOldLayer)
  const fromOne: FromOne = isOld ? countedFromOne(layers, given.output_layers) : new Set()
  for (const [key, value] of Object.entries(given ?? {})) {
    if (key in gone && gone[key] === value) continue
    const names = renamed[className] ?? {}
    const name = key in names ? names[key] : key
    if (name === undefined || (name !== key && name in given)) continue
    if (key === 'layers' && Array.isArray(value)) config[name] = layers.map((layer) => modernLayer(layer, fromOne))
    else if (isOld && /^(in|out)put_layers$/.test(key)) config[name] = placesOf(value, layers, fromOne)
    else config[name] = modernValue(className, key, value)
  }
  const { inbound_nodes: nodes } = object
  return {
    ...object,
    ...(isBareOperation(object) && { module: operationModule, registered_name: className }),
    config,
    ...(Array.isArray(nodes) && { inbound_nodes: nodes.map((node) => callOf(node, around)) }),
  }
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
