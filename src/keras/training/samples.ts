import type { NumericDType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { Tensor } from '../../core/tensor.js'
import { invalid } from '../config.js'
import { InputLayer } from '../layers/core.js'
import { formatKerasShape, type KerasShape } from '../layers/shapes.js'
import { hostEdge } from '../strings.js'
import type { Compiled } from './compiled.js'
import { castTensor, checkClasses, classWeights, countSamples, type DataLike, toTensors } from './data.js'
import type { Samples } from './feed.js'
import { checkIndices } from './index-limits.js'
import type { Trainee } from './trainee.js'

export interface SampleWeightOptions {
  /**
   * One weight for each sample, or for each step of sequences and the like: of the first axes of the targets; for several
   * outputs one array for each, or one for all.
   */
  readonly sampleWeight?: DataLike | null
  /** A weight for each class of a model with one output; 1 where absent. */
  readonly classWeight?: Readonly<Record<number, number>> | null
}

/** `tensor` with a last axis of size 1 more, or less, where that is what `shape` lacks or has: as Keras takes it. */
function ranked(tensor: Tensor, shape: KerasShape): Tensor {
  const { dims } = tensor
  if (dims.length === shape.length - 1 && shape.at(-1) === 1) return tensor.reshape([...dims, 1])
  if (dims.length === shape.length + 1 && dims.at(-1) === 1) return tensor.reshape(dims.slice(0, -1))
  return tensor
}

/** Inputs in the model's order and element types; strings are looked up. Throws SHAPE_MISMATCH, INVALID_DATA naming the input. */
export function checkInputs({ network, inputNames }: Trainee, x: DataLike): Tensor[] {
  const tensors = toTensors(x, inputNames, 'input').map((given, i) => {
    const { shape, node } = network.inputs[i]
    const tensor = ranked(given, shape)
    const fits =
      tensor.dims.length === shape.length &&
      shape.every((dim, axis) => axis === 0 || dim === null || dim === tensor.dims[axis])
    if (!fits)
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `input '${inputNames[i]}' takes ${formatKerasShape(shape)}, got ${formatKerasShape(given.dims)}${given.dims.length === shape.length - 1 ? ': the first axis is that of the samples (reshape a single one; batch() a dataset)' : ''}`,
      )
    const dtype = node.layer instanceof InputLayer ? node.layer.inputDType : 'float32'
    if (dtype === 'string') return tensor
    return castTensor(tensor, dtype as NumericDType, `input '${inputNames[i]}'`)
  })
  const edge = hostEdge(network)
  const entering = edge.into(tensors)
  checkIndices(edge.network, edge.inputNames, entering)
  return entering
}

/** Inputs, targets and weights, as many of each. Throws INVALID_ARGUMENT, SHAPE_MISMATCH. */
export function checkSamples(
  trainee: Trainee,
  { outputs, trainStep }: Compiled,
  x: DataLike,
  y: DataLike | null | undefined,
  options: SampleWeightOptions,
): Samples {
  const { outputNames, network } = trainee
  const inputs = checkInputs(trainee, x)
  if (y === null || y === undefined) throw invalid('targets are missing: give y, or a dataset that gives both')
  const isSpare = (i: number) => {
    const { loss, metrics, weightedMetrics } = outputs[i]
    return !loss && metrics.length + weightedMetrics.length === 0 && !trainStep
  }
  const targets = toTensors(y, outputNames, 'target', isSpare).map((tensor, i) => {
    // Nothing reads the targets of an output that is neither trained nor measured.
    if (!tensor) return Tensor.zeros('float32', [inputs[0].dims[0]])
    const name = `target '${outputNames[i]}'`
    const { sparse, classAxis = -1, ignoredClass } = outputs[i].loss?.details ?? {}
    if (!sparse) return castTensor(tensor, 'float32', name)
    const classes = network.outputs[i].shape.at(classAxis)
    return checkClasses(tensor, classes, name, ignoredClass)
  })
  const isSparse = outputs.map(({ loss }) => loss?.details.sparse ?? false)
  const weights = weightsOf(targets, isSparse, outputNames, options)
  const given = weights.flatMap((weight) => weight ?? [])
  return { x: inputs, y: targets, weights, count: countSamples([...inputs, ...targets, ...given]) }
}

/** The weights of the samples, by output. */
function weightsOf(
  targets: readonly Tensor[],
  isSparse: readonly boolean[],
  outputNames: readonly string[],
  { sampleWeight, classWeight }: SampleWeightOptions,
): (Tensor | undefined)[] {
  if (classWeight) {
    if (sampleWeight) throw invalid('give either classWeight or sampleWeight, not both')
    if (targets.length !== 1) throw invalid('classWeight works for models with one output; give sampleWeight')
    return [classWeights(targets[0], classWeight, isSparse[0])]
  }
  if (!sampleWeight) return targets.map(() => undefined)
  const shared = targets.length > 1 && (sampleWeight instanceof Tensor || ArrayBuffer.isView(sampleWeight))
  const names = shared ? ['all outputs'] : outputNames
  const tensors = toTensors(sampleWeight, names, 'sampleWeight', () => true).map((tensor) => {
    if (!tensor) return undefined
    const weight = castTensor(tensor, 'float32', 'sampleWeight')
    return weight.size === weight.dims[0] ? weight.reshape([weight.size]) : weight
  })
  return targets.map(({ dims }, i) => {
    const weight = tensors[shared ? 0 : i]
    if (!weight) return undefined
    const { length } = weight.dims
    const isFolded = length > 1 && weight.dims[length - 1] === 1 && dims[length - 1] !== 1
    const own = isFolded ? weight.dims.slice(0, -1) : weight.dims
    // The number of samples is checked with that of the other arrays.
    if (own.length > dims.length || !own.slice(1).every((size, axis) => size === dims[axis + 1]))
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `sampleWeight has one number for each sample, or the first axes of the targets (${dims.join(', ')}); got (${weight.dims.join(', ')})`,
      )
    return weight.reshape(own)
  })
}
