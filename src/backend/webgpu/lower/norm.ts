import { broadcastStrides, normalizeAxis, sizeOf } from '../../../core/shape.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { f32Literal, gridOf, groupIndex, groupParameters, kernel, type Place } from '../kernel.js'
import { offsetExpression } from '../wgsl/index.js'
import { elementsOf, isFloat32, type Lowering, shapeOf } from './lowering.js'

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

/** Normalisation of float32 rows, a workgroup each. */
export const normLowerings = {
  LayerNormalization: {
    accelerates: (node) => isFloat32(node) && elementsOf(node.inputs[0]!) > 0,
    lower({ inputs: [x, scale, bias], outputs: [y, means, inverses], attributes }, { place }) {
      const shape = shapeOf(x!)
      const row = shape.slice(normalizeAxis(intAttribute(attributes, 'axis'), shape.length))
      const width = sizeOf(row)
      const rows = sizeOf(shape) / width
      const reads: Record<string, Place> = { x: place(x!), scale: place(scale!), ...(bias && { bias: place(bias) }) }
      const writes: Record<string, Place> = {
        y: place(y),
        ...(means && { means: place(means) }),
        ...(inverses && { inverses: place(inverses) }),
      }
      const at = (operand: NonNullable<typeof scale>) =>
        offsetExpression('k', row, broadcastStrides(shapeOf(operand), row))
      return kernel({
        name: 'layer_normalization',
        reads,
        writes,
        workgroupSize: [THREADS, 1, 1],
        workgroups: gridOf(rows),
        text: (names) => `var<workgroup> partial: array<f32, ${THREADS}>;
fn main(${groupParameters}) {
  let index = ${groupIndex};
  if (index >= ${rows}u) { return; }
  let first = index * ${width}u;
${sumOf('total', names['x'], width, 'v')}
  let mean = total * ${f32Literal(1 / width)};
${sumOf('squares', names['x'], width, '(v - mean) * (v - mean)')}
  let inverse = inverseSqrt(squares * ${f32Literal(1 / width)} + ${f32Literal(floatAttribute(attributes, 'epsilon'))});
  for (var k = local; k < ${width}u; k += ${THREADS}u) {
    ${names['y']}[first + k] = (${names['x']}[first + k] - mean) * inverse * ${names['scale']}[${at(scale!)}]${bias ? ` + ${names['bias']}[${at(bias)}]` : ''};
  }
  ${means ? `if (local == 0u) { ${names['means']}[index] = mean; }` : ''}
  ${inverses ? `if (local == 0u) { ${names['inverses']}[index] = inverse; }` : ''}
}`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
