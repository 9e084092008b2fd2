import { differentiate } from '../../autodiff/differentiate.js'
import type { DType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Graph, Value, Variable } from '../../core/ir.js'
import { sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { atOnce } from '../../core/turns.js'
import { GraphBuilder } from '../../graph/builder.js'
import { invalid } from '../config.js'
import { CallContext } from '../layers/context.js'
import type { Weight } from '../layers/weight.js'
import { spread } from '../losses/loss.js'
import { type Network, writeNetwork } from '../network.js'
import type { Compiled } from './compiled.js'
import type { LogEntry, Term } from './logs.js'
import { writeTrainStep } from './train-step.js'

/** An array that steps read: its element type and the shape of a sample; `resident` if a variable holds all samples. */
export interface DataSource {
  readonly name: string
  readonly dtype: DType
  readonly sample: readonly number[]
  readonly resident: Variable | undefined
}

export interface StepSources {
  readonly x: readonly DataSource[]
  readonly y: readonly DataSource[]
  /** float32, of the first axes of what they weigh; undefined for outputs without sample weights. */
  readonly weights: readonly (DataSource | undefined)[]
}

export interface StepRequest {
  readonly network: Network
  readonly compiled: Compiled
  readonly sources: StepSources
  readonly batch: number
  /** `update` trains, `accumulate` only adds gradients up, `test` measures. */
  readonly mode: 'update' | 'accumulate' | 'test'
  readonly trainable: readonly Weight[]
  readonly slotsOf: (weight: Weight) => readonly Variable[]
  /** Sums of gradients, where the optimizer accumulates them. */
  readonly accumulatorOf: (weight: Weight) => Variable
  /** Moving averages of weights, where the optimizer keeps them. */
  readonly averageOf: (weight: Weight) => Variable
  readonly seed: number
}

/** A whole step as one graph, and how its output vector reads. */
export interface StepGraph {
  readonly graph: Graph
  readonly entries: readonly LogEntry[]
  /** Names of the scalar inputs that the optimizer computes. */
  readonly rates: readonly string[]
  readonly usesStepCounter: boolean
}

/** The name of the graph input that picks samples of resident data: int32 [batch]. */
export const indicesInput = 'indices'
export const stepInput = 'step'
export const logsOutput = 'logs'

const scaledTerm = (index: number): Term => ({ index, value: 0, scaled: true })
const batchTerm: Term = { index: -1, value: 1, scaled: true }
const mean = (sums: ArrayLike<number>) => sums[0] / sums[1]

/** Collects scalars and vectors for the step's one output vector. */
class Report {
  readonly #values: Value[] = []
  #length = 0

  add(value: Value): Term[] {
    const size = sizeOf(value.shape as readonly number[])
    const start = this.#length
    this.#values.push(value)
    this.#length += size
    return Array.from({ length: size }, (_, i) => ({ index: start + i, value: 0, scaled: false }))
  }

  write(builder: GraphBuilder): void {
    const flat = this.#values.map((value) =>
      value.shape.length === 1 ? value : builder.reshape(value, [sizeOf(value.shape as readonly number[])]),
    )
    builder.output(flat.length === 1 ? flat[0] : builder.concat(flat, 0), logsOutput)
  }
}

/** Forward pass, loss, metrics and, when training, gradients and updates. Throws SHAPE_MISMATCH naming the output. */
export const buildStep = (request: StepRequest): StepGraph => atOnce(stepParts(request))

/** As `buildStep`, stopping between its parts. */
export function* stepParts(request: StepRequest): Generator<void, StepGraph> {
  const { network, compiled, sources, batch, mode } = request
  const training = mode !== 'test'
  const builder = new GraphBuilder(mode === 'test' ? 'test_step' : 'training_step')
  let indices: Value | undefined
  const read = ({ name, dtype, sample, resident }: DataSource): Value => {
    if (!resident) return builder.input(name, dtype, [batch, ...sample])
    indices ??= builder.input(indicesInput, 'int32', [batch])
    return builder.gather(builder.variable(resident), indices)
  }
  let counter: Value | undefined
  const step = () => {
    counter ??= builder.input(stepInput, 'int32', [])
    return counter
  }
  const options = { training, step, seed: request.seed }
  const context = new CallContext(builder, options)
  const inputs = sources.x.map(read)
  const ownStep = training ? compiled.trainStep : undefined
  let predictions: readonly Value[] = ownStep ? [] : writeNetwork(network, inputs, context)
  yield
  const targets = sources.y.map((source, i) => {
    const { name, loss } = compiled.outputs[i]
    return context.targetChanges.reduce((y, change) => change(y, name, loss?.details.sparse), read(source))
  })
  const weights = sources.weights.map((source) => source && read(source))

  const report = new Report()
  const entries: LogEntry[] = []
  const outputLosses: LogEntry[] = []
  const several = compiled.outputs.length > 1
  let total: Value | undefined
  const addLoss = (loss: Value) => {
    total = total ? builder.add(total, loss) : loss
  }
  const lossesOf = (predictions: readonly Value[]) =>
    compiled.outputs.flatMap((output, i) => {
      if (!output.loss) return []
      const by = { weights: weights[i], mask: context.maskOf(predictions[i]) }
      const write = () => output.loss!.reduce(targets[i], predictions[i], by, builder)
      const value = named(output.name, () => builder.scope(`${output.name}_loss`, write))
      return [{ output, value, weighed: output.lossWeight === 1 ? value : builder.mul(value, output.lossWeight) }]
    })
  if (ownStep) {
    const loss = (predictions: readonly Value[]) => {
      const all = lossesOf(predictions).map(({ weighed }) => weighed)
      if (all.length === 0) throw invalid('trainStep asks for the compiled loss; give one to compile')
      return all.reduce((a, b) => builder.add(a, b))
    }
    const data = { x: inputs, y: targets, sampleWeight: weights }
    const written = writeTrainStep(ownStep, { builder, network, context, options, data, loss })
    predictions = written.predictions
    addLoss(written.loss)
  } else
    for (const { output, value, weighed } of lossesOf(predictions)) {
      if (several)
        outputLosses.push({
          name: `${output.name}_loss`,
          terms: [...report.add(value).map(({ index }) => scaledTerm(index)), batchTerm],
          result: mean,
        })
      addLoss(weighed)
    }
  // As in Keras: what is frozen costs nothing, what several layers share costs once.
  for (const weight of request.trainable)
    if (weight.regularizer) addLoss(weight.regularizer.penalty(builder.variable(weight), builder))
  for (const penalty of context.losses) addLoss(penalty)
  if (!total) throw invalid('the model has no loss; give one to compile')
  entries.push(
    { name: 'loss', terms: [...report.add(total).map(({ index }) => scaledTerm(index)), batchTerm], result: mean },
    ...outputLosses,
  )
  const called = new Set<string>()
  compiled.outputs.forEach((output, i) => {
    const measure = (metrics: typeof output.metrics, weight: Value | undefined, again: string) => {
      for (const metric of metrics) {
        const terms = named(output.name, () =>
          builder.scope(metric.name, () => {
            const mask = metric.isMean ? context.maskOf(predictions[i]) : undefined
            return metric.terms(targets[i], predictions[i], masked(weight, mask, builder), builder)
          }),
        )
        const prefix = several ? `${output.name}_` : ''
        const name = uniqueName(called, `${prefix}${metric.name}`, `${prefix}${again}${metric.name}`)
        entries.push({
          name,
          terms: terms.flatMap((term) =>
            typeof term === 'number' ? [{ index: -1, value: term, scaled: false }] : report.add(term),
          ),
          result: metric.result,
        })
      }
    }
    measure(output.metrics, undefined, '')
    measure(output.weightedMetrics, weights[i], 'weighted_')
  })
  yield
  const rates = training ? yield* writeUpdates(builder, request, total) : []
  for (const { variable, value } of context.updates) builder.update(variable, value)
  report.write(builder)
  return { graph: builder.build(), entries, rates, usesStepCounter: counter !== undefined }
}

/** `name`, or where that is taken `other`, or that with a number, as in Keras. */
function uniqueName(taken: Set<string>, name: string, other: string): string {
  let unique = taken.has(name) ? other : name
  for (let i = 1; taken.has(unique); i++) unique = `${other}_${i}`
  taken.add(unique)
  return unique
}

/** Weights that are 0 where a mask says so. */
function masked(weights: Value | undefined, mask: Value | undefined, builder: GraphBuilder): Value | undefined {
  if (!mask) return weights
  const counts = builder.cast(mask, 'float32')
  if (!weights) return counts
  return weights.shape.length < counts.shape.length
    ? builder.mul(counts, spread(weights, counts, builder))
    : builder.mul(weights, spread(counts, weights, builder))
}

/** Runs `write`; errors name the output. */
function named<T>(output: string, write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    throw new LanewiseError(error.code, `output '${output}': ${error.message}`, { cause: error })
  }
}

/** Gradients of `loss` and the optimizer's updates; gives the names of the scalars to feed. */
function* writeUpdates(builder: GraphBuilder, request: StepRequest, loss: Value): Generator<void, string[]> {
  const { trainable, mode } = request
  const { optimizer } = request.compiled
  const values = trainable.map((weight) => builder.variable(weight))
  const { lossScaleFactor } = optimizer.options
  const scaled = lossScaleFactor ? builder.mul(loss, lossScaleFactor) : loss
  const gradients = differentiate(builder, scaled, values)
  yield
  const trained = trainable.flatMap((weight, i) => {
    const gradient = gradients[i]
    if (!gradient) return []
    const unscaled = lossScaleFactor ? builder.div(gradient, lossScaleFactor) : gradient
    return [{ weight, value: values[i], gradient: unscaled }]
  })
  const rates = new Map<string, Value>()
  const rate = (name: string) => {
    if (!rates.has(name)) rates.set(name, builder.input(name, 'float32', []))
    return rates.get(name)!
  }
  if (optimizer.accumulationSteps > 1)
    for (const item of trained) {
      const sum = request.accumulatorOf(item.weight)
      const soFar = builder.add(builder.variable(sum), item.gradient)
      if (mode === 'accumulate') builder.update(sum, soFar)
      else {
        builder.update(sum, builder.constant(Tensor.zeros('float32', sum.shape)))
        item.gradient = builder.mul(soFar, 1 / optimizer.accumulationSteps)
      }
    }
  const updated = new Map(trainable.map((weight, i) => [weight, values[i]]))
  if (mode === 'update') applyOptimizer(builder, request, trained, rate, updated)
  for (const [weight, value] of updated) {
    const next = finishUpdate(builder, request, weight, value, rate)
    if (next !== values[trainable.indexOf(weight)]) builder.update(weight, next)
  }
  return [...rates.keys()]
}

/** The weight after a batch that left `value` in it: the moving average, then the constraint, as in Keras. */
function finishUpdate(
  builder: GraphBuilder,
  { averageOf, compiled }: StepRequest,
  weight: Weight,
  value: Value,
  rate: (name: string) => Value,
): Value {
  const { useEma, emaOverwriteFrequency } = compiled.optimizer.options
  let next = value
  if (useEma) {
    const blend = (a: Value, b: Value, share: Value) =>
      builder.add(builder.mul(a, share), builder.mul(b, builder.sub(1, share)))
    const average = averageOf(weight)
    const moved = blend(builder.variable(average), value, rate('ema_momentum'))
    builder.update(average, moved)
    if (emaOverwriteFrequency) next = blend(moved, value, rate('ema_overwrite'))
  }
  return weight.constraint ? weight.constraint.project(next, builder) : next
}

/** The `squaredRows` of an update. */
function squaredRows(builder: GraphBuilder, gradient: Value): Value | undefined {
  const node = builder.producer(gradient)
  if (node?.op !== 'lanewise.GatherGradient' || node.attributes.axis !== 0) return undefined
  const [rows, indices] = node.inputs as [Value, Value]
  return builder.op(node.op, [builder.square(rows), indices], node.attributes)
}

function applyOptimizer(
  builder: GraphBuilder,
  { compiled: { optimizer }, slotsOf }: StepRequest,
  trained: readonly { readonly weight: Weight; readonly value: Value; readonly gradient: Value }[],
  rate: (name: string) => Value,
  updated: Map<Weight, Value>,
): void {
  const clipped = optimizer.clip(
    trained.map((item) => item.gradient),
    builder,
  )
  trained.forEach(({ weight, value }, i) => {
    builder.scope(`${weight.name}/update`, () => {
      const slots = slotsOf(weight)
      const result = optimizer.update({
        emit: builder,
        undecayed: value,
        weight: optimizer.decay(weight, value, { emit: builder, rate }),
        gradient: clipped[i],
        squaredRows: squaredRows(builder, clipped[i]),
        slots: slots.map((slot) => builder.variable(slot)),
        rate,
      })
      updated.set(weight, result.weight)
      slots.forEach((slot, k) => {
        builder.update(slot, result.slots[k])
      })
    })
  })
}
