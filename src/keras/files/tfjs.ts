import { arrayOf, bytesPerElement, type NumericDType } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import { float16ToNumber } from '../../core/half.js'
import { formatShape, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import type { Weight } from '../layers/weight.js'
import type { Model } from '../model.js'
import { type Contents, contentFor } from './contents.js'
import { namedWeights, trainableFirst } from './layout.js'
import type { OpenedFile } from './source.js'

/** A weight in the manifest of model.json. */
interface Spec {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
  readonly quantization?: {
    readonly dtype: string
    readonly scale?: number
    readonly min?: number
    readonly original_dtype?: string
  }
}

interface Group {
  readonly paths: readonly string[]
  readonly weights: readonly Spec[]
}

const dtypes: Readonly<Record<string, NumericDType>> = {
  float32: 'float32',
  float16: 'float16',
  int32: 'int32',
  uint8: 'uint8',
  uint16: 'uint16',
  bool: 'bool',
}

/** Whether `bytes` begin as a JSON object does. */
export const isTfjs = (bytes: Uint8Array): boolean => /^\s*\{/.test(new TextDecoder().decode(bytes.subarray(0, 64)))

/** Reads model.json, and the shards that it names. Throws INVALID_DATA, INVALID_MODEL, DATA_NOT_FOUND. */
export async function readTfjsModel(file: OpenedFile): Promise<{
  topology: unknown
  training: Readonly<Record<string, unknown>> | undefined
  read(model: Model): Contents
}> {
  const { name } = file
  let json: Record<string, unknown>
  try {
    json = JSON.parse(new TextDecoder().decode(file.bytes))
  } catch (cause) {
    throw new LanewiseError('INVALID_DATA', `${name} is not JSON: ${(cause as Error).message}`, { cause })
  }
  const outer = json.modelTopology as Record<string, unknown> | undefined
  if (typeof outer !== 'object' || outer === null)
    throw new LanewiseError(
      'INVALID_MODEL',
      `${name}: it has no modelTopology, so it is no TensorFlow.js model; a model's config alone is read by modelFromJSON`,
    )
  if (json.format === 'graph-model' || Array.isArray(outer.node))
    throw new LanewiseError(
      'INVALID_MODEL',
      `${name}: a TensorFlow.js graph model; only layers models are read. Convert the original model to .keras or ONNX`,
    )
  const groups = json.weightsManifest
  if (!Array.isArray(groups)) throw new LanewiseError('INVALID_DATA', `${name}: it has no weightsManifest`)
  const tensors = new Map<string, Tensor>()
  for (const group of groups as readonly Group[]) await readGroup(group, file, tensors)
  const topology = outer.model_config ?? outer
  return {
    topology,
    training: (outer.training_config ?? json.trainingConfig) as Record<string, unknown> | undefined,
    read: (model) => match(tensors, model, name),
  }
}

async function readGroup(group: Group, file: OpenedFile, tensors: Map<string, Tensor>): Promise<void> {
  const { name } = file
  const fail = (reason: string): never => {
    throw new LanewiseError('INVALID_DATA', `${name}: ${reason}`)
  }
  if (!Array.isArray(group?.paths) || !Array.isArray(group.weights)) fail('its weightsManifest is broken')
  const shards: Uint8Array[] = []
  for (const path of group.paths) {
    if (typeof path !== 'string' || path.split(/[/\\]/).includes('..') || /^([/\\]|\w+:)/.test(path))
      throw new LanewiseError('INVALID_MODEL', `${name}: the shard '${path}' lies outside of the model's folder`)
    shards.push(await file.beside(path))
  }
  const bytes = new Uint8Array(shards.reduce((sum, shard) => sum + shard.length, 0))
  let end = 0
  for (const shard of shards) {
    bytes.set(shard, end)
    end += shard.length
  }
  let offset = 0
  for (const spec of group.weights as readonly Spec[]) {
    if (!Array.isArray(spec.shape) || spec.shape.some((dim) => !Number.isInteger(dim) || dim < 0))
      fail(`weight '${spec.name}' has no shape`)
    const stored = dtypes[spec.quantization?.dtype ?? spec.dtype]
    if (!stored) fail(`weight '${spec.name}' has the type ${spec.quantization?.dtype ?? spec.dtype}`)
    const size = sizeOf(spec.shape) * bytesPerElement(stored)
    if (!(offset + size <= bytes.length))
      fail(
        `its shards end within weight '${spec.name}' of shape ${formatShape(spec.shape)}; they have ${bytes.length} bytes`,
      )
    const raw = new Uint8Array(bytes.subarray(offset, offset + size))
    offset += size
    tensors.set(String(spec.name), dequantize(new Tensor(stored, new (arrayOf(stored))(raw.buffer), spec.shape), spec))
  }
  if (offset !== bytes.length) fail(`its shards have ${bytes.length} bytes, its manifest needs ${offset}`)
}

/** value = stored * scale + min, or a float16 widened. */
function dequantize(tensor: Tensor, { quantization }: Spec): Tensor {
  if (!quantization) return tensor
  const stored = tensor.data as Uint16Array
  if (tensor.type === 'float16') return new Tensor('float32', Float32Array.from(stored, float16ToNumber), tensor.dims)
  const { scale = 1, min = 0, original_dtype: original } = quantization
  const values = Array.from(stored, (value) => value * scale + min)
  return original === 'int32'
    ? new Tensor('int32', Int32Array.from(values, Math.round), tensor.dims)
    : new Tensor('float32', Float32Array.from(values), tensor.dims)
}

/** Weights by name, or, where the names are not ours, in order. */
function match(tensors: ReadonlyMap<string, Tensor>, model: Model, name: string): Contents {
  const named = namedWeights(model)
  const clean = (key: string) => key.replace(/:0$/, '')
  const contents: Contents = new Map()
  const put = (weight: Weight, key: string, tensor: Tensor) =>
    contents.set(weight, contentFor(weight, tensor, `${name}: weight '${key}'`))
  if ([...tensors.keys()].every((key) => named.has(clean(key))) && tensors.size === named.size) {
    for (const [key, tensor] of tensors) put(named.get(clean(key))!, key, tensor)
    return contents
  }
  const ordered = [...new Set(model.layers.flatMap(trainableFirst))]
  if (ordered.length !== tensors.size)
    throw new LanewiseError('INVALID_DATA', `${name}: it has ${tensors.size} weights, its model has ${ordered.length}`)
  for (const [i, [key, tensor]] of [...tensors].entries()) put(ordered[i], key, tensor)
  return contents
}
