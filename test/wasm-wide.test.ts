import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { selectionLowerings } from '../src/backend/wasm/lower/selection.js'
import { wideLowerings } from '../src/backend/wasm/lower/wide-table.js'
import { isBigInt, isFloat, type NumericDType, onnxTypeCode } from '../src/core/dtype.js'
import type { Attributes, Node } from '../src/core/ir.js'
import { RandomGenerator } from '../src/core/random.js'
import { sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { InferenceSession } from '../src/index.js'
import { exportModel } from '../src/onnx/export.js'
import { runLowering } from './support/kernels.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const lowerings = { ...wideLowerings, ...selectionLowerings }
const wholeTypes = ['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'] as const
const generator = new RandomGenerator(5)

const bitsOf = (dtype: NumericDType): number => Number(/\d+$/.exec(dtype)![0])

/** Elements of all magnitudes, some of them the ends of the range; within `most` of 0 if told. */
function random(dtype: NumericDType, shape: readonly number[], most?: number, avoidZero = false): Tensor {
  const bits = BigInt(bitsOf(dtype))
  const signed = !dtype.startsWith('u')
  const draw = (): bigint => {
    if (most !== undefined) {
      const value = BigInt(generator.integer(most + 1))
      return signed && generator.integer(2) ? -value : value
    }
    const word = () => BigInt(generator.integer(2 ** 31)) ^ (BigInt(generator.integer(2 ** 31)) << 33n)
    const value = (word() ^ (word() << 20n)) >> BigInt(generator.integer(64))
    const ends = [0n, -1n, 1n << (bits - 1n), (1n << (bits - 1n)) - 1n]
    const element = generator.integer(8) === 0 ? ends[generator.integer(4)] : generator.integer(2) ? value : -value
    return signed ? BigInt.asIntN(Number(bits), element) : BigInt.asUintN(Number(bits), element)
  }
  if (isFloat(dtype))
    return new Tensor(
      dtype,
      Float64Array.from({ length: sizeOf(shape) }, () => generator.uniform(-3, 3)),
      shape,
    )
  const drawn = Array.from({ length: sizeOf(shape) }, draw)
  const values = avoidZero ? drawn.map((value) => (value === 0n ? 3n : value)) : drawn
  return new Tensor(dtype, isBigInt(dtype) ? values : values.map(Number), shape)
}

/** Holds the kernel of `op` against the reference backend: to the bit, sums of floats within rounding. */
function check(op: string, inputs: readonly Tensor[], attributes: Attributes = {}, constants: readonly number[] = []) {
  const node = { op, name: op, inputs: inputs.map(() => ({})), outputs: [{}], attributes } as unknown as Node
  const [want] = evaluate(node, inputs)
  const outputs = [{ dtype: want.type, shape: want.dims }]
  const filled = { keepdims: 1, axis: 0, select_last_index: 0, exclusive: 0, reverse: 0, ...attributes }
  const [got] = runLowering(lowerings[op as keyof typeof lowerings], op, {
    inputs,
    outputs,
    attributes: filled,
    constants,
  })
  const title = `${op} of ${inputs.map(({ type, dims }) => `${type} [${dims}]`).join(', ')} ${JSON.stringify(attributes)}`
  if (!/Reduce|Cum/.test(op) || !isFloat(want.type)) {
    const at = [...got.data].findIndex((value, i) => !Object.is(value, want.data[i]) && value !== want.data[i])
    return assert.is(at, -1, `${title}: element ${at} is ${got.data[at]}, not ${want.data[at]}`)
  }
  const numbers = got.toNumbers()
  want.toNumbers().forEach((value, i) => {
    assert.ok(
      numbers[i] === value || Math.abs(numbers[i] - value) <= 1e-12 * (1 + Math.abs(value)),
      `${title}: ${numbers[i]}, not ${value}`,
    )
  })
}

/** Rows, columns and lines of more than one block, ends of an odd one, repeated operands. */
const pairs = [
  [[1], [1]],
  [[1025], [1025]],
  [[3, 517], [517]],
  [
    [3, 517],
    [3, 1],
  ],
  [[], [7]],
  [
    [2, 1, 5],
    [3, 1],
  ],
]

const binary = ['Add', 'Sub', 'Mul', 'Max', 'Min', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual']

for (const dtype of [...wholeTypes, 'float64'] as const)
  test(`two operands of ${dtype}`, () => {
    for (const [a, b] of pairs) {
      for (const op of binary) check(op, [random(dtype, a), random(dtype, b)])
      check('Div', [random(dtype, a), random(dtype, b, undefined, true)])
      check('Div', [random(dtype, a, 120), random(dtype, b, 9, true)])
      if (dtype === 'float64') continue
      for (const fmod of [0, 1])
        for (const most of [undefined, 50])
          check('Mod', [random(dtype, a, most), random(dtype, b, most, true)], { fmod })
      for (const op of ['BitwiseAnd', 'BitwiseOr', 'BitwiseXor']) check(op, [random(dtype, a), random(dtype, b)])
      if (dtype !== 'uint64') check('Pow', [random(dtype, a), random(dtype, b, 9)])
      for (const direction of dtype.startsWith('u') ? ['LEFT', 'RIGHT'] : [])
        check('BitShift', [random(dtype, a), random(dtype, b, 40)], { direction })
    }
  })

for (const dtype of [...wholeTypes, 'float64'] as const)
  test(`one operand of ${dtype}`, () => {
    for (const size of [1, 1025]) {
      const isWhole = dtype !== 'float64'
      if (!dtype.startsWith('u')) for (const op of ['Neg', 'Abs']) check(op, [random(dtype, [size])])
      if (isWhole) for (const op of ['Sign', 'BitwiseNot']) check(op, [random(dtype, [size])])
      else check('Relu', [random(dtype, [size])])
      check('Clip', [random(dtype, [size]), random(dtype, [], 3), random(dtype, [], 90)])
      for (const to of [...wholeTypes, 'float32', 'float64', 'bool'] as const) {
        if (!isWhole && to.startsWith('u')) continue
        const x = isWhole ? random(dtype, [size]) : random('float64', [size])
        check('Cast', [x], { to: onnxTypeCode[to] })
      }
    }
  })

for (const dtype of ['uint8', 'int32', 'int64', 'uint64', 'float64'] as const)
  test(`reductions, extrema and running totals of ${dtype}`, () => {
    const shapes = [
      [3, 600, 2],
      [2, 5, 517],
      [1, 17000, 1],
    ]
    for (const shape of shapes)
      for (const axes of [[1], [2], [0, 2]]) {
        const inputs = [random(dtype, shape), new Tensor('int64', axes.map(BigInt), [axes.length])]
        for (const op of ['Sum', 'Mean', 'Max', 'Min', 'SumSquare', 'L1', ...(dtype === 'float64' ? ['L2'] : [])])
          check(`Reduce${op}`, inputs, {}, [1])
        if (dtype !== 'float64' || shape[1] < 10) check('ReduceProd', inputs, {}, [1])
        if (axes.length > 1) continue
        for (const last of [0, 1])
          for (const op of ['ArgMax', 'ArgMin'])
            for (const most of [undefined, 3])
              if (!isBigInt(dtype) || most)
                check(op, [random(dtype, shape, most)], { axis: axes[0], select_last_index: last })
        if (!/(32|64)$/.test(dtype)) continue
        const axis = new Tensor('int64', axes.map(BigInt), [])
        for (const exclusive of [0, 1])
          for (const reverse of [0, 1]) check('CumSum', [inputs[0], axis], { exclusive, reverse }, [1])
      }
  })

test('a division by zero is an error of the run, and of no other run', async () => {
  for (const dtype of ['int64', 'int32', 'uint8'] as const)
    for (const op of ['Div', 'Mod'])
      for (const threads of [1, 2]) {
        const builder = new GraphBuilder()
        const size = 40000
        const [a, b] = ['a', 'b'].map((name) => builder.input(name, dtype, [size]))
        builder.output(builder.op(op, [a, b]), 'y')
        const session = await InferenceSession.create(exportModel(builder.build()), { backend: 'wasm', threads })
        const numbers = new Tensor(dtype, new Array(size).fill(7), [size])
        const divisors = new Array<number>(size).fill(2)
        const zero = new Tensor(dtype, divisors.with(size - 1, 0), [size])
        try {
          await session.run({ a: numbers, b: zero })
          assert.unreachable('7 / 0 is none')
        } catch (error) {
          assert.is((error as { code?: string }).code, 'NUMERIC_ERROR')
        }
        const { y } = await session.run({ a: numbers, b: new Tensor(dtype, divisors, [size]) })
        assert.is(y.toNumbers()[size - 1], op === 'Div' ? 3 : 1)
        await session.release()
      }
})

test.run()
