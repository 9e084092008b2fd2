import { isFloat } from '../../../src/core/dtype.js'
import type { Tensor } from '../../../src/core/tensor.js'
import type { Draft, NodeDraft } from './draft.js'
import { type Attributes, type Drawing, type Drawings, few, type numbers } from './elementwise.js'
import { ranked } from './movement.js'

const reduce =
  (op: string, types: readonly (typeof numbers)[number][], inputSince = 18): Drawing =>
  (draft) => {
    // Onnxruntime stops at the largest integer, where NumPy and lanewise go round.
    const small = (tensor: Tensor) =>
      isFloat(tensor.type) || tensor.toNumbers().every((element) => Math.abs(element) < 4)
    const x = draft.operand({
      types,
      fits: small,
      low: op.includes('Log') && !op.includes('Exp') ? 0.1 : undefined,
      high: 3,
    })
    const { dims } = draft.tensorOf(x)
    // Onnxruntime leaves outputs of empty reductions in other shapes than the specification says.
    if (dims.includes(0)) return undefined
    const axes = draft.axes(dims.length, 1)
    const legal = draft.opset < 11 ? axes.map((axis) => (axis + dims.length) % dims.length) : axes
    const keep: Attributes = draft.chance(0.6) ? { keepdims: { i: draft.between(0, 1) } } : {}
    if (draft.chance(0.25) || axes.length === 0) {
      const noop: Attributes =
        draft.opset >= inputSince && draft.chance(0.5) ? { noop_with_empty_axes: { i: draft.between(0, 1) } } : {}
      const empty = draft.opset >= inputSince && draft.chance(0.3) ? [draft.ints([])] : []
      return { op, inputs: [x, ...empty], attributes: { ...keep, ...noop } }
    }
    if (draft.opset < inputSince) return { op, inputs: [x], attributes: { ...keep, axes: { ints: legal } } }
    return { op, inputs: [x, draft.ints(legal)], attributes: keep }
  }

const arg =
  (op: string): Drawing =>
  (draft) => {
    const x = ranked(draft, ['float32', 'int32', 'float64', 'uint8', 'int8', 'int64', 'float16'])
    const dims = draft.dimsOf(x)
    if (dims.includes(0)) return undefined
    return {
      op,
      inputs: [x],
      attributes: {
        ...(draft.chance(0.8)
          ? { axis: { i: draft.opset < 11 ? draft.between(0, dims.length - 1) : draft.axis(dims.length) } }
          : {}),
        ...(draft.chance(0.6) ? { keepdims: { i: draft.between(0, 1) } } : {}),
        ...(draft.opset >= 12 && draft.chance(0.4) ? { select_last_index: { i: draft.between(0, 1) } } : {}),
      },
    }
  }

const soft =
  (op: string): Drawing =>
  (draft) => {
    const x = ranked(draft, few)
    const rank = draft.dimsOf(x).length
    return {
      op,
      inputs: [x],
      attributes: draft.chance(0.7)
        ? { axis: { i: draft.opset < 11 ? draft.between(0, rank - 1) : draft.axis(rank) } }
        : rank < 2 && draft.opset < 13
          ? { axis: { i: 0 } }
          : {},
    }
  }

function loss(draft: Draft, op: string, outputs: number): NodeDraft | undefined {
  if (draft.opset < 12) return undefined
  const [n, c] = [draft.between(1, 5), draft.between(1, 6)]
  const spatial = draft.dims(draft.between(0, 2)).map((dim) => Math.min(Math.max(dim, 1), 3))
  const x = draft.operand({ types: ['float32', 'float32', 'float64'], dims: [n, c, ...spatial] })
  const { type } = draft.tensorOf(x)
  const target = draft.operand({
    types: [draft.pick(['int64', 'int32'] as const)],
    dims: [n, ...spatial],
    low: 0,
    high: c - 1,
    fresh: true,
  })
  const weight = draft.chance(0.5) ? [draft.operand({ types: [type], dims: [c], low: 0.2, high: 2, fresh: true })] : []
  return {
    op,
    inputs: [x, target, ...weight],
    attributes: {
      ...(draft.chance(0.7) ? { reduction: { s: draft.pick(['none', 'mean', 'sum']) } } : {}),
      ...(draft.chance(0.4) ? { ignore_index: { i: draft.between(-1, c - 1) } } : {}),
    },
    outputs,
  }
}

export const reductions: Drawings = {
  ReduceSum: (draft) => reduce('ReduceSum', ['float32', 'float64', 'int32', 'int64'], 13)(draft),
  ReduceMean: reduce('ReduceMean', ['float32', 'float64', 'int32']),
  ReduceMax: reduce('ReduceMax', ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8']),
  ReduceMin: reduce('ReduceMin', ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8']),
  ReduceProd: reduce('ReduceProd', ['float32', 'float64', 'int32', 'int64']),
  ReduceL1: reduce('ReduceL1', ['float32', 'int32']),
  ReduceL2: reduce('ReduceL2', ['float32', 'int32']),
  ReduceLogSum: reduce('ReduceLogSum', ['float32']),
  ReduceLogSumExp: reduce('ReduceLogSumExp', ['float32', 'float64']),
  ReduceSumSquare: reduce('ReduceSumSquare', ['float32', 'float64', 'int32']),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Softmax: soft('Softmax'),
  LogSoftmax: soft('LogSoftmax'),
  Hardmax: soft('Hardmax'),
  TopK: (draft) => {
    const x = ranked(draft, ['float32', 'float64', 'int64', 'int32'])
    const dims = draft.dimsOf(x)
    const axis = draft.opset < 11 ? draft.between(0, dims.length - 1) : draft.axis(dims.length)
    const k = draft.between(0, dims.at(axis)!)
    if (draft.opset < 10)
      return {
        op: 'TopK',
        inputs: [x],
        attributes: { axis: { i: axis }, k: { i: Math.max(1, Math.min(k, dims.at(axis)!)) } },
        outputs: 2,
      }
    return {
      op: 'TopK',
      inputs: [x, draft.ints([k])],
      attributes: {
        axis: { i: axis },
        ...(draft.opset >= 11 ? { largest: { i: draft.between(0, 1) }, sorted: { i: 1 } } : {}),
      },
      outputs: 2,
    }
  },
  LpNormalization: (draft) => {
    const x = ranked(draft, ['float32', 'float64'])
    return {
      op: 'LpNormalization',
      inputs: [x],
      attributes: { axis: { i: draft.axis(draft.dimsOf(x).length) }, p: { i: draft.between(1, 2) } },
    }
  },
  NegativeLogLikelihoodLoss: (draft) => loss(draft, 'NegativeLogLikelihoodLoss', 1),
  SoftmaxCrossEntropyLoss: (draft) => loss(draft, 'SoftmaxCrossEntropyLoss', draft.between(1, 2)),
}
