import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import type { Attributes } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

type Operand = readonly number[] | Tensor | undefined

/** Emits one node: number lists stand for float32 inputs of that shape, tensors for constants. */
function emit(op: string, operands: readonly Operand[], attributes: Attributes = {}, outputs = 1) {
  const builder = new GraphBuilder()
  const values = operands.map((operand, index) =>
    operand instanceof Tensor ? builder.constant(operand) : operand && builder.input(`x${index}`, 'float32', operand),
  )
  return builder.emit(op, values, attributes, outputs)
}

const ints = (...values: number[]) => new Tensor('int64', values)

const refused: readonly [title: string, code: string, message: RegExp, run: () => unknown][] = [
  [
    'a required input that is left out',
    'INVALID_MODEL',
    /input 0 is required/,
    () => emit('Conv', [undefined, [1, 1, 3, 3]]),
  ],
  ['too many inputs', 'INVALID_MODEL', /takes 1 inputs, got 2/, () => emit('Relu', [[2], [2]])],
  ['more outputs than the op has', 'INVALID_MODEL', /has 1 outputs, got 2/, () => emit('Relu', [[2]], {}, 2)],
  [
    'a required attribute that is left out',
    'INVALID_MODEL',
    /kernel_shape must be given as ints/,
    () => emit('MaxPool', [[1, 1, 4, 4]]),
  ],
  [
    'a fraction for an integer',
    'INVALID_MODEL',
    /axis must be given as int/,
    () => emit('Concat', [[2], [2]], { axis: 0.5 }),
  ],
  [
    'NaN for a stride',
    'INVALID_MODEL',
    /strides must be given as ints/,
    () =>
      emit(
        'Conv',
        [
          [1, 1, 4, 4],
          [1, 1, 3, 3],
        ],
        { strides: [Number.NaN, 1] },
      ),
  ],
  ['text for a list', 'INVALID_MODEL', /perm must be given as ints/, () => emit('Transpose', [[2, 3]], { perm: '10' })],
  ['a negative size in Expand', 'SHAPE_MISMATCH', /would have the shape \[-4\]/, () => emit('Expand', [[1], ints(-4)])],
  [
    'negative sizes from pads',
    'SHAPE_MISMATCH',
    /would have the shape/,
    () =>
      emit(
        'ConvTranspose',
        [
          [1, 1, 1, 1],
          [1, 1, 1, 1],
        ],
        { pads: [3, 3, 3, 3] },
      ),
  ],
  ['a size beyond 2^53', 'SHAPE_MISMATCH', /would have the shape/, () => emit('Tile', [[2 ** 30], ints(2 ** 40)])],
  [
    'a negative size in ConstantOfShape',
    'SHAPE_MISMATCH',
    /would have the shape \[2, -1\]/,
    () => emit('ConstantOfShape', [ints(2, -1)]),
  ],
  [
    'places that are no integers',
    'TYPE_MISMATCH',
    /input 1 must be of an integer type, got float32/,
    () => emit('Slice', [[4], new Tensor('float32', [0.9]), ints(4)]),
  ],
  [
    'pads beyond what kernels can count',
    'INVALID_MODEL',
    /beyond 268435456/,
    () => emit('MaxPool', [[1, 1, 4, 4]], { kernel_shape: [2, 2], pads: [0, 2 ** 31, 0, 2 ** 31] }),
  ],
  [
    'a weight of another type than the input',
    'TYPE_MISMATCH',
    /float32 and float64/,
    () => emit('Conv', [[1, 1, 4, 4], Tensor.zeros('float64', [1, 1, 3, 3])]),
  ],
]

for (const [title, code, message, run] of refused)
  test(`refused: ${title}`, () => {
    assert.throws(run, (error: unknown) => {
      assert.instance(error, LanewiseError)
      assert.is((error as LanewiseError).code, code)
      assert.match((error as LanewiseError).message, message)
      return true
    })
  })

test.run()
