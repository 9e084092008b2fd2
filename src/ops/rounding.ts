import type { DType } from '../core/dtype.js'

/**
 * The ops that read and write rounded values in networks of float16, because onnxruntime has kernels on float16 for them
 * on CPUs (it has for those that only move elements, too: they have nothing to round). It computes all others in float32
 * between casts, and leaves the casts out between two of these, so that their values are not rounded on the way.
 */
const rounding: ReadonlySet<string> = new Set([
  'Attention',
  'Cast',
  'Clip',
  'IsInf',
  'IsNaN',
  'LayerNormalization',
  'Max',
  'Min',
  'Mod',
  'QuantizeLinear',
  'RMSNormalization',
  'RotaryEmbedding',
  'Sign',
  'SimplifiedLayerNormalization',
  'com.microsoft.GroupQueryAttention',
  'com.microsoft.MatMulNBits',
  'com.microsoft.RotaryEmbedding',
  'com.microsoft.SimplifiedLayerNormalization',
  'com.microsoft.SkipLayerNormalization',
  'com.microsoft.SkipSimplifiedLayerNormalization',
])

/**
 * Whether `op`, on floats of 16 bits of `dtype`, reads and writes rounded values even where its neighbours compute in
 * float32. On bfloat16, which onnxruntime does not run on CPUs, every op does, as ONNX has it.
 */
export const roundsHalves = (op: string, dtype: DType): boolean => dtype !== 'float16' || rounding.has(op)
