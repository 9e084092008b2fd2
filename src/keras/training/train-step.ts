import { differentiate } from '../../autodiff/differentiate.js'
import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { formatShape } from '../../core/shape.js'
import type { GraphBuilder } from '../../graph/builder.js'
import type { Emitter } from '../../ops/emitter.js'
import { invalid } from '../config.js'
import { CallContext, type CallContextOptions } from '../layers/context.js'
import { type Network, writeNetwork } from '../network.js'

/** What a training step of one's own is given. It writes graph values: it runs once, when the step is built. */
export interface TrainStep {
  /** Writes operations. */
  readonly k: Emitter
  /** The batch, one value for each input of the model. */
  readonly x: readonly Value[]
  /** The targets, one value for each output. */
  readonly y: readonly Value[]
  /** Weights of the samples [batch], where they are given for an output. */
  readonly sampleWeight: readonly (Value | undefined)[]
  /** The model's outputs. Metrics see those of the first call, which also moves statistics; each call has its own dropout. */
  call(...inputs: Value[]): readonly Value[]
  /** What `compile`'s losses make of outputs, a scalar. Throws INVALID_ARGUMENT where it was given none. */
  loss(predictions: readonly Value[]): Value
  /** The gradients of the scalar `of` by values that it was computed from; they can be differentiated again. */
  gradients(of: Value, by: readonly Value[]): readonly Value[]
}

/** Gives the scalar that is made smaller; penalties of layers and weights are added to it. */
export type TrainStepFunction = (step: TrainStep) => Value

export interface TrainStepRequest {
  readonly builder: GraphBuilder
  readonly network: Network
  /** That of the first call. */
  readonly context: CallContext
  readonly options: CallContextOptions
  readonly data: Pick<TrainStep, 'x' | 'y' | 'sampleWeight'>
  readonly loss: (predictions: readonly Value[]) => Value
}

/** Writes the step; gives its loss, and the predictions that metrics see. Throws INVALID_ARGUMENT, SHAPE_MISMATCH. */
export function writeTrainStep(
  write: TrainStepFunction,
  { builder, network, context, options, data, loss }: TrainStepRequest,
): { readonly loss: Value; readonly predictions: readonly Value[] } {
  let predictions: readonly Value[] | undefined
  const call = (...inputs: Value[]): readonly Value[] => {
    if (inputs.length !== network.inputs.length)
      throw invalid(`trainStep calls the model with ${inputs.length} inputs; it has ${network.inputs.length}`)
    // Statistics and penalties are those of the first call.
    const own = predictions
      ? new CallContext(builder, { ...options, firstStream: context.nextStream() << 10, masks: context.masks })
      : context
    const outputs = writeNetwork(network, inputs, own)
    predictions ??= outputs
    return outputs
  }
  const gradients = (of: Value, by: readonly Value[]) =>
    differentiate(builder, of, by).map((gradient, i) => {
      if (!gradient)
        throw invalid(`trainStep: there is no gradient by '${by[i].name}': nothing leads from it to '${of.name}'`)
      return gradient
    })
  const total = write({ k: builder, ...data, call, loss, gradients })
  if (!predictions)
    throw invalid('trainStep must call the model: metrics are measured on the outputs of its first call')
  if (context.targetChanges.length > 0)
    throw invalid(
      'a layer of the model mixes the samples of a batch and their targets, which trainStep has unmixed: mix x and y in trainStep instead',
    )
  if (total?.shape?.length !== 0)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `trainStep must give a scalar, e.g. k.mean(losses); got ${total ? formatShape(total.shape) : total}`,
    )
  return { loss: total, predictions }
}
