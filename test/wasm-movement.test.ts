import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gradientLowerings } from '../src/backend/wasm/lower/gradients.js'
import { movementLowerings as coreLowerings } from '../src/backend/wasm/lower/movement.js'
import type { NumericDType } from '../src/core/dtype.js'
import type { Attributes } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { permute, sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { runLowering } from './support/kernels.js'

const movementLowerings = { ...coreLowerings, ...gradientLowerings }

const random = new RandomGenerator(1)

const fill = (dtype: NumericDType, shape: readonly number[]): Tensor =>
  new Tensor(
    dtype,
    Array.from({ length: sizeOf(shape) }, () => random.integer(dtype === 'bool' ? 2 : 100)),
    shape,
  )

const ints = (values: readonly number[]) => new Tensor('int64', values, [values.length])

/** The tensor of `shape` whose element at each index is `read(index)`. */
function build(dtype: NumericDType, shape: readonly number[], read: (index: number[]) => number): Tensor {
  const values = Array.from({ length: sizeOf(shape) }, (_, flat) => {
    const index: number[] = []
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = flat % shape[axis]
      flat = Math.floor(flat / shape[axis])
    }
    return read(index)
  })
  return new Tensor(dtype, values, shape)
}

const at = (x: Tensor, index: readonly number[]): number =>
  Number(x.data[index.reduce((flat, i, axis) => flat * x.dims[axis] + i, 0)])

function check(
  op: keyof typeof movementLowerings,
  inputs: readonly (Tensor | undefined)[],
  attributes: Attributes,
  expected: readonly Tensor[],
  constants: readonly number[] = inputs.flatMap((input, i) => (i > 0 && input?.type === 'int64' ? [i] : [])),
): void {
  const outputs = runLowering(movementLowerings[op], op, {
    inputs,
    outputs: expected.map(({ type, dims }) => ({ dtype: type, shape: dims })),
    attributes,
    constants,
  })
  outputs.forEach((output, i) => {
    assert.equal(
      output.data,
      expected[i].data,
      `${op} ${JSON.stringify(inputs.map((input) => input?.dims))} output ${i}`,
    )
  })
}

test('Transpose of every element size', () => {
  const cases: [number[], number[]][] = [
    [[1], [0]],
    [
      [3, 5],
      [1, 0],
    ],
    [
      [17, 33],
      [1, 0],
    ],
    [
      [64, 128],
      [1, 0],
    ],
    [
      [2, 1300, 3],
      [0, 2, 1],
    ],
    [
      [2, 20, 7, 9],
      [0, 2, 3, 1],
    ],
    [
      [2, 7, 9, 20],
      [0, 3, 1, 2],
    ],
    [
      [3, 4, 5, 6],
      [1, 0, 2, 3],
    ],
    [
      [3, 4, 5, 6],
      [3, 2, 1, 0],
    ],
    [
      [2, 3, 4, 5],
      [2, 0, 3, 1],
    ],
    [
      [2, 1, 3, 2, 1, 2, 3, 2],
      [7, 3, 1, 0, 5, 4, 2, 6],
    ],
    [
      [5, 1, 1, 7],
      [2, 3, 1, 0],
    ],
    [
      [0, 3],
      [1, 0],
    ],
  ]
  for (const dtype of ['float32', 'float64', 'uint8', 'int16', 'int64', 'bool'] as const)
    for (const [shape, perm] of cases) {
      const x = fill(dtype, shape)
      const expected = build(dtype, permute(shape, perm), (index) => {
        const source: number[] = []
        perm.forEach((axis, i) => {
          source[axis] = index[i]
        })
        return at(x, source)
      })
      check('Transpose', [x], { perm }, [expected])
    }
})

test('Concat and Split are inverse', () => {
  for (const dtype of ['float32', 'int8', 'int64'] as const)
    for (const [shape, axis, sizes] of [
      [[3, 0, 5], 1, [1, 3, 0, 7]],
      [[0, 33], 0, [2, 5]],
      [[2, 3, 0], -1, [1, 17, 4]],
      [[0], 0, [1, 1, 3]],
    ] as [number[], number, number[]][]) {
      const along = axis < 0 ? axis + shape.length : axis
      const parts = sizes.map((size) =>
        fill(
          dtype,
          shape.map((dim, i) => (i === along ? size : dim)),
        ),
      )
      const whole = build(
        dtype,
        shape.map((dim, i) => (i === along ? sizes.reduce((sum, size) => sum + size, 0) : dim)),
        (index) => {
          let [part, rest] = [0, index[along]]
          while (rest >= sizes[part]) rest -= sizes[part++]
          return at(
            parts[part],
            index.map((i, k) => (k === along ? rest : i)),
          )
        },
      )
      check('Concat', parts, { axis }, [whole], [])
      check('Split', [whole, ints(sizes)], { axis }, parts)
    }
})

test('Slice with any start, end and step', () => {
  const x = fill('float32', [7, 9, 33])
  const large = 2 ** 53
  for (const [starts, ends, axes, steps] of [
    [[1], [5], [0], undefined],
    [
      [-3, 2],
      [large, 7],
      [1, 0],
      [1, 2],
    ],
    [[-1], [-large], [2], [-1]],
    [
      [30, large],
      [3, -large],
      [2, 0],
      [-4, -3],
    ],
    [[0, 0, 0], [7, 9, 33], undefined, undefined],
    [[5], [5], [0], undefined],
    [[-100], [100], [-1], [3]],
  ] as const) {
    const ranges: number[][] = x.dims.map((size) => Array.from({ length: size }, (_, i) => i))
    starts.forEach((_, i) => {
      const axis = axes === undefined ? i : axes[i] < 0 ? axes[i] + 3 : axes[i]
      const [size, step] = [x.dims[axis], steps?.[i] ?? 1]
      const lift = (bound: number) => (bound < 0 ? bound + size : bound)
      const [from, to] = [lift(starts[i]), lift(ends[i])]
      const all = ranges[axis]
      const first = step > 0 ? Math.max(from, 0) : Math.min(from, size - 1)
      ranges[axis] = all.filter(
        (j) => (step > 0 ? j >= first && j < to : j <= first && j > to) && (j - first) % step === 0,
      )
      if (step < 0) ranges[axis].reverse()
    })
    const expected = build(
      'float32',
      ranges.map((range) => range.length),
      (index) =>
        at(
          x,
          index.map((i, axis) => ranges[axis][i]),
        ),
    )
    check('Slice', [x, ints(starts), ints(ends), axes && ints(axes), steps && ints(steps)], {}, [expected])
  }
})

test('Expand and Tile', () => {
  for (const dtype of ['float32', 'uint8', 'float64'] as const) {
    for (const [from, to] of [
      [[], [3]],
      [[1], [40]],
      [
        [3, 1],
        [3, 17],
      ],
      [
        [3, 1, 5],
        [2, 3, 7, 5],
      ],
      [[5], [3, 5]],
      [
        [1, 7, 1, 3],
        [4, 7, 5, 3],
      ],
    ]) {
      const x = fill(dtype, from)
      const expected = build(dtype, to, (index) =>
        at(
          x,
          index.slice(to.length - from.length).map((i, axis) => (from[axis] === 1 ? 0 : i)),
        ),
      )
      check('Expand', [x, ints(to)], {}, [expected])
    }
    for (const [shape, repeats] of [
      [[3], [5]],
      [
        [2, 3],
        [3, 2],
      ],
      [
        [1, 33, 1],
        [2, 1, 7],
      ],
      [
        [2, 5, 3],
        [1, 4, 1],
      ],
    ]) {
      const x = fill(dtype, shape)
      const expected = build(
        dtype,
        shape.map((size, axis) => size * repeats[axis]),
        (index) =>
          at(
            x,
            index.map((i, axis) => i % shape[axis]),
          ),
      )
      check('Tile', [x, ints(repeats)], {}, [expected])
    }
  }
})

test('Pad in every mode', () => {
  const source = (mode: string, i: number, size: number) => {
    if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1)
    if (mode === 'wrap') return (i + size) % size
    return i < 0 ? -i : i >= size ? 2 * size - 2 - i : i
  }
  for (const dtype of ['float32', 'uint8', 'int64', 'int16'] as const)
    for (const mode of ['constant', 'edge', 'reflect', 'wrap'])
      for (const [shape, pads, axes] of [
        [[5], [2, 3], undefined],
        [[3, 4, 5], [1, 0, 4, 2, 3, 0], undefined],
        [
          [2, 7, 33],
          [3, 2, 1, 6],
          [1, -1],
        ],
        [[1, 17], [0, 0, 0, 0], undefined],
        ...(mode === 'constant' ? ([[[6, 7], [-2, 3, 1, -1], undefined]] as const) : []),
      ] as const) {
        const x = fill(dtype, shape)
        const all = shape.map((_, i) => i)
        const named: number[] = (axes ?? all).map((axis) => (axis < 0 ? axis + shape.length : axis))
        const pad = (axis: number, end: number): number => {
          const i = named.indexOf(axis)
          return i < 0 ? 0 : pads[i + end * named.length]
        }
        const target = shape.map((size, axis) => size + pad(axis, 0) + pad(axis, 1))
        const expected = build(dtype, target, (index) => {
          const from = index.map((i, axis) => i - pad(axis, 0))
          if (mode !== 'constant')
            return at(
              x,
              from.map((i, axis) => source(mode, i, shape[axis])),
            )
          return from.every((i, axis) => i >= 0 && i < shape[axis]) ? at(x, from) : 7
        })
        const value = mode === 'constant' ? new Tensor(dtype, [7], []) : undefined
        check('Pad', [x, ints(pads), value, axes && ints(axes)], { mode }, [expected], value ? [1, 2, 3] : [1, 3])
      }
})

test('a reflection longer than its axis is left to the reference backend', () => {
  const spec = {
    inputs: [fill('float32', [3]), ints([3, 0])],
    outputs: [{ dtype: 'float32' as const, shape: [6] }],
    attributes: { mode: 'reflect' },
    constants: [1],
  }
  assert.throws(() => runLowering(movementLowerings.Pad, 'Pad', spec), /not accelerated/)
})

test('Gather along any axis', () => {
  for (const dtype of ['float32', 'uint8', 'int64'] as const)
    for (const indexType of ['int32', 'int64'] as const)
      for (const [shape, axis, indexShape] of [
        [[17], 0, [5]],
        [[60, 33], 0, [7]],
        [[5, 7, 3], 1, [2, 3]],
        [[5, 7, 3], -1, [4]],
        [[300, 784], 0, [128]],
        [[3, 2], 0, []],
      ] as const) {
        const x = fill(dtype, shape)
        const along = axis < 0 ? axis + shape.length : axis
        const size = shape[along]
        const indices = build(indexType, indexShape, () => random.integer(2 * size) - size)
        const expected = build(dtype, [...shape.slice(0, along), ...indexShape, ...shape.slice(along + 1)], (index) => {
          const i = at(indices, index.slice(along, along + indexShape.length))
          const rest = index.slice(along + indexShape.length)
          return at(x, [...index.slice(0, along), i < 0 ? i + size : i, ...rest])
        })
        check('Gather', [x, indices], { axis }, [expected], [])
      }
})

test('an index out of range gives NaN, and is refused if it is constant', () => {
  const x = fill('float32', [3, 5])
  const spec = {
    inputs: [x, ints([1, 3, -4, 2 ** 40])],
    outputs: [{ dtype: 'float32' as const, shape: [4, 5] }],
    attributes: { axis: 0 },
  }
  const [y] = runLowering(movementLowerings.Gather, 'Gather', spec)
  assert.equal([...(y.data as Float32Array)], [...x.toNumbers().slice(5, 10), ...new Array(15).fill(Number.NaN)])
  assert.throws(
    () => runLowering(movementLowerings.Gather, 'Gather', { ...spec, constants: [1] }),
    /index 3 is out of range/,
  )
})

test('GatherGradient adds the rows of equal indices', () => {
  const op = 'lanewise.GatherGradient'
  for (const [shape, axis, count] of [
    [[5], 0, 17],
    [[3, 7], 0, 33],
    [[2, 5, 3], 1, 7],
    [[4000, 33], 0, 100],
  ] as [number[], number, number][]) {
    const size = shape[axis]
    const indices = build('int64', [count], () => random.integer(2 * size) - size)
    const dy = fill(
      'float32',
      shape.map((dim, i) => (i === axis ? count : dim)),
    )
    const outer = sizeOf(shape.slice(0, axis))
    const inner = sizeOf(shape.slice(axis + 1))
    const expected = new Float32Array(sizeOf(shape))
    for (let o = 0; o < outer; o++)
      indices.toNumbers().forEach((index, i) => {
        const row = index < 0 ? index + size : index
        for (let k = 0; k < inner; k++)
          expected[(o * size + row) * inner + k] += dy.data[(o * count + i) * inner + k] as number
      })
    check(op, [dy, indices], { axis, input_shape: shape }, [new Tensor(expected, shape)], [])
  }
})

test('GatherGradient passes over indices out of range, and refuses constant ones', () => {
  const spec = {
    inputs: [fill('float32', [3, 2]), ints([0, 9, -9])],
    outputs: [{ dtype: 'float32' as const, shape: [4, 2] }],
    attributes: { axis: 0, input_shape: [4, 2] },
  }
  const lowering = movementLowerings['lanewise.GatherGradient']
  const [dx] = runLowering(lowering, 'lanewise.GatherGradient', spec)
  assert.equal([...(dx.data as Float32Array)], [...spec.inputs[0].toNumbers().slice(0, 2), 0, 0, 0, 0, 0, 0])
  const refused = () => runLowering(lowering, 'lanewise.GatherGradient', { ...spec, constants: [1] })
  assert.throws(refused, /index 9 is out of range/)
})

test('a large tensor is cut into tiles without seams', () => {
  const x = new Tensor(
    Float32Array.from({ length: 3 * 40000 }, (_, i) => i),
    [3, 40000],
  )
  check('Transpose', [x], { perm: [1, 0] }, [build('float32', [40000, 3], ([j, i]) => at(x, [i, j]))])
  const wide = build('float32', [40000, 5], ([j, i]) => (i < 3 ? at(x, [i, j]) : 9))
  const parts = [build('float32', [40000, 3], ([j, i]) => at(x, [i, j])), Tensor.full('float32', [40000, 2], 9)]
  check('Concat', parts, { axis: 1 }, [wide], [])
  const expected = build('float32', [3, 39998], ([i, j]) => at(x, [i, j + 1]))
  check('Slice', [x, ints([1]), ints([-1]), ints([1])], {}, [expected])
})

test.run()
