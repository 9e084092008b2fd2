import { concatBytes } from '../../core/bytes.js'
import type { Tensor } from '../../core/tensor.js'
import { invalid } from '../config.js'
import type { Layer } from '../layers/layer.js'
import type { Weight } from '../layers/weight.js'
import type { Model } from '../model.js'
import { compileConfig } from './compile-config.js'
import { formerLayer, formerTraining } from './keras2-write.js'
import { isModel, namedWeights } from './layout.js'
import type { Files } from './source.js'

/** Size of the shards that TensorFlow.js's own converter writes. */
const shardSize = 4 * 1024 * 1024

/** Throws INVALID_ARGUMENT for a model with operations between its layers: TensorFlow.js has no such thing. */
function refuseOperations(model: Model): void {
  for (const layer of model.layers) {
    if (layer.isOperation)
      throw invalid(
        `'${layer.name}' is Keras's operation ${layer.className}, which layers models of TensorFlow.js cannot hold; save the model as .keras, .h5 or .onnx`,
      )
    if (isModel(layer)) refuseOperations(layer)
  }
}

/**
 * A TensorFlow.js layers model: the shards of its weights, and model.json under the name given, which comes last. Throws
 * INVALID_ARGUMENT.
 */
export async function tfjsFiles(
  model: Model,
  name: string,
  { includeOptimizer }: { readonly includeOptimizer: boolean },
): Promise<Files> {
  refuseOperations(model)
  const contents = await model.readVariables()
  const depthwise = new Set(depthwiseKernels(model))
  const weights = [...namedWeights(model)].map(([key, weight]) => {
    const name = depthwise.has(weight) ? key.replace(/kernel$/, 'depthwise_kernel') : key
    return [name, contents.get(weight)!] as const
  })
  const bytes = joined(weights.map(([, tensor]) => tensor))
  const count = Math.max(1, Math.ceil(bytes.length / shardSize))
  const paths = Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`)
  const options = includeOptimizer ? model.compileOptions : undefined
  const training = options && formerTraining(compileConfig(model, options))
  const json = {
    format: 'layers-model',
    generatedBy: 'lanewise',
    convertedBy: null,
    modelTopology: {
      keras_version: '2.15.0',
      backend: 'tensorflow',
      model_config: formerLayer(model.toJSON()),
      ...(training && { training_config: training }),
    },
    weightsManifest: [
      { paths, weights: weights.map(([key, { type, dims }]) => ({ name: key, shape: dims, dtype: type })) },
    ],
  }
  return {
    ...Object.fromEntries(paths.map((path, i) => [path, bytes.subarray(i * shardSize, (i + 1) * shardSize)])),
    [name]: new TextEncoder().encode(JSON.stringify(json)),
  }
}

/** The kernels of depthwise convolutions, which have a name of their own in Keras 2. */
const depthwiseKernels = (layer: Layer): readonly Weight[] => [
  ...(layer.className.startsWith('DepthwiseConv') ? layer.weightsHere.slice(0, 1) : []),
  ...[...(isModel(layer) ? layer.layers : []), ...Object.values(layer.sublayers)].flatMap(depthwiseKernels),
]

function joined(tensors: readonly Tensor[]): Uint8Array {
  const parts = tensors.map(({ data }) => {
    const { buffer, byteOffset, byteLength } = data as Float32Array
    return new Uint8Array(buffer, byteOffset, byteLength)
  })
  return concatBytes(parts)
}
