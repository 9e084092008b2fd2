import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { numbersOf } from '../src/backend/reference/numbers.js'
import { LanewiseError } from '../src/core/errors.js'
import type { Node, Value } from '../src/core/ir.js'
import { inversePermutation } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { type OperandLayout, withDefaults } from '../src/ops/definition.js'
import { definitionOf, traitsOf } from '../src/ops/index.js'
import {
  channelsLastAttributes,
  explicitWindow,
  toChannelsLast,
  weightToChannelsLast,
  windowOutput,
} from '../src/ops/window.js'
import { f32, type OpCase, operandTensor, titleOf } from './cases/case.js'
import { cases } from './cases/index.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const nodeOf = (op: string, inputs: readonly (Tensor | undefined)[], attributes: Node['attributes']): Node => ({
  op,
  name: op,
  inputs: inputs.map((tensor, index): Value | undefined =>
    tensor ? { name: `input${index}`, dtype: tensor.type, shape: tensor.dims } : undefined,
  ),
  outputs: [],
  attributes: withDefaults(definitionOf(op), attributes),
})

const permutation = (layout: OperandLayout, rank: number): number[] => {
  const axes = Array.from({ length: rank }, (_, axis) => axis)
  return layout === 'data' ? toChannelsLast(axes) : layout === 'weight' ? weightToChannelsLast(axes) : axes
}

const transposed = (tensor: Tensor, perm: readonly number[]): Tensor =>
  evaluate(nodeOf('Transpose', [tensor], { perm }), [tensor])[0]

/** Gradients that no case covers, as their operands depend on each other. */
const poolGradients: readonly OpCase[] = [
  {
    op: 'MaxPool',
    inputs: [f32([2, 3, 7, 5], { distinct: true })],
    attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] },
  },
  {
    op: 'MaxPool',
    inputs: [f32([1, 2, 6], { distinct: true })],
    attributes: { kernel_shape: [3], auto_pad: 'SAME_UPPER' },
  },
]

function checkTwin(node: Node, operands: readonly (Tensor | undefined)[]): void {
  const twin = traitsOf(node.op).channelsLast!
  const [expected] = evaluate(node, operands)
  const moved = operands.map(
    (tensor, index) => tensor && transposed(tensor, permutation(twin.inputs[index], tensor.dims.length)),
  )
  const [actual] = evaluate(nodeOf(twin.op, moved, channelsLastAttributes(node)), moved)
  const back = transposed(actual, inversePermutation(permutation(twin.outputs[0], actual.dims.length)))
  assert.equal(back.dims, expected.dims)
  assert.equal(Array.from(numbersOf(back)), Array.from(numbersOf(expected)))
}

for (const row of cases.filter(({ op }) => traitsOf(op).channelsLast))
  test(`channels-last twin of ${titleOf(row)}`, () => {
    const operands = row.inputs.map((operand, index) => operand && operandTensor(operand, index + 1, 'float64'))
    checkTwin(nodeOf(row.op, operands, row.attributes ?? {}), operands)
  })

for (const row of poolGradients)
  test(`channels-last twin of the gradient of ${titleOf(row)}`, () => {
    const x = operandTensor(row.inputs[0]!, 1, 'float64')
    const [y] = evaluate(nodeOf(row.op, [x], row.attributes!), [x])
    const operands = [operandTensor(f32(y.dims), 2, 'float64'), x, y]
    checkTwin(nodeOf('lanewise.MaxPoolGradient', operands, row.attributes!), operands)
  })

test('the epilogue applies an activation after the bias', () => {
  const [x, w, bias] = [f32([1, 4, 4, 2]), f32([3, 3, 2, 5]), f32([5])].map((operand, seed) =>
    operandTensor(operand, seed),
  )
  const inputs = [x, w, bias]
  const [plain] = evaluate(nodeOf('lanewise.ConvNhwc', inputs, {}), inputs)
  const [fused] = evaluate(nodeOf('lanewise.ConvNhwc', inputs, { activation: 'relu' }), inputs)
  assert.ok(plain.toNumbers().some((value) => value < 0))
  assert.equal(
    fused.toNumbers(),
    plain.toNumbers().map((value) => Math.max(0, value)),
  )
})

test('the epilogue takes both parameters of an activation', () => {
  const inputs = [f32([1, 4, 4, 2]), f32([3, 3, 2, 5])].map((operand, seed) => operandTensor(operand, seed, 'float64'))
  const [plain] = evaluate(nodeOf('lanewise.ConvNhwc', inputs, {}), inputs)
  const attributes = { activation: 'selu', activation_alpha: 1.5, activation_beta: 2 }
  const [fused] = evaluate(nodeOf('lanewise.ConvNhwc', inputs, attributes), inputs)
  const [apart] = evaluate(nodeOf('Selu', [plain], { alpha: 1.5, gamma: 2 }), [plain])
  assert.equal(fused.toNumbers(), apart.toNumbers())
})

test('a window keeps symbolic dimensions where it can', () => {
  assert.equal(windowOutput({ pads: [1, 1, 1, 1] }, [3, 3], ['h', 8]), ['h', 8])
  assert.equal(windowOutput({ auto_pad: 'SAME_UPPER', strides: [1, 2] }, [3, 3], ['h', 'w']), ['h', 'ceil(w / 2)'])
  assert.equal(windowOutput({ strides: [2] }, [3], ['w']), ['floor((w + -3) / 2) + 1'])
})

test('SAME padding becomes explicit, the odd element after or before', () => {
  const x = Tensor.zeros('float32', [1, 1, 5])
  const attributes = (auto_pad: string) =>
    explicitWindow(nodeOf('MaxPool', [x], { kernel_shape: [2], strides: [2], auto_pad }))
  assert.equal(attributes('SAME_UPPER')['pads'], [0, 1])
  assert.equal(attributes('SAME_LOWER')['pads'], [1, 0])
  assert.equal(attributes('SAME_LOWER')['auto_pad'], 'NOTSET')
})

test('windows that do not fit are refused', () => {
  const refuse = (op: string, inputs: readonly Tensor[], attributes: Node['attributes'], pattern: RegExp) =>
    assert.throws(
      () => evaluate(nodeOf(op, inputs, attributes), inputs),
      (error: unknown) => error instanceof LanewiseError && pattern.test(error.message),
    )
  const x = Tensor.zeros('float32', [1, 4, 5, 5])
  refuse('MaxPool', [x], { kernel_shape: [6, 1] }, /spans 6 elements does not fit spatial axis 0 of size 5/)
  refuse('MaxPool', [x], { kernel_shape: [2] }, /kernel_shape has 1 entries, the input has 2 spatial axes/)
  refuse('Conv', [x, Tensor.zeros('float32', [2, 3, 1, 1])], {}, /the input has 4 channels.*takes 3/)
  refuse('Conv', [x, Tensor.zeros('float32', [3, 2, 1, 1])], { group: 2 }, /group 2 does not divide 3 channels/)
  refuse('Conv', [x, Tensor.zeros('float32', [2, 4, 3, 3])], { kernel_shape: [3, 2] }, /kernel_shape \[3, 2\] differs/)
})

test.run()
