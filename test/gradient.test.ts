import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { differentiate } from '../src/autodiff/differentiate.js'
import { packRules } from '../src/autodiff/rule.js'
import { coreRules, ruleOf } from '../src/autodiff/rules/index.js'
import { interpret } from '../src/backend/reference/evaluate.js'
import { isFloat } from '../src/core/dtype.js'
import type { Graph, Value } from '../src/core/ir.js'
import { concrete, sizeOf } from '../src/core/shape.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { verify } from '../src/graph/verify.js'
import { compaction } from '../src/ops/compaction.js'
import type { OpDefinition } from '../src/ops/definition.js'
import { hashing } from '../src/ops/hashing.js'
import { images } from '../src/ops/images.js'
import { isProgramOp, operators } from '../src/ops/index.js'
import { strings } from '../src/ops/strings.js'
import { tokens } from '../src/ops/tokens.js'
import { expandComposites } from '../src/optimise/expand-composites.js'
import { type OpCase, operandTensor, titleOf, uniform } from './cases/case.js'
import { cases } from './cases/index.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const STEP = 1e-5
const TOLERANCE = 1e-6
/** Elements checked of each operand; larger ones are sampled evenly. */
const CHECKED = 40

/** A scalar that weighs every element of every float output differently, and its gradients by the case's inputs. */
function differentiated(row: OpCase) {
  const builder = new GraphBuilder()
  const feeds = new Map<Value, Tensor>()
  const inputs = row.inputs.map((operand, index) => {
    if (!operand) return undefined
    const tensor = operandTensor(operand, index + 1, 'float64')
    if (operand.values) return builder.constant(tensor)
    const value = builder.input(`input${index}`, tensor.type, tensor.dims)
    feeds.set(value, tensor)
    return value
  })
  const outputs = builder.emit(row.op, inputs, row.attributes, row.outputs).filter(({ dtype }) => isFloat(dtype))
  const loss = outputs
    .map((output, index) => {
      const random = uniform(99 + index)
      const dims = concrete(output.shape)
      const weights = Array.from({ length: sizeOf(dims) }, () => random() + 0.5)
      return builder.sum(builder.mul(output, builder.constant(new Tensor('float64', weights, dims))))
    })
    .reduce((a, b) => builder.add(a, b))
  const by = row.gradient!.map((index) => inputs[index]!)
  const gradients = differentiate(builder, loss, by)
  const graph = builder.build()
  verify(graph)
  const nodes = graph.nodes.slice(0, graph.nodes.findIndex((node) => node.outputs[0] === loss) + 1)
  // Composites are written out once, not once an evaluation.
  const forward = expandComposites(() => false).run({ ...graph, nodes, outputs: [loss] })
  return { by, gradients, graph, forward, feeds }
}

/** The derivative of the output of `forward` by element `index` of `value`: central difference. */
function difference(forward: Graph, feeds: ReadonlyMap<Value, Tensor>, value: Value, index: number): number {
  const at = (shift: number): number => {
    const shifted = (feeds.get(value)!.data as Float64Array).slice()
    shifted[index] += shift
    const moved = new Map(feeds).set(value, new Tensor('float64', shifted, feeds.get(value)!.dims))
    return interpret(forward, moved).get(forward.outputs[0])!.toNumbers()[0]
  }
  return (at(STEP) - at(-STEP)) / (2 * STEP)
}

for (const row of cases.filter(({ gradient }) => gradient?.length))
  test(`gradient of ${titleOf(row)}`, () => {
    const { by, gradients, graph, forward, feeds } = differentiated(row)
    const results = interpret(graph, feeds)
    by.forEach((value, position) => {
      const gradient = gradients[position]
      assert.ok(gradient, `no gradient by input ${row.gradient![position]}`)
      assert.equal(gradient.shape, value.shape)
      const numbers = results.get(gradient)!.toNumbers()
      const stride = Math.max(1, Math.floor(numbers.length / CHECKED))
      for (let index = 0; index < numbers.length; index += stride) {
        const expected = difference(forward, feeds, value, index)
        const error = Math.abs(numbers[index] - expected) / (1 + Math.abs(expected))
        assert.ok(
          error <= TOLERANCE,
          `input ${row.gradient![position]}, element ${index}: ${numbers[index]}, finite difference ${expected}`,
        )
      }
    })
  })

test('every op has a case or takes part in one, and every gradient rule is checked', () => {
  const definitions: readonly (readonly [string, OpDefinition])[] = Object.entries(operators)
  const rows = cases.filter(({ gradient }) => gradient?.length)
  const checked = new Set(rows.map(({ op }) => op))
  // Channels-last twins are held to their originals by test/channels-last.test.ts.
  const twins = definitions.map(([, { traits }]) => traits?.channelsLast?.op)
  const covered = new Set([
    ...cases.map(({ op }) => op),
    ...rows.flatMap((row) => differentiated(row).graph.nodes.map(({ op }) => op)),
    ...twins,
  ])
  assert.equal(
    // ONNX's conformance tests and strings.test.ts, images.test.ts, keras-lookup.test.ts and keras-text.test.ts hold these: a case could not state their shapes, or their strings.
    definitions.flatMap(([op]) =>
      covered.has(op) ||
      isProgramOp(op) ||
      Object.hasOwn(compaction, op) ||
      Object.hasOwn(hashing, op) ||
      Object.hasOwn(tokens, op) ||
      Object.hasOwn(strings, op) ||
      Object.hasOwn(images, op)
        ? []
        : [op],
    ),
    [],
  )
  assert.equal(
    [...Object.keys(coreRules), ...Object.keys(packRules)].filter((op) => !checked.has(op)),
    [],
  )
})

/** Ops whose outputs do not change with small changes of their inputs, or that are not trained through: they cut the gradient. */
const cutting = `
  And ArgMax ArgMin Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Ceil
  Constant ConstantOfShape ConvInteger DequantizeLinear DynamicQuantizeLinear Equal EyeLike Floor Greater
  GreaterOrEqual HammingWindow HannWindow ImageDecoder IsInf IsNaN Less LessOrEqual MatMulInteger
  MelWeightMatrix Multinomial NonMaxSuppression NonZero Not OneHot Or QLinearConv QLinearMatMul QuantizeLinear
  RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range RegexFullMatch Round Shape Sign Size
  StringConcat StringNormalizer StringSplit TfIdfVectorizer Xor ai.onnx.ml.LabelEncoder ai.onnx.ml.SVMClassifier
  ai.onnx.ml.SVMRegressor ai.onnx.ml.TreeEnsemble ai.onnx.ml.TreeEnsembleClassifier
  ai.onnx.ml.TreeEnsembleRegressor lanewise.ConvIntegerNhwc lanewise.CrossBucket lanewise.HashBucket lanewise.QLinearConvNhwc lanewise.RandomUniform lanewise.Tokenize
`

test('no rule is forgotten: ops without one have a decomposition, refuse, or cut the gradient on purpose', () => {
  const cut = Object.entries<OpDefinition>(operators).flatMap(([op, { decompose, gradientUnknown }]) =>
    ruleOf(op) || decompose || gradientUnknown || isProgramOp(op) ? [] : [op],
  )
  assert.equal(cut.sort(), cutting.trim().split(/\s+/))
})

test.run()
