import { sizeOf } from '../../../src/core/shape.js'
import { anyType, type Drawings, numbers } from './elementwise.js'
import { ranked } from './movement.js'

export const indexing: Drawings = {
  Gather: (draft) => {
    // Onnxruntime-web loses some of the strings that it gathers.
    const x = ranked(draft, numbers)
    const dims = draft.dimsOf(x)
    const axis = draft.axis(dims.length)
    const size = dims.at(axis)!
    if (size === 0) return undefined
    const shape = draft.dims(draft.between(0, 2))
    const indices = draft.operand({
      types: [draft.pick(['int64', 'int32'] as const)],
      dims: shape,
      low: draft.opset < 11 ? 0 : -size,
      high: size - 1,
      fresh: true,
    })
    return {
      op: 'Gather',
      inputs: [x, indices],
      attributes: draft.chance(0.8) || axis < 0 ? { axis: { i: axis } } : { axis: { i: axis } },
    }
  },
  GatherElements: (draft) => {
    if (draft.opset < 11) return undefined
    const x = ranked(draft)
    const dims = draft.dimsOf(x)
    const axis = draft.axis(dims.length)
    const size = dims.at(axis)!
    if (size === 0) return undefined
    const at = (axis + dims.length) % dims.length
    const shape = dims.map((dim, index) => (index === at ? draft.size() : draft.between(Math.min(1, dim), dim)))
    const indices = draft.operand({
      types: [draft.pick(['int64', 'int32'] as const)],
      dims: shape,
      low: -size,
      high: size - 1,
      fresh: true,
    })
    return { op: 'GatherElements', inputs: [x, indices], attributes: { axis: { i: axis } } }
  },
  GatherND: (draft) => {
    if (draft.opset < 11) return undefined
    const x = ranked(draft)
    const dims = draft.dimsOf(x)
    const batch = draft.opset < 12 ? 0 : draft.between(0, Math.min(2, dims.length - 1))
    const depth = draft.between(1, dims.length - batch)
    if (dims.includes(0)) return undefined
    const lead = [...dims.slice(0, batch), ...draft.dims(draft.between(0, 2))]
    if (lead.length === 0) return undefined
    const count = sizeOf(lead)
    const elements = Array.from({ length: count }, () =>
      dims.slice(batch, batch + depth).map((dim) => draft.between(-dim, dim - 1)),
    ).flat()
    return {
      op: 'GatherND',
      inputs: [x, draft.ints(elements, 'int64', [...lead, depth])],
      attributes: batch > 0 ? { batch_dims: { i: batch } } : {},
    }
  },
  ScatterElements: (draft) => {
    if (draft.opset < 11) return undefined
    const reduction =
      draft.opset < 16
        ? 'none'
        : draft.pick(draft.opset < 18 ? ['none', 'add', 'mul'] : ['none', 'add', 'mul', 'max', 'min'])
    const x = ranked(draft, reduction === 'none' ? anyType : numbers)
    const { type, dims } = draft.tensorOf(x)
    const axis = draft.axis(dims.length)
    const at = (axis + dims.length) % dims.length
    if (dims.includes(0)) return undefined
    const shape = dims.map((dim) => draft.between(1, dim))
    const size = dims[at]
    // Without a reduction, an index that comes twice has no defined result: each line along the axis is a permutation.
    const elements = new Array<number>(sizeOf(shape))
    const inner = sizeOf(shape.slice(at + 1))
    for (let outer = 0; outer < sizeOf(shape.slice(0, at)); outer++)
      for (let i = 0; i < inner; i++) {
        const order = draft.random.permutation(size)
        for (let k = 0; k < shape[at]; k++)
          elements[(outer * shape[at] + k) * inner + i] =
            reduction === 'none' ? order[k] : draft.between(-size, size - 1)
      }
    const updates = draft.operand({ types: [type], dims: shape })
    return {
      op: 'ScatterElements',
      inputs: [x, draft.ints(elements, draft.pick(['int64', 'int32'] as const), shape), updates],
      attributes: { axis: { i: axis }, ...(reduction === 'none' ? {} : { reduction: { s: reduction } }) },
    }
  },
  ScatterND: (draft) => {
    if (draft.opset < 11) return undefined
    const reduction =
      draft.opset < 16
        ? 'none'
        : draft.pick(draft.opset < 18 ? ['none', 'add', 'mul'] : ['none', 'add', 'mul', 'max', 'min'])
    const x = ranked(draft, reduction === 'none' ? anyType : numbers)
    const { type, dims } = draft.tensorOf(x)
    if (dims.includes(0)) return undefined
    const depth = draft.between(1, dims.length)
    const places = sizeOf(dims.slice(0, depth))
    const count = draft.between(1, Math.min(6, places))
    const order = draft.random.permutation(places)
    const elements = Array.from({ length: count }, (_, k) => {
      let rest = reduction === 'none' ? order[k] : draft.random.integer(places)
      const index: number[] = []
      for (let axis = depth - 1; axis >= 0; axis--) {
        index.unshift((rest % dims[axis]) - (draft.chance(0.2) ? dims[axis] : 0))
        rest = Math.floor(rest / dims[axis])
      }
      return index
    }).flat()
    const updates = draft.operand({ types: [type], dims: [count, ...dims.slice(depth)] })
    return {
      op: 'ScatterND',
      inputs: [x, draft.ints(elements, 'int64', [count, depth]), updates],
      attributes: reduction === 'none' ? {} : { reduction: { s: reduction } },
    }
  },
  OneHot: (draft) => {
    if (draft.opset < 9) return undefined
    const indices = draft.operand({ types: ['int64', 'int32'], low: -4, high: 6, fresh: true })
    const rank = draft.dimsOf(indices).length
    const depth = draft.ints(
      [draft.between(1, 5)],
      draft.pick(['int64', 'int32', 'float32'] as const),
      draft.chance(0.6) ? [] : [1],
    )
    const values = draft.operand({ types: ['float32', 'int64', 'int32', 'float32', 'string', 'bool'], dims: [2] })
    return {
      op: 'OneHot',
      inputs: [indices, depth, values],
      attributes: draft.chance(0.7) ? { axis: { i: draft.between(-rank - 1, rank) } } : {},
    }
  },
  NonZero: (draft) =>
    draft.opset < 9
      ? undefined
      : { op: 'NonZero', inputs: [draft.operand({ types: ['float32', 'bool', 'int64', 'int32', 'uint8'] })] },
  Compress: (draft) => {
    if (draft.opset < 9) return undefined
    const x = ranked(draft)
    const dims = draft.dimsOf(x)
    const axis = draft.chance(0.6) ? draft.axis(dims.length) : undefined
    const length = axis === undefined ? sizeOf(dims) : dims.at(axis)!
    const condition = draft.operand({ types: ['bool'], dims: [draft.between(0, length)] })
    return {
      op: 'Compress',
      inputs: [x, condition],
      attributes:
        axis === undefined ? {} : { axis: { i: draft.opset < 11 ? (axis + dims.length) % dims.length : axis } },
    }
  },
  Unique: (draft) => {
    if (draft.opset < 11) return undefined
    const x = ranked(draft, ['float32', 'int64', 'string', 'int8', 'float64'], 1, 3)
    if (draft.tensorOf(x).size === 0) return undefined
    return {
      op: 'Unique',
      inputs: [x],
      attributes: {
        sorted: { i: draft.between(0, 1) },
        ...(draft.chance(0.5) ? { axis: { i: draft.axis(draft.dimsOf(x).length) } } : {}),
      },
      outputs: draft.between(1, 4),
    }
  },
}
