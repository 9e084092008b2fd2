import type { Attributes } from '../../core/ir.js'
import { RandomGenerator, seedOfFloat } from '../../core/random.js'
import { concrete, sizeOf } from '../../core/shape.js'
import { floatAttribute } from '../../ops/definition.js'
import type { sampling } from '../../ops/sampling.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

/** Draws without a seed so far: each has a stream of its own. */
let unseeded = 0

/** The generator of a node: the bits of its `seed` are the key; without one, the next stream. */
function generatorOf(attributes: Attributes): RandomGenerator {
  const seed = attributes['seed'] as number | undefined
  if (seed === undefined) return new RandomGenerator(0, ++unseeded)
  return new RandomGenerator(seedOfFloat(seed))
}

const draw =
  (next: (generator: RandomGenerator, attributes: Attributes) => number): ReferenceKernel =>
  ({ outputs: [{ dtype, shape }], attributes }) => {
    const generator = generatorOf(attributes)
    return [
      tensorOf(
        dtype,
        Float64Array.from({ length: sizeOf(concrete(shape)) }, () => next(generator, attributes)),
        shape,
      ),
    ]
  }

const normal = draw((generator, attributes) =>
  generator.normal(floatAttribute(attributes, 'mean'), floatAttribute(attributes, 'scale')),
)

const uniform = draw((generator, attributes) =>
  generator.uniform(floatAttribute(attributes, 'low'), floatAttribute(attributes, 'high')),
)

const bernoulli: ReferenceKernel = ({ inputs: [x], outputs: [{ dtype, shape }], attributes }) => {
  const generator = generatorOf(attributes)
  return [
    tensorOf(
      dtype,
      numbersOf(x!).map((probability) => (generator.uniform() < probability ? 1 : 0)),
      shape,
    ),
  ]
}

const multinomial: ReferenceKernel = ({ inputs: [x], outputs: [{ dtype, shape }], attributes }) => {
  const [rows, samples] = concrete(shape)
  const classes = x!.dims[1]
  const generator = generatorOf(attributes)
  const logits = numbersOf(x!)
  const drawn = new Float64Array(rows * samples)
  for (let row = 0; row < rows; row++) {
    const own = logits.subarray(row * classes, (row + 1) * classes)
    const top = own.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    const weights = own.map((logit) => Math.exp(logit - top))
    const total = weights.reduce((a, b) => a + b, 0)
    for (let sample = 0; sample < samples; sample++) {
      let rest = generator.uniform() * total
      let chosen = 0
      while (chosen < classes - 1 && rest >= weights[chosen]) rest -= weights[chosen++]
      drawn[row * samples + sample] = chosen
    }
  }
  return [tensorOf(dtype, drawn, shape)]
}

export const samplingKernels = {
  RandomNormal: normal,
  RandomUniform: uniform,
  RandomNormalLike: normal,
  RandomUniformLike: uniform,
  Bernoulli: bernoulli,
  Multinomial: multinomial,
} as const satisfies Record<keyof typeof sampling, ReferenceKernel>
