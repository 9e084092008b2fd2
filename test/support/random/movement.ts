import { sizeOf } from '../../../src/core/shape.js'
import { Tensor } from '../../../src/core/tensor.js'
import type { Draft } from './draft.js'
import { anyType, type Drawings, floats, numbers } from './elementwise.js'

/** An operand of `least` to `most` axes. */
export const ranked = (draft: Draft, types = anyType, least = 1, most = 6): string =>
  draft.operand({ types, ranks: [least, most] })

/** Dims with as many elements as `dims`. */
function regrouped(draft: Draft, dims: readonly number[]): number[] {
  const size = sizeOf(dims)
  if (size === 0) return [...dims].reverse()
  const factors: number[] = []
  let rest = size
  for (let prime = 2; rest > 1; prime++)
    while (rest % prime === 0) {
      factors.push(prime)
      rest /= prime
    }
  const count = draft.between(size === 1 ? 0 : 1, 5)
  const result = Array.from({ length: count }, () => 1)
  for (const factor of factors) result[draft.random.integer(count)] *= factor
  return result
}

export const movement: Drawings = {
  Transpose: (draft) => {
    const x = draft.operand({ types: anyType })
    const rank = draft.dimsOf(x).length
    return {
      op: 'Transpose',
      inputs: [x],
      attributes: draft.chance(0.8) ? { perm: { ints: [...draft.random.permutation(rank)] } } : {},
    }
  },
  Reshape: (draft) => {
    const x = draft.operand({ types: anyType })
    const dims = draft.dimsOf(x)
    const target = regrouped(draft, dims)
    const size = sizeOf(dims)
    if (size > 0 && target.length > 0 && draft.chance(0.5)) target[draft.random.integer(target.length)] = -1
    for (let axis = 0; axis < Math.min(target.length, dims.length) && size > 0; axis++)
      if (target[axis] === dims[axis] && draft.chance(0.4)) target[axis] = 0
    const allow = draft.opset >= 14 && size === 0
    return { op: 'Reshape', inputs: [x, draft.ints(target)], attributes: allow ? { allowzero: { i: 1 } } : {} }
  },
  Flatten: (draft) => {
    const x = draft.operand({ types: draft.opset < 9 ? floats : anyType })
    const rank = draft.dimsOf(x).length
    return {
      op: 'Flatten',
      inputs: [x],
      attributes:
        draft.chance(0.7) && rank > 0
          ? { axis: { i: draft.between(draft.opset < 11 ? 0 : -rank, rank) } }
          : rank === 0
            ? { axis: { i: 0 } }
            : {},
    }
  },
  Squeeze: (draft) => {
    const shape = draft.dims(draft.between(1, 5)).map((dim) => (draft.chance(0.4) ? 1 : dim))
    const x = draft.operand({ types: anyType, dims: shape })
    const dims = draft.dimsOf(x)
    const ones = dims.flatMap((dim, axis) =>
      dim === 1 ? [draft.opset >= 11 && draft.chance(0.3) ? axis - dims.length : axis] : [],
    )
    const axes = ones.filter(() => draft.chance(0.7))
    if (axes.length === 0) return { op: 'Squeeze', inputs: [x] }
    return draft.opset < 13
      ? { op: 'Squeeze', inputs: [x], attributes: { axes: { ints: axes } } }
      : { op: 'Squeeze', inputs: [x, draft.ints(axes)] }
  },
  Unsqueeze: (draft) => {
    const x = draft.operand({ types: anyType })
    const rank = draft.dimsOf(x).length
    const count = draft.between(1, Math.max(1, Math.min(2, 6 - rank)))
    const axes = [...draft.random.permutation(rank + count)]
      .slice(0, count)
      .map((axis) => (draft.opset >= 11 && draft.chance(0.3) ? axis - rank - count : axis))
    return draft.opset < 13
      ? { op: 'Unsqueeze', inputs: [x], attributes: { axes: { ints: axes } } }
      : { op: 'Unsqueeze', inputs: [x, draft.ints(axes)] }
  },
  Concat: (draft) => {
    const first = ranked(draft)
    const { type, dims } = draft.tensorOf(first)
    const axis = draft.axis(dims.length)
    const others = Array.from({ length: draft.between(0, 3) }, () =>
      draft.operand({
        types: [type],
        dims: dims.map((dim, index) => (index === (axis + dims.length) % dims.length ? draft.size() : dim)),
      }),
    )
    return {
      op: 'Concat',
      inputs: draft.chance(0.5) ? [first, ...others] : [...others, first],
      attributes: { axis: { i: draft.opset < 11 ? (axis + dims.length) % dims.length : axis } },
    }
  },
  Split: (draft) => {
    const x = ranked(draft)
    const dims = draft.dimsOf(x)
    const axis = draft.between(draft.opset < 11 ? 0 : -dims.length, dims.length - 1)
    const size = dims.at(axis)!
    const count = draft.between(1, Math.max(1, Math.min(4, size)))
    const attributes = { axis: { i: axis } }
    if (draft.chance(0.5)) {
      const parts = Array.from({ length: count }, () => 0)
      for (let i = 0; i < size; i++) parts[draft.random.integer(count)]++
      return draft.opset < 13
        ? { op: 'Split', inputs: [x], attributes: { ...attributes, split: { ints: parts } }, outputs: count }
        : { op: 'Split', inputs: [x, draft.ints(parts)], attributes, outputs: count }
    }
    if (draft.opset < 18 && size % count !== 0) return undefined
    if (size === 0) return undefined
    if (draft.opset >= 18 && Math.ceil(size / count) * (count - 1) >= size) return undefined
    return {
      op: 'Split',
      inputs: [x],
      attributes: draft.opset >= 18 ? { ...attributes, num_outputs: { i: count } } : attributes,
      outputs: count,
    }
  },
  Slice: (draft) => {
    const x = ranked(draft)
    const dims = draft.dimsOf(x)
    const axes = draft.axes(dims.length, 1)
    const whole = draft.chance(0.2)
    const used = whole ? dims.map((_, axis) => axis).slice(0, draft.between(1, dims.length)) : axes
    const steps = used.map(() => (draft.opset < 10 ? 1 : draft.pick([1, 1, 2, 3, -1, -2])))
    // Onnxruntime takes 2^31 - 1 backwards for the very end, and starts before the first element for the first.
    const starts = used.map((axis, index) => {
      const size = dims.at(axis)!
      return steps[index] > 0
        ? draft.pick([draft.between(-size - 2, size + 2), 0, size])
        : draft.between(-size, size + 2)
    })
    const ends = used.map((axis, index) => {
      const size = dims.at(axis)!
      const all = steps[index] > 0 ? 2 ** 31 - 1 : -(2 ** 31) + 1
      return draft.pick([draft.between(-size - 2, size + 2), 0, size, -1, all])
    })
    if (draft.opset < 10)
      return {
        op: 'Slice',
        inputs: [x],
        attributes: {
          starts: { ints: starts },
          ends: { ints: ends },
          ...(whole ? {} : { axes: { ints: used.map((axis) => (axis + dims.length) % dims.length) } }),
        },
      }
    const type = draft.pick(['int64', 'int32'] as const)
    const stepped = steps.some((step) => step !== 1) || draft.chance(0.3)
    const inputs = [
      x,
      draft.ints(starts, type),
      draft.ints(ends, type),
      whole ? '' : draft.ints(used, type),
      stepped ? draft.ints(steps, type) : '',
    ]
    while (inputs.at(-1) === '') inputs.pop()
    return { op: 'Slice', inputs }
  },
  Expand: (draft) => {
    if (draft.opset < 8) return undefined
    const x = draft.operand({ types: anyType })
    const dims = draft.dimsOf(x)
    const target = dims.map((dim) => (dim === 1 && draft.chance(0.7) ? draft.size() : draft.chance(0.3) ? 1 : dim))
    const shape = draft.chance(0.3)
      ? target.slice(draft.between(0, target.length))
      : draft.chance(0.3) && target.length < 6
        ? [draft.between(1, 3), ...target]
        : target
    return { op: 'Expand', inputs: [x, draft.ints(shape)] }
  },
  Tile: (draft) => {
    const x = ranked(draft)
    const repeats = draft.dimsOf(x).map(() => draft.pick([1, 1, 1, 2, 3, 0]))
    return { op: 'Tile', inputs: [x, draft.ints(repeats)] }
  },
  Pad: (draft) => {
    const mode = draft.pick(
      draft.opset >= 19
        ? ['constant', 'constant', 'reflect', 'edge', 'wrap']
        : ['constant', 'constant', 'reflect', 'edge'],
    )
    const x = ranked(draft, draft.opset < 13 ? ['float32', 'float64'] : numbers, 1, 5)
    const { type, dims } = draft.tensorOf(x)
    const partial = draft.opset >= 18 && draft.chance(0.4)
    const axes = partial ? draft.axes(dims.length, 1) : dims.map((_, axis) => axis)
    if (mode !== 'constant' && dims.includes(0)) return undefined
    const most = (axis: number) =>
      mode === 'reflect' ? Math.max(0, dims.at(axis)! - 1) : mode === 'wrap' ? dims.at(axis)! : 3
    const side = () =>
      axes.map((axis) =>
        draft.chance(0.5)
          ? 0
          : draft.chance(0.15) && mode === 'constant'
            ? -draft.between(0, Math.floor(dims.at(axis)! / 2))
            : draft.between(0, Math.min(3, most(axis))),
      )
    const pads = [...side(), ...side()]
    const attributes = draft.chance(0.8) || mode !== 'constant' ? { mode: { s: mode } } : {}
    if (draft.opset < 11)
      return {
        op: 'Pad',
        inputs: [x],
        attributes: { ...attributes, pads: { ints: pads }, ...(draft.chance(0.5) ? { value: { f: 1.5 } } : {}) },
      }
    const value = draft.chance(0.5) ? draft.operand({ types: [type], dims: [], held: draft.chance(0.7) }) : ''
    const inputs = [x, draft.ints(pads), value, partial ? draft.ints(axes) : '']
    while (inputs.at(-1) === '') inputs.pop()
    return { op: 'Pad', inputs, attributes }
  },
  DepthToSpace: (draft) => {
    const block = draft.between(1, 3)
    const x = draft.operand({
      types: draft.opset >= 13 ? numbers : ['float32'],
      dims: [draft.size(), block * block * draft.between(1, 3), draft.between(1, 4), draft.between(1, 4)],
    })
    return {
      op: 'DepthToSpace',
      inputs: [x],
      attributes: {
        blocksize: { i: block },
        ...(draft.opset >= 11 && draft.chance(0.6) ? { mode: { s: draft.pick(['DCR', 'CRD']) } } : {}),
      },
    }
  },
  SpaceToDepth: (draft) => {
    const block = draft.between(1, 3)
    const x = draft.operand({
      types: draft.opset >= 13 ? numbers : ['float32'],
      dims: [draft.size(), draft.between(1, 4), block * draft.between(1, 3), block * draft.between(1, 3)],
    })
    return { op: 'SpaceToDepth', inputs: [x], attributes: { blocksize: { i: block } } }
  },
  Trilu: (draft) => {
    if (draft.opset < 14) return undefined
    const x = ranked(draft, [...numbers, 'bool'], 2)
    const inputs = [x, ...(draft.chance(0.6) ? [draft.ints([draft.between(-4, 4)], 'int64', [])] : [])]
    return { op: 'Trilu', inputs, attributes: draft.chance(0.6) ? { upper: { i: draft.between(0, 1) } } : {} }
  },
  ReverseSequence: (draft) => {
    if (draft.opset < 10) return undefined
    const x = ranked(draft, anyType, 2, 4)
    const dims = draft.dimsOf(x)
    const batch = draft.between(0, 1)
    const lengths = Array.from({ length: dims[batch] }, () =>
      draft.between(Math.min(1, dims[1 - batch]), dims[1 - batch]),
    )
    if (dims.includes(0)) return undefined
    return {
      op: 'ReverseSequence',
      inputs: [x, draft.ints(lengths)],
      attributes: { batch_axis: { i: batch }, time_axis: { i: 1 - batch } },
    }
  },
  CumSum: (draft) => {
    if (draft.opset < 11) return undefined
    const x = ranked(draft, ['float32', 'float64', 'int32', 'int64'])
    const axis = draft.ints(
      [draft.axis(draft.dimsOf(x).length)],
      draft.pick(['int32', 'int64'] as const),
      draft.chance(0.7) ? [] : [1],
    )
    return {
      op: 'CumSum',
      inputs: [x, axis],
      attributes: { exclusive: { i: draft.between(0, 1) }, reverse: { i: draft.between(0, 1) } },
    }
  },
  CumProd: (draft) => {
    if (draft.opset < 26) return undefined
    const x = ranked(draft, ['float32', 'float64', 'int32', 'int64'])
    const axis = draft.ints([draft.axis(draft.dimsOf(x).length)], 'int64', [])
    return {
      op: 'CumProd',
      inputs: [x, axis],
      attributes: { exclusive: { i: draft.between(0, 1) }, reverse: { i: draft.between(0, 1) } },
    }
  },
  Range: (draft) => {
    if (draft.opset < 11) return undefined
    const type = draft.pick(['int64', 'int32', 'float32', 'float64', 'int16'] as const)
    const scalar = (value: number) => draft.ints([value], type, [])
    const delta = draft.pick([1, 2, -1, -3, ...(type.startsWith('float') ? [0.1, 0.5, -0.7] : [])])
    return { op: 'Range', inputs: [scalar(draft.between(-5, 5)), scalar(draft.between(-9, 9)), scalar(delta)] }
  },
  EyeLike: (draft) =>
    draft.opset < 9
      ? undefined
      : {
          op: 'EyeLike',
          inputs: [draft.operand({ types: ['float32', 'float64', 'int64', 'int32', 'uint64'], rank: 2 })],
          attributes: {
            ...(draft.chance(0.5) ? { k: { i: draft.between(-3, 3) } } : {}),
            ...(draft.chance(0.5) ? { dtype: { i: draft.pick([1, 6, 7, 11]) } } : {}),
          },
        },
  Shape: (draft) => {
    const x = draft.operand({ types: anyType })
    const bound = () => ({ i: draft.between(-7, 7) })
    return {
      op: 'Shape',
      inputs: [x],
      attributes:
        draft.opset < 15
          ? {}
          : { ...(draft.chance(0.4) ? { start: bound() } : {}), ...(draft.chance(0.4) ? { end: bound() } : {}) },
    }
  },
  Size: (draft) => ({ op: 'Size', inputs: [draft.operand({ types: anyType })] }),
  ConstantOfShape: (draft) => {
    if (draft.opset < 9) return undefined
    const shape = draft.operand({
      types: ['int64'],
      rank: 1,
      low: 1,
      high: 3,
      fits: ({ data, size }) => size <= 6 && [...(data as BigInt64Array)].every((dim) => dim >= 0n && dim < 6n),
      fresh: true,
      held: draft.chance(0.5),
    })
    if (
      draft
        .tensorOf(shape)
        .toNumbers()
        .some((dim) => dim < 0) ||
      draft.tensorOf(shape).size > 6
    )
      return undefined
    return {
      op: 'ConstantOfShape',
      inputs: [shape],
      attributes: draft.chance(0.7)
        ? {
            value: {
              tensor: new Tensor(draft.pick(['float32', 'int64', 'int32', 'float64', 'uint8'] as const), [2], [1]),
            },
          }
        : {},
    }
  },
  CenterCropPad: (draft) => {
    if (draft.opset < 18) return undefined
    const x = ranked(draft, numbers, 1, 4)
    const dims = draft.dimsOf(x)
    const partial = draft.chance(0.5)
    const axes = partial ? draft.axes(dims.length, 1) : dims.map((_, axis) => axis)
    return {
      op: 'CenterCropPad',
      inputs: [x, draft.ints(axes.map(() => draft.between(1, 8)))],
      attributes: partial ? { axes: { ints: axes } } : {},
    }
  },
}
