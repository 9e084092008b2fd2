import type { DType } from '../../../src/core/dtype.js'
import type { Tensor } from '../../../src/core/tensor.js'
import type { RowAttribute } from '../rows.js'
import type { Draft, NodeDraft } from './draft.js'

/** Draws the operands and attributes of one op; undefined where the model's opset has no such form. */
export type Drawing = (draft: Draft) => NodeDraft | undefined
export type Drawings = Readonly<Record<string, Drawing>>

export type Attributes = Record<string, RowAttribute>

/** What most ops on floats take. */
export const few = ['float32', 'float32', 'float32', 'float64', 'float16'] as const

export const floats: readonly DType[] = ['float32', 'float32', 'float32', 'float16', 'float64', 'bfloat16']
export const integers: readonly DType[] = ['int64', 'int32', 'uint8', 'int8', 'uint32', 'int16', 'uint16', 'uint64']
export const numbers: readonly DType[] = ['float32', 'float32', 'int64', 'int32', ...floats, ...integers]
export const anyType: readonly DType[] = [...numbers, 'bool', 'string']

const unary =
  (op: string, types: readonly DType[] = floats, low?: number, high?: number, since = 1): Drawing =>
  (draft) =>
    draft.opset < since ? undefined : { op, inputs: [draft.operand({ types, low, high })] }

const withFloats =
  (op: string, ranges: Readonly<Record<string, readonly [number, number]>>, since = 1): Drawing =>
  (draft) => {
    if (draft.opset < since) return undefined
    const attributes = Object.fromEntries(
      Object.entries(ranges).flatMap(([name, [low, high]]) =>
        draft.chance(0.6) ? [[name, { f: Math.fround(draft.random.uniform(low, high)) }]] : [],
      ),
    )
    return { op, inputs: [draft.operand({ types: floats })], attributes }
  }

const hasZero = (tensor: Tensor) => tensor.toNumbers().some((element) => element === 0 || Number.isNaN(element))

function pair(draft: Draft, types: readonly DType[], low?: number, high?: number): [string, string] {
  const a = draft.operand({ types, low, high })
  const { type, dims } = draft.tensorOf(a)
  const b = draft.operand({ types: [type], dims: draft.broadcastable(dims), low, high })
  return draft.chance(0.5) ? [a, b] : [b, a]
}

const binary =
  (
    op: string,
    types: readonly DType[],
    since = 1,
    attributes: (draft: Draft) => NodeDraft['attributes'] = () => ({}),
  ): Drawing =>
  (draft) =>
    draft.opset < since ? undefined : { op, inputs: pair(draft, types), attributes: attributes(draft) }

const variadic =
  (op: string, types: readonly DType[]): Drawing =>
  (draft) => {
    const first = draft.operand({ types })
    const { type, dims } = draft.tensorOf(first)
    const others = Array.from({ length: draft.between(0, 3) }, () =>
      draft.operand({ types: [type], dims: draft.broadcastable(dims) }),
    )
    return { op, inputs: [first, ...others] }
  }

const divide =
  (op: string, attributes: (draft: Draft, type: DType) => NodeDraft['attributes']): Drawing =>
  (draft) => {
    const a = draft.operand({ types: numbers })
    const { type, dims } = draft.tensorOf(a)
    const b = draft.operand({
      types: [type],
      dims: draft.broadcastable(dims),
      low: 1,
      high: 5,
      fits: (tensor) => !hasZero(tensor),
    })
    return { op, inputs: [a, b], attributes: attributes(draft, type) }
  }

export const elementwise: Drawings = {
  Abs: unary('Abs', numbers),
  Acos: unary('Acos', floats, -1, 1),
  Acosh: unary('Acosh', floats, 1, 5, 9),
  Asin: unary('Asin', floats, -1, 1),
  Asinh: unary('Asinh', floats, -3, 3, 9),
  Atan: unary('Atan'),
  Atanh: unary('Atanh', floats, -0.95, 0.95, 9),
  Ceil: unary('Ceil'),
  Cos: unary('Cos'),
  Cosh: unary('Cosh', floats, -3, 3, 9),
  Erf: unary('Erf', floats, -3, 3, 9),
  Exp: unary('Exp'),
  Floor: unary('Floor'),
  HardSwish: unary('HardSwish', floats, -5, 5, 14),
  Identity: unary('Identity', anyType),
  IsNaN: unary('IsNaN', floats, -3, 3, 9),
  IsInf: (draft) =>
    draft.opset < 10
      ? undefined
      : {
          op: 'IsInf',
          inputs: [
            draft.operand({ types: ['float32', 'float64', ...(draft.opset >= 20 ? (['float16'] as const) : [])] }),
          ],
          attributes: draft.chance(0.5)
            ? { detect_negative: { i: draft.between(0, 1) }, detect_positive: { i: draft.between(0, 1) } }
            : {},
        },
  Log: unary('Log', floats, 0.1, 5),
  Mish: unary('Mish', floats, -3, 3, 18),
  Neg: unary('Neg', ['float32', 'float64', 'float16', 'int64', 'int32', 'int8', 'int16']),
  Not: unary('Not', ['bool']),
  BitwiseNot: unary('BitwiseNot', integers, 0, 100, 18),
  Reciprocal: unary('Reciprocal', floats, 0.3, 3),
  Relu: (draft) => ({
    op: 'Relu',
    inputs: [draft.operand({ types: draft.opset < 14 ? floats : [...floats, 'int32', 'int8', 'int64', 'int16'] })],
  }),
  Round: unary('Round', floats, -6, 6, 11),
  Sigmoid: unary('Sigmoid'),
  Sign: unary('Sign', numbers, -3, 3, 9),
  Sin: unary('Sin'),
  Sinh: unary('Sinh', floats, -3, 3, 9),
  Softplus: unary('Softplus'),
  Softsign: unary('Softsign'),
  Sqrt: unary('Sqrt', floats, 0, 9),
  Tan: unary('Tan', floats, -1, 1),
  Tanh: unary('Tanh'),
  Elu: withFloats('Elu', { alpha: [-2, 2] }),
  Selu: withFloats('Selu', { alpha: [0.5, 2], gamma: [0.5, 2] }),
  Celu: withFloats('Celu', { alpha: [0.2, 2] }, 12),
  LeakyRelu: withFloats('LeakyRelu', { alpha: [-0.5, 1.5] }),
  ThresholdedRelu: withFloats('ThresholdedRelu', { alpha: [-1, 2] }, 10),
  HardSigmoid: withFloats('HardSigmoid', { alpha: [0.1, 1], beta: [0, 1] }),
  Shrink: (draft) =>
    draft.opset < 9
      ? undefined
      : {
          op: 'Shrink',
          inputs: [draft.operand({ types: numbers })],
          attributes: { lambd: { f: draft.pick([0, 0.5, 1, 1.5]) }, bias: { f: draft.pick([0, 0.5, 1]) } },
        },
  Gelu: (draft) =>
    draft.opset < 20
      ? undefined
      : {
          op: 'Gelu',
          inputs: [draft.operand({ types: floats })],
          attributes: draft.chance(0.6) ? { approximate: { s: draft.pick(['none', 'tanh']) } } : {},
        },
  Swish: withFloats('Swish', { alpha: [0.2, 2] }, 24),
  Add: binary('Add', numbers),
  Sub: binary('Sub', numbers),
  Mul: binary('Mul', numbers),
  Div: divide('Div', () => ({})),
  Mod: (draft) =>
    draft.opset < 10
      ? undefined
      : divide('Mod', (_, type) =>
          type.includes('float') || draft.chance(0.4)
            ? { fmod: { i: 1 } }
            : draft.chance(0.5)
              ? { fmod: { i: 0 } }
              : {},
        )(draft),
  Pow: (draft) => {
    const a = draft.operand({
      types: ['float32', 'float64', 'int32', 'int64', 'float16'],
      low: 0.2,
      high: 3,
      fits: (tensor) => tensor.toNumbers().every((element) => Math.abs(element) < 9),
    })
    const { type, dims } = draft.tensorOf(a)
    const whole = type.startsWith('int')
    const types: DType[] =
      draft.opset < 12 ? [type] : whole ? ['int32', 'int64', 'float32'] : [type, 'float32', 'int32', 'int64', 'float64']
    const b = draft.operand({
      types,
      dims: draft.broadcastable(dims),
      low: whole ? 0 : -2,
      high: 3,
      fresh: whole,
    })
    return { op: 'Pow', inputs: [a, b] }
  },
  And: binary('And', ['bool']),
  Or: binary('Or', ['bool']),
  Xor: binary('Xor', ['bool']),
  Equal: (draft) =>
    binary(
      'Equal',
      draft.opset < 11 ? ['bool', 'int32', 'int64'] : draft.opset >= 19 ? anyType : [...numbers, 'bool'],
    )(draft),
  Greater: (draft) => binary('Greater', draft.opset < 9 ? ['float32', 'float64'] : numbers)(draft),
  Less: (draft) => binary('Less', draft.opset < 9 ? ['float32', 'float64'] : numbers)(draft),
  GreaterOrEqual: binary('GreaterOrEqual', numbers, 12),
  LessOrEqual: binary('LessOrEqual', numbers, 12),
  BitShift: (draft) => {
    if (draft.opset < 11) return undefined
    const a = draft.operand({ types: ['uint8', 'uint32', 'uint64', 'uint16'], low: 0, high: 200 })
    const { type, dims } = draft.tensorOf(a)
    const b = draft.operand({ types: [type], dims: draft.broadcastable(dims), low: 0, high: 7, fresh: true })
    return { op: 'BitShift', inputs: [a, b], attributes: { direction: { s: draft.pick(['LEFT', 'RIGHT']) } } }
  },
  BitwiseAnd: binary('BitwiseAnd', integers, 18),
  BitwiseOr: binary('BitwiseOr', integers, 18),
  BitwiseXor: binary('BitwiseXor', integers, 18),
  PRelu: (draft) => {
    const x = draft.operand({ types: draft.opset < 9 ? floats : [...floats, 'int32', 'int64', 'uint32'] })
    const { type, dims } = draft.tensorOf(x)
    const slope = draft.operand({
      types: [type],
      dims: dims.slice(draft.between(0, dims.length)).map((dim) => (draft.chance(0.3) ? 1 : dim)),
    })
    return { op: 'PRelu', inputs: [x, slope] }
  },
  Max: (draft) => variadic('Max', draft.opset < 12 ? ['float32', 'float64', 'float16'] : [...numbers])(draft),
  Min: (draft) => variadic('Min', draft.opset < 12 ? ['float32', 'float64', 'float16'] : [...numbers])(draft),
  Sum: variadic('Sum', floats),
  Mean: variadic('Mean', floats),
  Where: (draft) => {
    if (draft.opset < 9) return undefined
    const a = draft.operand({ types: anyType })
    const { type, dims } = draft.tensorOf(a)
    const b = draft.operand({ types: [type], dims: draft.broadcastable(dims) })
    const condition = draft.operand({ types: ['bool'], dims: draft.broadcastable(dims) })
    return { op: 'Where', inputs: draft.chance(0.5) ? [condition, a, b] : [condition, b, a] }
  },
  Clip: (draft) => {
    const x = draft.operand({ types: draft.opset < 12 ? ['float32', 'float64', 'float16'] : numbers })
    const { type } = draft.tensorOf(x)
    const low = draft.chance(0.7)
    const high = draft.chance(0.7)
    if (draft.opset < 11)
      return {
        op: 'Clip',
        inputs: [x],
        attributes: { ...(low ? { min: { f: -1 } } : {}), ...(high ? { max: { f: 1.5 } } : {}) },
      }
    const bound = (from: number, to: number) =>
      draft.operand({ types: [type], dims: [], low: from, high: to, held: draft.chance(0.7) })
    const inputs = [x, low ? bound(-2, 0) : '', high ? bound(1, 3) : '']
    while (inputs.at(-1) === '') inputs.pop()
    return { op: 'Clip', inputs }
  },
  Cast: (draft) => {
    // Numbers that the other type does not hold have no defined result.
    const small = (tensor: Tensor) => tensor.toNumbers().every((element) => element >= 0 && element < 120)
    const x = draft.operand({ types: [...numbers, 'bool'], low: 0, high: draft.chance(0.3) ? 100 : 3, fits: small })
    if (!small(draft.tensorOf(x))) return undefined
    const codes = [
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      9,
      10,
      11,
      12,
      13,
      ...(draft.opset >= 13 ? [16] : []),
      ...(draft.opset >= 19 ? [17, 18, 19, 20] : []),
    ]
    return { op: 'Cast', inputs: [x], attributes: { to: { i: draft.pick(codes) } } }
  },
  CastLike: (draft) =>
    draft.opset < 15
      ? undefined
      : {
          op: 'CastLike',
          inputs: [
            draft.operand({ types: [...integers, 'bool'], low: 0, high: 100, fresh: true }),
            draft.operand({ types: [...numbers, 'bool'] }),
          ],
        },
}
