import { uniforms } from '../../core/random.js'
import { concrete, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { random } from '../../ops/random.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'

const draw = (size: number, attributes: Parameters<ReferenceKernel>[0]['attributes'], step: Tensor): Float32Array =>
  uniforms(size, intAttribute(attributes, 'seed'), intAttribute(attributes, 'stream'), step.toNumbers()[0])

const dropout: ReferenceKernel = ({ inputs: [x, step], outputs: [{ dtype }], attributes }) => {
  const rate = floatAttribute(attributes, 'rate')
  const random = draw(x!.size, attributes, step!)
  const ys = numbersOf(x!).map((value, i) => (random[i] >= rate ? value / (1 - rate) : 0))
  return [tensorOf(dtype, ys, x!.dims)]
}

export const randomKernels = {
  'lanewise.Dropout': dropout,
  'lanewise.RandomUniform': ({ inputs: [step], outputs: [{ shape }], attributes }) => {
    const dims = concrete(shape)
    return [new Tensor('float32', draw(sizeOf(dims), attributes, step!), dims)]
  },
} as const satisfies Record<Exclude<keyof typeof random, 'Dropout'>, ReferenceKernel>
