import type { Value } from '../../core/ir.js'
import { concrete } from '../../core/shape.js'
import { squeeze, unsqueeze } from '../../ops/compose.js'
import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { Emitter } from '../../ops/emitter.js'
import type { GradientRules } from '../rule.js'

const swapped = (emit: Emitter, x: Value): Value => {
  const rank = x.shape.length
  return emit.transpose(x, [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2])
}

/** `x` as a matrix of rows along its last axis; its leading axes are concrete or alone. */
const flattened = (emit: Emitter, x: Value): Value => emit.reshape(x, [-1, concrete([x.shape.at(-1)!], x.name)[0]])

const matMulGradients = (emit: Emitter, a: Value, b: Value, dy: Value, needs: (index: number) => boolean) => {
  // A shared right matrix collects its gradient over the batch in one product.
  const shared = b.shape.length === 2 && a.shape.length > 2
  return [
    needs(0) ? emit.matMul(dy, swapped(emit, b)) : undefined,
    needs(1)
      ? shared
        ? emit.matMul(swapped(emit, flattened(emit, a)), flattened(emit, dy))
        : emit.matMul(swapped(emit, a), dy)
      : undefined,
  ]
}

export const matMulRules: GradientRules = {
  MatMul: ({ emit, inputs, gradient, needs }) => {
    const [a, b] = inputs as [Value, Value]
    const [row, column] = [a.shape.length === 1, b.shape.length === 1]
    if (!row && !column) return matMulGradients(emit, a, b, gradient(0)!, needs)
    let dy = gradient(0)!
    if (column) dy = unsqueeze(emit, dy, -1)
    if (row) dy = unsqueeze(emit, dy, -2)
    const [left, right] = [row ? unsqueeze(emit, a, 0) : a, column ? unsqueeze(emit, b, -1) : b]
    const [da, db] = matMulGradients(emit, left, right, dy, needs)
    return [da && row ? squeeze(emit, da, -2) : da, db && column ? squeeze(emit, db, -1) : db]
  },
  Gemm: ({ emit, inputs, attributes, gradient, needs }) => {
    const [a, b] = inputs as [Value, Value]
    const dy = gradient(0)!
    const [alpha, beta] = [floatAttribute(attributes, 'alpha'), floatAttribute(attributes, 'beta')]
    const [transA, transB] = [intAttribute(attributes, 'transA'), intAttribute(attributes, 'transB')]
    const product = (left: Value, right: Value, transLeft: number, transRight: number) =>
      emit.op('Gemm', [left, right], { alpha, transA: transLeft, transB: transRight })
    return [
      needs(0) ? (transA ? product(b, dy, transB, 1) : product(dy, b, 0, 1 - transB)) : undefined,
      needs(1) ? (transB ? product(dy, a, 1, transA) : product(a, dy, 1 - transA, 0)) : undefined,
      needs(2) ? (beta === 1 ? dy : emit.mul(dy, beta)) : undefined,
    ]
  },
}
