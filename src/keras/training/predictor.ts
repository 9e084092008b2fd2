import type { Graph } from '../../core/ir.js'
import type { Tensor } from '../../core/tensor.js'
import { GraphBuilder } from '../../graph/builder.js'
import { CallContext } from '../layers/context.js'
import { writeNetwork } from '../network.js'
import { hostEdge } from '../strings.js'
import type { Trainee } from './trainee.js'

/** The graph's name of a model's output. */
export const predictedOutput = (name: string): string => `output/${name}`

/** A model's outputs from inputs of these shapes, in inference: what layers keep from call to call is updated. */
export function buildPredictor({ name, network: whole, outputNames }: Trainee, inputs: readonly Tensor[]): Graph {
  const { network, inputNames } = hostEdge(whole)
  const builder = new GraphBuilder(name)
  const values = inputs.map((tensor, i) => builder.input(inputNames[i], tensor.type, tensor.dims))
  const context = new CallContext(builder, { training: false })
  writeNetwork(network, values, context).forEach((result, i) => {
    builder.output(result, predictedOutput(outputNames[i]))
  })
  for (const { variable, value } of context.updates) builder.update(variable, value)
  return builder.build()
}
