import type { NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { squeeze } from '../../ops/compose.js'
import type { Emitter } from '../../ops/emitter.js'
import { trigonometry } from '../../ops/trigonometry.js'
import { invalid } from '../config.js'
import { arrayOperations, listOf } from './array-operations.js'
import { grey } from './colors.js'
import type { Interpolation } from './image-fields.js'
import { axesOf, binary, bool, named, type Operation, reduction, tensor, unary } from './operation.js'
import { productOperations } from './product-operations.js'
import { resizeTo } from './resizing.js'

const trigonometric = (op: string): Operation => ({ ...named(op), needs: trigonometry })
const scaled = (factor: number) => unary((x, emit) => emit.mul(x, factor))
const logarithm = (base: number) => unary((x, emit) => emit.mul(emit.log(x), 1 / Math.log(base)))

/** log(1 + x): near 0 by the series of 2 atanh(x / (2 + x)), so that small numbers keep their digits. */
function log1p(x: Value, emit: Emitter): Value {
  const isSmall = emit.less(emit.abs(x), 0.5)
  const small = emit.where(isSmall, x, 0)
  const ratio = emit.div(small, emit.add(small, 2))
  const square = emit.square(ratio)
  let series = emit.scalar(1 / 13)
  for (const k of [11, 9, 7, 5, 3, 1]) series = emit.add(emit.mul(series, square), 1 / k)
  return emit.where(isSmall, emit.mul(emit.mul(ratio, series), 2), emit.log(emit.add(x, 1)))
}

/** Nothing but 0, in the form of x. */
const noughts = (emit: Emitter, x: Value, dtype: unknown): Value =>
  emit.cast(emit.less(emit.abs(x), 0), ((dtype as string | null) ?? x.dtype) as NumericDType)

/** The remainder with the sign of the divisor, as Python has it. */
const modulo = (emit: Emitter, a: Value, b: Value): Value =>
  /int/.test(a.dtype) ? emit.op('Mod', [a, b]) : emit.sub(a, emit.mul(emit.op('Floor', [emit.div(a, b)]), b))

const binaryOfTensors = (write: (emit: Emitter, a: Value, b: Value) => Value): Operation =>
  binary((emit, a, b) => {
    const like = typeof a === 'number' ? b : a
    const dtype = (typeof like === 'number' ? 'float32' : like.dtype) as NumericDType
    const lift = (operand: Value | number) => (typeof operand === 'number' ? emit.scalar(operand, dtype) : operand)
    return write(emit, lift(a), lift(b))
  })

/** The angle of the point (x, y), of the smaller by the larger side; 0 at the origin. */
function arctan2(emit: Emitter, y: Value, x: Value): Value {
  const isFlat = emit.greaterOrEqual(emit.abs(x), emit.abs(y))
  const [over, under] = [emit.where(isFlat, y, x), emit.where(isFlat, x, y)]
  const angle = emit.op('Atan', [emit.div(over, emit.where(emit.equal(under, 0), 1, under))])
  const upright = emit.sub(emit.mul(emit.sign(y), Math.PI / 2), angle)
  const turn = emit.where(emit.less(x, 0), emit.where(emit.less(y, 0), -Math.PI, emit.add(emit.mul(y, 0), Math.PI)), 0)
  return emit.where(isFlat, emit.add(angle, turn), upright)
}

/** The norm over `axes`, which stay; of vectors of any order, of more axes the root of the sum of squares. */
function norm(emit: Emitter, x: Value, order: unknown, axes: readonly number[] | undefined, keep: boolean): Value {
  if (order === null || order === undefined || order === 'fro' || (order === 2 && axes?.length === 1))
    return emit.sqrt(emit.sum(emit.square(x), axes, keep))
  if (typeof order !== 'number' || order <= 0 || axes?.length !== 1)
    throw invalid(`a norm of order ${JSON.stringify(order)} is there along one axis, of a positive order`)
  if (order === 1) return emit.sum(emit.abs(x), axes, keep)
  return emit.pow(emit.sum(emit.pow(emit.abs(x), order), axes, keep), 1 / order)
}

/** Keras's operations that few models hold, by the names of their classes. */
export const operations: Readonly<Record<string, Operation>> = {
  ...arrayOperations,
  ...productOperations,
  StopGradient: { takes: ['variable'], module: 'core', write: (emit, [x]) => emit.stopGradient(tensor(emit, x)) },
  Tan: trigonometric('Tan'),
  Arcsin: trigonometric('Asin'),
  Arccos: trigonometric('Acos'),
  Arctan: trigonometric('Atan'),
  Sinh: trigonometric('Sinh'),
  Cosh: trigonometric('Cosh'),
  Arctan2: { ...binaryOfTensors(arctan2), needs: trigonometry },
  Cbrt: unary((x, emit) => emit.mul(emit.sign(x), emit.pow(emit.abs(x), 1 / 3))),
  Arcsinh: trigonometric('Asinh'),
  Arccosh: trigonometric('Acosh'),
  Arctanh: trigonometric('Atanh'),
  Deg2rad: scaled(Math.PI / 180),
  Rad2deg: scaled(180 / Math.PI),
  Log1p: unary(log1p),
  Log2: logarithm(2),
  Log10: logarithm(10),
  Exp2: unary((x, emit) => emit.exp(emit.mul(x, Math.LN2))),
  // e^x - 1 = tanh(x / 2) (e^x + 1), which keeps the digits of small x.
  Expm1: unary((x, emit) => emit.mul(emit.tanh(emit.mul(x, 0.5)), emit.add(emit.exp(x), 1))),
  Round: unary((x, emit, { decimals }) => {
    const unit = 10 ** Number(decimals ?? 0)
    return unit === 1 ? emit.op('Round', [x]) : emit.div(emit.op('Round', [emit.mul(x, unit)]), unit)
  }),
  Trunc: unary((x, emit) => emit.mul(emit.sign(x), emit.op('Floor', [emit.abs(x)]))),
  Isnan: named('IsNaN'),
  Isfinite: unary((x, emit) => emit.lessOrEqual(emit.abs(x), 3.4028234663852886e38)),
  Isinf: unary((x, emit) => emit.greater(emit.abs(x), 3.4028234663852886e38)),
  NanToNum: unary((x, emit, { nan, posinf, neginf }) => {
    const most = 3.4028234663852886e38
    const high = emit.where(emit.greater(x, most), Number(posinf ?? most), x)
    const low = emit.where(emit.less(x, -most), Number(neginf ?? -most), high)
    return emit.where(emit.op('IsNaN', [x]), Number(nan ?? 0), low)
  }),
  Mod: binaryOfTensors(modulo),
  FloorDivide: binaryOfTensors((emit, a, b) =>
    /int/.test(a.dtype) ? emit.div(emit.sub(a, modulo(emit, a, b)), b) : emit.op('Floor', [emit.div(a, b)]),
  ),
  DivideNoNan: binaryOfTensors((emit, a, b) => {
    const isZero = emit.equal(b, 0)
    return emit.where(isZero, 0, emit.div(a, emit.where(isZero, 1, b)))
  }),
  Hypot: binaryOfTensors((emit, a, b) => emit.sqrt(emit.add(emit.square(a), emit.square(b)))),
  Logaddexp: binaryOfTensors((emit, a, b) => {
    const distance = emit.neg(emit.abs(emit.sub(a, b)))
    return emit.add(emit.maximum(a, b), log1p(emit.exp(distance), emit))
  }),
  LogicalXor: { takes: ['x1', 'x2'], write: (emit, [a, b]) => emit.op('Xor', [bool(emit, a), bool(emit, b)]) },
  ZerosLike: unary((x, emit, { dtype }) => noughts(emit, x, dtype)),
  OnesLike: unary((x, emit, { dtype }) => emit.add(noughts(emit, x, dtype), 1)),
  FullLike: {
    takes: ['x', 'fill_value'],
    write(emit, [x, value], { dtype }) {
      const form = noughts(emit, tensor(emit, x), dtype)
      return emit.add(form, typeof value === 'number' ? value : emit.cast(value, form.dtype as NumericDType))
    },
  },
  CountNonzero: unary((x, emit, options) =>
    emit.cast(emit.sum(emit.cast(bool(emit, x), 'float32'), axesOf(options)), 'int32'),
  ),
  Ptp: reduction((emit, x, axes, keep) => emit.sub(emit.max(x, axes, keep), emit.min(x, axes, keep))),
  Moments: {
    ...unary((x, emit, { axes, keepdims }) => {
      const over = listOf<number>(axes)
      const mean = emit.mean(x, over, true)
      const variance = emit.mean(emit.square(emit.sub(x, mean)), over, keepdims === true)
      return [keepdims === true ? mean : squeeze(emit, mean, ...over), variance]
    }),
    module: 'nn',
  },
  Norm: {
    ...unary((x, emit, options) => norm(emit, x, options.ord, axesOf(options), options.keepdims === true)),
    module: 'linalg',
  },
  Normalize: {
    ...unary((x, emit, { axis, order, epsilon }) => {
      const least = Number(epsilon ?? 1e-7)
      const axes = listOf<number>(axis ?? -1)
      if (order === undefined || order === 2) {
        const squares = emit.maximum(emit.sum(emit.square(x), axes, true), least * least)
        return emit.mul(x, emit.op('Reciprocal', [emit.sqrt(squares)]))
      }
      return emit.div(x, emit.maximum(norm(emit, x, order, axes, true), least))
    }),
    module: 'nn',
  },
  RGBToGrayscale: {
    takes: ['images'],
    module: 'image',
    write: (emit, [images], { dataFormat }) => {
      if (dataFormat === 'channels_first') throw invalid('rgb_to_grayscale takes channels last here')
      return grey(emit, tensor(emit, images))
    },
  },
  Resize: {
    takes: ['images'],
    module: 'image',
    write(emit, [images], { size, interpolation, antialias, cropToAspectRatio, padToAspectRatio, dataFormat }) {
      if (cropToAspectRatio === true || padToAspectRatio === true)
        throw invalid('the operation resize keeps no aspect ratio here; the layer Resizing does')
      const sizes = size as readonly number[]
      const kind = (interpolation ?? 'bilinear') as Interpolation
      return resizeTo(emit, tensor(emit, images), sizes, dataFormat !== 'channels_first', kind, antialias === true)
    },
  },
}
