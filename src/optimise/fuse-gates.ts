import type { Attributes, Node, Value } from '../core/ir.js'
import type { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import { geluOf } from './gelu.js'
import { isOneOf, nodeByNode } from './pass.js'

/** x times the inner activation of x: the op that is their product, with its attributes; undefined if there is none. */
function productOf(rewriter: Rewriter, gate: Node, x: Value): readonly [string, Attributes] | undefined {
  const [input] = gate.inputs
  const inner = rewriter.producer(input)
  const { activation } = traitsOf(gate.op)
  if (activation === 'tanh' && inner && traitsOf(inner.op).activation === 'softplus')
    return rewriter.resolve(inner.inputs[0]!) === x && rewriter.onlyUser(inner.outputs[0]) ? ['Mish', {}] : undefined
  if (rewriter.resolve(input!) !== x) return undefined
  if (activation === 'sigmoid') return ['Swish', { alpha: 1 }]
  const { alpha, beta } = gate.attributes
  const isSixth = Math.fround((alpha as number) * 6) === 1 && beta === 0.5
  return activation === 'hardSigmoid' && isSixth ? ['HardSwish', {}] : undefined
}

/** A product of x and an activation of x that only it reads becomes the one op that ONNX has for it: SiLU, HardSwish, Mish, GELU. */
export const fuseGates = nodeByNode('fuse gates', isOneOf('Mul', 'Div'), (rewriter, node) => {
  const gelu = geluOf(rewriter, node)
  if (gelu) {
    const [x, attributes] = gelu
    rewriter.write('Gelu', [x], attributes, node.outputs)
    return true
  }
  if (node.op === 'Div') return false
  const [a, b] = node.inputs as readonly [Value, Value]
  const fuse = (x: Value, gated: Value): boolean => {
    const gate = rewriter.producer(gated)
    const found = gate && rewriter.onlyUser(gated) === node && productOf(rewriter, gate, rewriter.resolve(x))
    if (!found) return false
    const [op, attributes] = found
    rewriter.write(op, [x], attributes, node.outputs)
    return true
  }
  return fuse(a, b) || fuse(b, a)
})
