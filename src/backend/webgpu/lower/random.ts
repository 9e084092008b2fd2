import type { Attributes, Node, Value } from '../../../core/ir.js'
import { RandomGenerator, seedOfFloat } from '../../../core/random.js'
import { Tensor } from '../../../core/tensor.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { f32Literal, mapKernel } from '../kernel.js'
import { philoxText } from '../wgsl/random.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'
import { copyElements } from './strided.js'

const isDraw = (node: Node, step: Value | undefined): boolean =>
  node.outputs[0].dtype === 'float32' && step?.dtype === 'int32'

const textOf = (node: Node): string =>
  philoxText(intAttribute(node.attributes, 'seed'), intAttribute(node.attributes, 'stream'))

/** One thread for each block of four elements, for `i * 4 + k` below `size`. */
const quads = (size: number, statement: string): string => `  for (var k = 0u; k < 4u; k++) {
    let at = i * 4u + k;
    if (at < ${size}u) { ${statement} }
  }`

/** Draws of ONNX with a seed: the same numbers in each run, so that they are drawn while the plan loads. */
const drawn = (next: (random: RandomGenerator, attributes: Attributes) => number): Lowering => ({
  accelerates: ({ attributes, outputs: [y] }) => attributes['seed'] !== undefined && y.dtype === 'float32',
  lower({ attributes, outputs: [y] }, { place, table }) {
    const random = new RandomGenerator(seedOfFloat(floatAttribute(attributes, 'seed')))
    const numbers = Float32Array.from({ length: elementsOf(y) }, () => next(random, attributes))
    return copyElements(table(new Tensor('float32', numbers, shapeOf(y))), place(y))
  },
})

const normal = drawn((random, attributes) =>
  random.normal(floatAttribute(attributes, 'mean'), floatAttribute(attributes, 'scale')),
)
const uniform = drawn((random, attributes) =>
  random.uniform(floatAttribute(attributes, 'low'), floatAttribute(attributes, 'high')),
)

/** Counter-based random numbers: the bits of `src/core/random.ts`. */
export const randomLowerings = {
  'lanewise.RandomUniform': {
    accelerates: (node) => isDraw(node, node.inputs[0]),
    lower(node, { place }) {
      const size = elementsOf(node.outputs[0])
      return mapKernel({
        name: 'random_uniform',
        count: Math.ceil(size / 4),
        reads: { step: place(node.inputs[0]!) },
        writes: { y: place(node.outputs[0]) },
        declarations: textOf(node),
        body: ({ step, y }) => `  let words = philox(i, u32(${step}[0])) >> vec4<u32>(8u);
${quads(size, `${y}[at] = f32(words[k]) * ${f32Literal(2 ** -24)};`)}`,
      })
    },
  },
  'lanewise.Dropout': {
    accelerates: (node) => isDraw(node, node.inputs[1]) && node.inputs[0]!.dtype === 'float32',
    lower(node, { place }) {
      const size = elementsOf(node.outputs[0])
      const rate = floatAttribute(node.attributes, 'rate')
      const [threshold, scale] = [Math.ceil(rate * 2 ** 24), f32Literal(1 / (1 - rate))]
      return mapKernel({
        name: 'dropout',
        count: Math.ceil(size / 4),
        reads: { x: place(node.inputs[0]!), step: place(node.inputs[1]!) },
        writes: { y: place(node.outputs[0]) },
        declarations: textOf(node),
        body: ({ x, step, y }) => `  let words = philox(i, u32(${step}[0])) >> vec4<u32>(8u);
${quads(size, `${y}[at] = select(0.0, ${x}[at] * ${scale}, words[k] >= ${threshold}u);`)}`,
      })
    },
  },
  RandomNormal: normal,
  RandomNormalLike: normal,
  RandomUniform: uniform,
  RandomUniformLike: uniform,
  Bernoulli: {
    accelerates: ({ attributes, inputs: [x], outputs: [y] }) =>
      attributes['seed'] !== undefined && x!.dtype === 'float32' && y.dtype === 'float32',
    lower({ attributes, inputs: [x], outputs: [y] }, { place }) {
      const size = elementsOf(y)
      return mapKernel({
        name: 'bernoulli',
        count: Math.ceil(size / 4),
        reads: { x: place(x!) },
        writes: { y: place(y) },
        declarations: philoxText(seedOfFloat(floatAttribute(attributes, 'seed')), 0),
        body: (names) => `  let words = philox(i, 0u) >> vec4<u32>(8u);
${quads(size, `${names.y}[at] = select(0.0, 1.0, f32(words[k]) * ${f32Literal(2 ** -24)} < ${names.x}[at]);`)}`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
