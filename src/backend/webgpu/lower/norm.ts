import type { Node, Value } from '../../../core/ir.js'
import { broadcastStrides, normalizeAxis, sizeOf } from '../../../core/shape.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { type Dispatch, f32Literal, gridOf, groupIndex, groupParameters, kernel, type Place } from '../kernel.js'
import { offsetExpression } from '../wgsl/index.js'
import { elementsOf, isFloat32, type Lowering, type LoweringContext, shapeOf } from './lowering.js'

const THREADS = 64

/** `variable`, the sum over a row of the expression `term` of `v`, in a fixed order. */
const sumOf = (variable: string, x: string, width: number, term: string): string => `  var mine_${variable} = 0.0;
  for (var k = local; k < ${width}u; k += ${THREADS}u) { let v = ${x}[first + k]; mine_${variable} += ${term}; }
  workgroupBarrier();
  partial[local] = mine_${variable};
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) { partial[local] += partial[local + half]; }
  }
  workgroupBarrier();
  let ${variable} = partial[0];`

interface Rows {
  readonly rows: number
  readonly width: number
  /** Whether the mean is taken off. */
  readonly centred: boolean
  /** WGSL for the index of scale and bias of element `k` of row `index`. */
  at(operand: Value): string
}

function normalize(
  name: string,
  node: Node,
  { rows, width, centred, at }: Rows,
  { place }: LoweringContext,
): Dispatch[] {
  const [x, scale, bias] = node.inputs
  const [y, means, inverses] = node.outputs
  const epsilon = f32Literal(floatAttribute(node.attributes, 'epsilon'))
  return kernel({
    name,
    reads: { x: place(x!), scale: place(scale!), ...(bias && { bias: place(bias) }) } as Record<string, Place>,
    writes: {
      y: place(y),
      ...(means && { means: place(means) }),
      ...(inverses && { inverses: place(inverses) }),
    } as Record<string, Place>,
    workgroupSize: [THREADS, 1, 1],
    workgroups: gridOf(rows),
    text: (names) => `var<workgroup> partial: array<f32, ${THREADS}>;
fn main(${groupParameters}) {
  let index = ${groupIndex};
  if (index >= ${rows}u) { return; }
  let first = index * ${width}u;
${centred ? `${sumOf('total', names['x'], width, 'v')}\n  let mean = total * ${f32Literal(1 / width)};` : '  let mean = 0.0;'}
${sumOf('squares', names['x'], width, '(v - mean) * (v - mean)')}
  let inverse = inverseSqrt(squares * ${f32Literal(1 / width)} + ${epsilon});
  for (var k = local; k < ${width}u; k += ${THREADS}u) {
    ${names['y']}[first + k] = (${names['x']}[first + k] - mean) * inverse * ${names['scale']}[${at(scale!)}]${bias ? ` + ${names['bias']}[${at(bias)}]` : ''};
  }
  ${means ? `if (local == 0u) { ${names['means']}[index] = mean; }` : ''}
  ${inverses ? `if (local == 0u) { ${names['inverses']}[index] = inverse; }` : ''}
}`,
  })
}

const isNorm = (node: Node): boolean => isFloat32(node) && elementsOf(node.inputs[0]!) > 0

/** Rows over the axes from `axis` on; scale and bias broadcast to a row. */
const alongRows = (name: string, centred: boolean): Lowering => ({
  accelerates: (node) => isNorm(node) && node.attributes['stash_type'] === 1,
  lower(node, context) {
    const shape = shapeOf(node.inputs[0]!)
    const row = shape.slice(normalizeAxis(intAttribute(node.attributes, 'axis'), shape.length))
    const width = sizeOf(row)
    const at = (operand: Value) => offsetExpression('k', row, broadcastStrides(shapeOf(operand), row))
    return normalize(name, node, { rows: sizeOf(shape) / width, width, centred, at }, context)
  },
})

/** Normalisations of float32 rows, a workgroup each. */
export const normLowerings = {
  LayerNormalization: alongRows('layer_normalization', true),
  RMSNormalization: alongRows('rms_normalization', false),
  InstanceNormalization: {
    accelerates: isNorm,
    lower(node, context) {
      const [batch, channels, ...plane] = shapeOf(node.inputs[0]!)
      const rows = { rows: batch * channels, width: sizeOf(plane), centred: true, at: () => `index % ${channels}u` }
      return normalize('instance_normalization', node, rows, context)
    },
  },
} as const satisfies Record<string, Lowering>
