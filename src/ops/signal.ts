import { type DType, dtypeOfCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { type Dim, formatShape, normalizeAxis, type Shape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { inputShape } from './compose.js'
import { type InferenceContext, intAttribute, type OpDefinition } from './definition.js'
import type { Emitter } from './emitter.js'
import { freshShape, knownInts, required, requireFloat } from './infer.js'

/** The dtype that the code in attribute `name` names. Throws UNSUPPORTED_OP. */
export function dtypeAttribute({ attributes }: Pick<Node, 'attributes'>, name: string): DType {
  const code = intAttribute(attributes, name)
  const dtype = dtypeOfCode(code)
  if (!dtype)
    throw new LanewiseError('UNSUPPORTED_OP', `${name} ${code} is an element type that lanewise does not hold`)
  return dtype
}

const window = {
  since: 17,
  inputs: [1, 1],
  outputs: [1, 1],
  attributes: { output_datatype: { type: 'int', default: 1 }, periodic: { type: 'int', default: 1 } },
  infer: (context: InferenceContext) => {
    const size = knownInts(context, 0)?.[0]
    if (size !== undefined && size < 0) throw new LanewiseError('INVALID_MODEL', `a window of ${size} elements`)
    return [
      {
        dtype: dtypeAttribute(context, 'output_datatype'),
        shape: size === undefined ? freshShape(context, 1) : [size],
      },
    ]
  },
} as const satisfies OpDefinition

/** A transform's axis, in [0, rank - 1). Throws SHAPE_MISMATCH. */
export function transformAxis(axis: number, rank: number): number {
  const normalized = normalizeAxis(axis, rank)
  if (normalized === rank - 1)
    throw new LanewiseError('SHAPE_MISMATCH', `axis ${axis} holds real and imaginary parts; it cannot be transformed`)
  return normalized
}

function inferDFT(context: InferenceContext): TensorType[] {
  const { dtype, shape } = requireFloat(required(context, 0))
  const parts = shape.at(-1)
  if (shape.length < 2 || (parts !== 1 && parts !== 2))
    throw new LanewiseError('SHAPE_MISMATCH', `takes [..., 1] or [..., 2], got ${formatShape(shape)}`)
  const oneSided = intAttribute(context.attributes, 'onesided') === 1
  const inverse = intAttribute(context.attributes, 'inverse') === 1
  if (oneSided && !inverse && parts !== 1)
    throw new LanewiseError('SHAPE_MISMATCH', 'a one-sided transform takes a real signal: the last axis must be 1')
  const last = oneSided && inverse ? 1 : 2
  const axis = context.inputs[2] ? knownInts(context, 2)?.[0] : -2
  if (axis === undefined) return [{ dtype, shape: [...freshShape(context, shape.length - 1), last] }]
  const along = transformAxis(axis, shape.length)
  const length = context.inputs[1] ? knownInts(context, 1)?.[0] : transformLength(shape[along], oneSided && inverse)
  const size: Dim =
    typeof length !== 'number'
      ? freshShape(context, shape.length)[along]
      : oneSided && !inverse
        ? Math.floor(length / 2) + 1
        : length
  return [{ dtype, shape: [...shape.slice(0, -1), last].with(along, size) }]
}

/** The length of a transform that is not told one; undefined where the dimension is a symbol. */
export const transformLength = (dim: Dim, fromOneSided: boolean): number | undefined =>
  typeof dim === 'string' ? undefined : fromOneSided ? 2 * (dim - 1) : dim

/** The samples of a frame and between frames; undefined where not known. */
function framesOf(
  node: Pick<Node, 'attributes'>,
  shapes: readonly (Shape | undefined)[],
  scalars: readonly (number | undefined)[],
) {
  const [signal, , window] = shapes
  const [, step, , given] = scalars
  const length = given ?? (shapes[3] ? undefined : window ? window[0] : signal![1])
  if (step !== undefined && step < 1) throw new LanewiseError('INVALID_MODEL', `frame_step ${step} must be positive`)
  if (typeof length === 'number' && window && typeof window[0] === 'number' && window[0] !== length)
    throw new LanewiseError('SHAPE_MISMATCH', `a window of ${window[0]} does not fit frames of ${length} samples`)
  const samples = signal![1]
  const known = typeof samples === 'number' && typeof length === 'number' && step !== undefined
  const oneSided = intAttribute(node.attributes, 'onesided') === 1
  const count = known ? 1 + Math.floor((samples - length) / step) : undefined
  if (count !== undefined && count < 1)
    throw new LanewiseError('SHAPE_MISMATCH', `a signal of ${samples} samples holds no frame of ${length}`)
  return { length: typeof length === 'number' ? length : undefined, step, count, oneSided }
}

function inferSTFT(context: InferenceContext): TensorType[] {
  const { dtype, shape } = requireFloat(required(context, 0))
  if (shape.length !== 3 || (shape[2] !== 1 && shape[2] !== 2))
    throw new LanewiseError('SHAPE_MISMATCH', `takes a signal [N, length, 1 or 2], got ${formatShape(shape)}`)
  const { length, count, oneSided } = framesOf(
    context,
    context.inputs.map((input) => input?.shape),
    context.inputs.map((input, index) =>
      input && index !== 0 && index !== 2 ? knownInts(context, index)?.[0] : undefined,
    ),
  )
  if (oneSided && shape[2] === 2)
    throw new LanewiseError('SHAPE_MISMATCH', 'a one-sided transform takes a real signal: the last axis must be 1')
  const fresh = freshShape(context, 4)
  const bins = length === undefined ? fresh[2] : oneSided ? Math.floor(length / 2) + 1 : length
  return [{ dtype, shape: [shape[0], count ?? fresh[1], bins, 2] }]
}

/** Frames of more samples are transformed by DFT, not by a product with the matrix of the transform. */
const longestMatrix = 1024

/** The transform of real signals of `length` samples as a matrix [length, 2 bins]: real and imaginary parts by turns. */
function transformMatrix(length: number, bins: number): Float64Array {
  const matrix = new Float64Array(length * bins * 2)
  for (let n = 0; n < length; n++)
    for (let k = 0; k < bins; k++) {
      const angle = (-2 * Math.PI * ((n * k) % length)) / length
      matrix[(n * bins + k) * 2] = Math.cos(angle)
      matrix[(n * bins + k) * 2 + 1] = Math.sin(angle)
    }
  return matrix
}

function decomposeSTFT(emit: Emitter, node: Node): Value[] {
  const [signal, , window] = node.inputs
  const [batch, , parts] = inputShape(node)
  const { length, step, count, oneSided } = framesOf(
    node,
    node.inputs.map((input) => input?.shape),
    node.inputs.map((input, index) =>
      input && index !== 0 && index !== 2 ? emit.constantOf(input)?.toNumbers()[0] : undefined,
    ),
  )
  if (length === undefined || step === undefined || count === undefined)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `frame_step and frame_length of '${node.name}' must be known while compiling`,
    )
  const places = Array.from({ length: count * length }, (_, i) => Math.floor(i / length) * step + (i % length))
  const indices = emit.constant(new Tensor('int64', places, [count, length]))
  const gathered = emit.gather(signal!, indices, 1)
  const frames = window ? emit.mul(gathered, emit.reshape(window, [length, 1])) : gathered
  if (parts === 2 || length > longestMatrix)
    return [
      emit.op('DFT', [frames, undefined, emit.constant(new Tensor('int64', [2], []))], { onesided: oneSided ? 1 : 0 }),
    ]
  const bins = oneSided ? Math.floor(length / 2) + 1 : length
  const matrix = emit.constant(new Tensor(signal!.dtype, Array.from(transformMatrix(length, bins)), [length, 2 * bins]))
  const product = emit.matMul(emit.reshape(frames, [batch, count, length]), matrix)
  return [emit.reshape(product, [batch, count, bins, 2])]
}

/** Fourier transforms, and what goes with them. */
export const signal = {
  /** input [..., 1 or 2], dft_length, axis (-2 if absent) -> its discrete Fourier transform along one axis. */
  DFT: {
    since: 20,
    inputs: [1, 3],
    outputs: [1, 1],
    attributes: { inverse: { type: 'int', default: 0 }, onesided: { type: 'int', default: 0 } },
    infer: inferDFT,
    gradientUnknown: true,
  },

  /** signal [N, length, 1 or 2], frame_step, window, frame_length -> [N, frames, bins, 2]. */
  STFT: {
    since: 17,
    inputs: [2, 4],
    outputs: [1, 1],
    attributes: { onesided: { type: 'int', default: 1 } },
    infer: inferSTFT,
    decompose: decomposeSTFT,
  },

  HannWindow: window,
  HammingWindow: window,
  BlackmanWindow: window,

  /** num_mel_bins, dft_length, sample_rate, lower and upper edge in Hz -> [dft_length / 2 + 1, num_mel_bins]. */
  MelWeightMatrix: {
    since: 17,
    inputs: [5, 5],
    outputs: [1, 1],
    attributes: { output_datatype: { type: 'int', default: 1 } },
    infer: (context) => {
      const [bins, length] = [knownInts(context, 0)?.[0], knownInts(context, 1)?.[0]]
      const fresh = freshShape(context, 2)
      const shape = [length === undefined ? fresh[0] : Math.floor(length / 2) + 1, bins ?? fresh[1]]
      return [{ dtype: dtypeAttribute(context, 'output_datatype'), shape }]
    },
  },
} as const satisfies Record<string, OpDefinition>
