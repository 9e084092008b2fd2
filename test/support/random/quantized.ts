import type { DType } from '../../../src/core/dtype.js'
import { Tensor } from '../../../src/core/tensor.js'
import type { RowAttribute } from '../rows.js'
import type { Draft } from './draft.js'
import type { Drawings } from './elementwise.js'
import { ranked } from './movement.js'

const scale = (draft: Draft, count?: number): string =>
  draft.hold(draft.tensor('float32', count === undefined ? [] : [count], 0.02, 0.2))

const zero = (draft: Draft, type: DType, count?: number): string => {
  const dims = count === undefined ? [] : [count]
  return draft.hold(
    type === 'uint8' || type === 'uint16' ? draft.tensor(type, dims, 0, 200) : draft.tensor(type, dims, -20, 20),
  )
}

export const quantized: Drawings = {
  QuantizeLinear: (draft) => {
    if (draft.opset < 10) return undefined
    const x = ranked(draft, ['float32'], 1, 4)
    const dims = draft.dimsOf(x)
    const axis = draft.opset >= 13 && draft.chance(0.4) ? draft.axis(dims.length) : undefined
    const count = axis === undefined ? undefined : dims.at(axis)!
    const type = draft.pick<DType>(draft.opset >= 21 ? ['uint8', 'int8', 'uint16', 'int16'] : ['uint8', 'int8'])
    return {
      op: 'QuantizeLinear',
      inputs: [x, scale(draft, count), ...(draft.chance(0.8) || type !== 'uint8' ? [zero(draft, type, count)] : [])],
      attributes: axis === undefined ? {} : { axis: { i: axis } },
    }
  },
  DequantizeLinear: (draft) => {
    if (draft.opset < 10) return undefined
    const x = ranked(draft, ['uint8', 'int8', 'int32'], 1, 4)
    const { type, dims } = draft.tensorOf(x)
    const axis = draft.opset >= 13 && draft.chance(0.4) ? draft.axis(dims.length) : undefined
    const count = axis === undefined ? undefined : dims.at(axis)!
    return {
      op: 'DequantizeLinear',
      inputs: [x, scale(draft, count), ...(draft.chance(0.7) && type !== 'int32' ? [zero(draft, type, count)] : [])],
      attributes: axis === undefined ? {} : { axis: { i: axis } },
    }
  },
  DynamicQuantizeLinear: (draft) =>
    draft.opset < 11
      ? undefined
      : {
          op: 'DynamicQuantizeLinear',
          inputs: [draft.operand({ dims: draft.dims().map((dim) => Math.max(dim, 1)) })],
          outputs: 3,
        },
  MatMulInteger: (draft) => {
    if (draft.opset < 10) return undefined
    const [m, k, n] = [draft.between(1, 9), draft.between(1, 20), draft.between(1, 9)]
    const batch = draft.chance(0.3) ? [2] : []
    const a = draft.operand({ types: ['uint8', 'uint8', 'int8'], dims: [...batch, m, k], low: -120, high: 120 })
    const b = draft.operand({
      types: ['int8', 'uint8'],
      dims: [...(draft.chance(0.3) ? batch : []), k, n],
      low: -120,
      high: 120,
      held: draft.chance(0.7),
    })
    const inputs = [
      a,
      b,
      draft.chance(0.6) ? zero(draft, draft.tensorOf(a).type) : '',
      draft.chance(0.6)
        ? zero(draft, draft.tensorOf(b).type, draft.chance(0.3) && draft.dimsOf(b).length === 2 ? n : undefined)
        : '',
    ]
    while (inputs.at(-1) === '') inputs.pop()
    return { op: 'MatMulInteger', inputs }
  },
  QLinearMatMul: (draft) => {
    if (draft.opset < 10) return undefined
    const [m, k, n] = [draft.between(1, 9), draft.between(1, 20), draft.between(1, 9)]
    const types = draft.pick<[DType, DType, DType]>([
      ['uint8', 'uint8', 'uint8'],
      ['uint8', 'int8', 'uint8'],
      ['int8', 'int8', 'int8'],
    ])
    const column = draft.chance(0.3) ? n : undefined
    return {
      op: 'QLinearMatMul',
      inputs: [
        draft.operand({ types: [types[0]], dims: [m, k], low: -120, high: 120 }),
        scale(draft),
        zero(draft, types[0]),
        draft.operand({ types: [types[1]], dims: [k, n], low: -120, high: 120, held: draft.chance(0.8) }),
        scale(draft, column),
        zero(draft, types[1], column),
        draft.hold(Tensor.scalar(draft.random.uniform(0.2, 3))),
        zero(draft, types[2]),
      ],
    }
  },
  QLinearConv: (draft) => {
    if (draft.opset < 10) return undefined
    const types = draft.pick<[DType, DType]>([
      ['uint8', 'uint8'],
      ['uint8', 'int8'],
      ['int8', 'int8'],
    ])
    const group = draft.pick([1, 1, 2, 4])
    const [channels, out, kernel] = [
      group * draft.pick([1, 1, 2, 4]),
      group * draft.pick([1, 2, 3]),
      draft.pick([1, 2, 3]),
    ]
    const spatial = [kernel + draft.between(0, 5), kernel + draft.between(0, 5)]
    const column = draft.chance(0.4) && types[1] === 'int8' ? out : undefined
    const attributes: Record<string, RowAttribute> = {
      kernel_shape: { ints: [kernel, kernel] },
      ...(group > 1 ? { group: { i: group } } : {}),
    }
    if (draft.chance(0.5)) attributes.strides = { ints: [draft.between(1, 2), draft.between(1, 2)] }
    if (draft.chance(0.5)) attributes.pads = { ints: [0, 0, 0, 0].map(() => draft.between(0, kernel - 1)) }
    return {
      op: 'QLinearConv',
      inputs: [
        draft.operand({ types: [types[0]], dims: [draft.between(1, 2), channels, ...spatial], low: -120, high: 120 }),
        scale(draft),
        zero(draft, types[0]),
        draft.operand({
          types: [types[1]],
          dims: [out, channels / group, kernel, kernel],
          low: -120,
          high: 120,
          held: true,
        }),
        scale(draft, column),
        column ? draft.hold(Tensor.zeros(types[1], [column])) : zero(draft, types[1]),
        draft.hold(Tensor.scalar(draft.random.uniform(0.2, 3))),
        zero(draft, types[0]),
        ...(draft.chance(0.5) ? [draft.hold(draft.tensor('int32', [out], -500, 500))] : []),
      ],
      attributes,
    }
  },
  ConvInteger: (draft) => {
    if (draft.opset < 10) return undefined
    const kernel = draft.pick([1, 2, 3])
    const channels = draft.pick([1, 2, 3])
    return {
      op: 'ConvInteger',
      inputs: [
        draft.operand({
          types: ['uint8'],
          dims: [draft.between(1, 2), channels, kernel + draft.between(0, 4), kernel + draft.between(0, 4)],
          low: 0,
          high: 200,
        }),
        draft.operand({
          types: ['uint8'],
          dims: [draft.between(1, 4), channels, kernel, kernel],
          low: 0,
          high: 200,
          held: draft.chance(0.8),
        }),
        ...(draft.chance(0.6) ? [zero(draft, 'uint8'), ...(draft.chance(0.6) ? [zero(draft, 'uint8')] : [])] : []),
      ],
      attributes: draft.chance(0.5) ? { pads: { ints: [0, 0, 0, 0].map(() => draft.between(0, kernel - 1)) } } : {},
    }
  },
}
