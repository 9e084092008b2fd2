import { Tensor } from '../../../src/core/tensor.js'
import type { Draft } from './draft.js'
import { type Drawings, few, type numbers } from './elementwise.js'
import { ranked } from './movement.js'

const einsums: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  [
    'ij,jk->ik',
    [
      ['i', 'j'],
      ['j', 'k'],
    ],
  ],
  [
    'bij,bjk->bik',
    [
      ['b', 'i', 'j'],
      ['b', 'j', 'k'],
    ],
  ],
  ['ij->ji', [['i', 'j']]],
  ['ii->i', [['i', 'i']]],
  ['ij->', [['i', 'j']]],
  [
    'bhid,bhjd->bhij',
    [
      ['b', 'h', 'i', 'd'],
      ['b', 'h', 'j', 'd'],
    ],
  ],
  ['i,j->ij', [['i'], ['j']]],
  [
    'ij,ij->i',
    [
      ['i', 'j'],
      ['i', 'j'],
    ],
  ],
  [
    'ijk,ilm,njm->n',
    [
      ['i', 'j', 'k'],
      ['i', 'l', 'm'],
      ['n', 'j', 'm'],
    ],
  ],
  [
    '...ij,...jk->...ik',
    [
      ['i', 'j'],
      ['j', 'k'],
    ],
  ],
]

const plane = (draft: Draft, types: readonly (typeof numbers)[number][] = few) => ranked(draft, types, 3, 5)

const vector = (draft: Draft, type: (typeof numbers)[number], length: number, low = -1, high = 1) =>
  draft.operand({ types: [type], dims: [length], held: draft.chance(0.85), low, high, fresh: low >= 0 })

export const products: Drawings = {
  Gemm: (draft) => {
    const [m, k, n] = [draft.size(), draft.size(), draft.size()]
    const [transA, transB] = [draft.chance(0.3), draft.chance(0.4)]
    const a = draft.operand({ types: few, dims: transA ? [k, m] : [m, k] })
    const { type } = draft.tensorOf(a)
    const b = draft.operand({ types: [type], dims: transB ? [n, k] : [k, n], held: draft.chance(0.7) })
    const c =
      draft.chance(0.7) || draft.opset < 11
        ? [draft.operand({ types: [type], dims: draft.pick([[n], [m, n], [1, n], [m, 1], [1], []]) })]
        : []
    return {
      op: 'Gemm',
      inputs: [a, b, ...c],
      attributes: {
        ...(transA ? { transA: { i: 1 } } : {}),
        ...(transB ? { transB: { i: 1 } } : {}),
        ...(draft.chance(0.3) ? { alpha: { f: draft.pick([0.5, 2, 0]) } } : {}),
        ...(draft.chance(0.3) ? { beta: { f: draft.pick([0.5, 2, 0]) } } : {}),
      },
    }
  },
  MatMul: (draft) => {
    const [m, k, n] = [draft.size(), draft.size(), draft.size()]
    const batch = draft.dims(draft.pick([0, 0, 0, 1, 2])).map((dim) => Math.min(dim, 4))
    const vectorA = draft.chance(0.1)
    const vectorB = draft.chance(0.1)
    const types = draft.opset < 9 ? few : ([...few, 'int32', 'int64', 'uint32'] as const)
    const a = draft.operand({
      types,
      dims: vectorA ? [k] : [...(draft.chance(0.8) ? batch : draft.broadcastable(batch)), m, k],
    })
    const { type } = draft.tensorOf(a)
    const b = draft.operand({
      types: [type],
      dims: vectorB ? [k] : [...(draft.chance(0.6) ? draft.broadcastable(batch) : []), k, n],
      held: draft.chance(0.6),
    })
    return { op: 'MatMul', inputs: [a, b] }
  },
  Einsum: (draft) => {
    if (draft.opset < 12) return undefined
    const [equation, operands] = draft.pick(einsums)
    const sizes = new Map<string, number>()
    const type = draft.pick(['float32', 'float32', 'float64', 'int32'] as const)
    const sizeFor = (letter: string) => {
      if (!sizes.has(letter)) sizes.set(letter, draft.between(1, 5))
      return sizes.get(letter)!
    }
    const batch = equation.includes('...')
      ? draft.dims(draft.between(0, 2)).map((dim) => Math.min(Math.max(dim, 1), 3))
      : []
    return {
      op: 'Einsum',
      inputs: operands.map((letters) => draft.operand({ types: [type], dims: [...batch, ...letters.map(sizeFor)] })),
      attributes: { equation: { s: equation } },
    }
  },
  Det: (draft) =>
    draft.opset < 11
      ? undefined
      : {
          op: 'Det',
          inputs: [
            draft.operand({
              dims: [
                ...draft.dims(draft.between(0, 2)).map((dim) => Math.min(dim, 3)),
                ...Array<number>(2).fill(draft.between(1, 5)),
              ],
            }),
          ],
        },
  Dropout: (draft) => {
    const x = draft.operand({ types: ['float32', 'float64'] })
    return draft.opset < 12
      ? { op: 'Dropout', inputs: [x], attributes: draft.chance(0.5) ? { ratio: { f: 0.3 } } : {} }
      : {
          op: 'Dropout',
          inputs: [x, ...(draft.chance(0.5) ? [draft.hold(Tensor.scalar(0.3))] : [])],
          outputs: draft.between(1, 2),
        }
  },
  BatchNormalization: (draft) => {
    const x = ranked(draft, few, 2, 5)
    const { type, dims } = draft.tensorOf(x)
    return {
      op: 'BatchNormalization',
      inputs: [
        x,
        vector(draft, type, dims[1]),
        vector(draft, type, dims[1]),
        vector(draft, type, dims[1]),
        vector(draft, type, dims[1], 0.5, 2),
      ],
      attributes: draft.chance(0.6) ? { epsilon: { f: draft.pick([1e-5, 1e-3, 0.1]) } } : {},
    }
  },
  InstanceNormalization: (draft) => {
    const x = plane(draft)
    const { type, dims } = draft.tensorOf(x)
    return {
      op: 'InstanceNormalization',
      inputs: [x, vector(draft, type, dims[1]), vector(draft, type, dims[1])],
      attributes: draft.chance(0.6) ? { epsilon: { f: 1e-3 } } : {},
    }
  },
  LayerNormalization: (draft) => {
    if (draft.opset < 17) return undefined
    const x = ranked(draft, few)
    const { type, dims } = draft.tensorOf(x)
    const axis = draft.axis(dims.length)
    const shape = dims.slice(axis < 0 ? axis + dims.length : axis)
    const like = () => draft.operand({ types: [type], dims: shape, held: draft.chance(0.7) })
    return {
      op: 'LayerNormalization',
      inputs: [x, like(), ...(draft.chance(0.6) ? [like()] : [])],
      attributes: { axis: { i: axis }, ...(draft.chance(0.5) ? { epsilon: { f: 1e-3 } } : {}) },
      outputs: draft.pick([1, 1, 1, 3]),
    }
  },
  RMSNormalization: (draft) => {
    if (draft.opset < 23) return undefined
    const x = ranked(draft, few)
    const { type, dims } = draft.tensorOf(x)
    const axis = draft.axis(dims.length)
    return {
      op: 'RMSNormalization',
      inputs: [x, draft.operand({ types: [type], dims: dims.slice(axis < 0 ? axis + dims.length : axis) })],
      attributes: { axis: { i: axis } },
    }
  },
  GroupNormalization: (draft) => {
    if (draft.opset < 21) return undefined
    const groups = draft.between(1, 3)
    const channels = groups * draft.between(1, 3)
    const x = draft.operand({
      types: few,
      dims: [draft.pick([1, 2]), channels, ...draft.dims(draft.between(1, 2)).map((dim) => Math.max(1, dim))],
    })
    const { type } = draft.tensorOf(x)
    return {
      op: 'GroupNormalization',
      inputs: [x, vector(draft, type, channels), vector(draft, type, channels)],
      attributes: { num_groups: { i: groups } },
    }
  },
  LRN: (draft) => {
    const x = ranked(draft, ['float32'], 4, 4)
    return {
      op: 'LRN',
      inputs: [x],
      attributes: {
        size: { i: draft.pick([1, 3, 5, 7]) },
        ...(draft.chance(0.5) ? { alpha: { f: 0.01 }, beta: { f: 0.6 }, bias: { f: 1.5 } } : {}),
      },
    }
  },
  MeanVarianceNormalization: (draft) => {
    if (draft.opset < 9) return undefined
    const x = ranked(draft, ['float32'], 4, 4)
    return {
      op: 'MeanVarianceNormalization',
      inputs: [x],
      attributes: draft.chance(0.4)
        ? {
            axes: {
              ints: draft.pick([
                [0, 2, 3],
                [1, 2, 3],
                [2, 3],
                [0, 1, 2, 3],
              ]),
            },
          }
        : {},
    }
  },
}
