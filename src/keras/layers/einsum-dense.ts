import type { Value } from '../../core/ir.js'
import { einsum } from '../../ops/einsum.js'
import { declareOperators } from '../../ops/index.js'
import type { CallContext } from './context.js'
import { kernelFields } from './core.js'
import { absent, any, type Field, neededAny, type ValuesOf } from './fields.js'
import { Layer, type LayerOptions } from './layer.js'
import { formatKerasShape, type KerasShape, knownDim, layerError } from './shapes.js'

const { useBias: _, ...fields } = kernelFields

const form = /^([a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*),([a-zA-Z]+)->([a-zA-Z]*(?:\.\.\.)?[a-zA-Z]*)$/

const outputShape: Field<number | readonly (number | null)[], readonly (number | null)[], true> = {
  ...neededAny<number | readonly (number | null)[]>(),
  read: (value) => (typeof value === 'number' ? [value] : value),
  write: (value) => value,
}

const einsumFields = {
  equation: neededAny<string>(),
  /** Of one sample, without what an ellipsis stands for; null where the input says the size. */
  outputShape,
  /** The axes of the output, as letters, along which the bias differs; null: no bias. */
  biasAxes: any<string | null>(null),
  ...fields,
  quantizationConfig: absent,
  loraRank: absent,
}

interface Equation {
  readonly input: readonly string[]
  readonly kernel: readonly string[]
  readonly output: readonly string[]
}

/** activation(einsum(equation, x, kernel) + bias): a dense layer over any axes. */
export class EinsumDense extends Layer<ValuesOf<typeof einsumFields>> {
  static override readonly fields = einsumFields

  constructor(options: LayerOptions, className?: string) {
    super(options, className)
    declareOperators(einsum)
  }

  /** The letters of each term; an ellipsis is one of them. */
  get #terms(): Equation {
    const { equation } = this.options
    const match = form.exec(String(equation).replaceAll(' ', ''))
    if (!match) throw layerError(this, `equation must have the form 'ab,bc->ac', got '${equation}'`)
    const letters = (term: string) => term.match(/\.\.\.|./g) ?? []
    return { input: letters(match[1]), kernel: letters(match[2]), output: letters(match[3]) }
  }

  protected override build([shape]: readonly KerasShape[]): void {
    const { input, kernel, output } = this.#terms
    const { outputShape, biasAxes } = this.options
    const sizes = new Map<string, () => number>()
    const open = input.indexOf('...')
    if (open < 0 ? shape.length !== input.length : shape.length < input.length - 1)
      throw layerError(this, `the equation '${this.options.equation}' does not fit inputs ${formatKerasShape(shape)}`)
    // The sizes of outputShape are those of the last letters: the batch axis, or an ellipsis, is before them.
    const named = output.filter((letter) => letter !== '...')
    named.slice(named.length - outputShape.length).forEach((letter, i) => {
      const size = outputShape[i]
      if (size !== null) sizes.set(letter, () => size)
    })
    input.forEach((letter, i) => {
      const axis = open >= 0 && i > open ? i - input.length + shape.length : i
      if (letter !== '...') sizes.set(letter, () => knownDim(this, shape, axis))
    })
    const sizeOf = (letter: string): number => {
      const size = sizes.get(letter)
      if (!size) throw layerError(this, `outputShape and input give no size for '${letter}'`)
      return size()
    }
    this.addOwn('kernel', kernel.map(sizeOf))
    if (biasAxes === null) return
    const stray = [...biasAxes].find((letter) => !output.includes(letter))
    if (stray) throw layerError(this, `biasAxes '${biasAxes}' names '${stray}', which the output has not`)
    const first = output.findIndex((letter) => biasAxes.includes(letter))
    const shared = output.slice(first).map((letter) => (biasAxes.includes(letter) ? sizeOf(letter) : 1))
    this.addOwn('bias', shared)
  }

  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [kernel, bias] = this.weightsHere.map((weight) => emit.variable(weight))
    const equation = this.options.equation.replaceAll(' ', '')
    const product = emit.op('Einsum', [x, kernel], { equation })
    return this.options.activation.function(bias ? emit.add(product, bias) : product, emit)
  }
}
