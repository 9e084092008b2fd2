import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType } from '../core/ir.js'
import { broadcastShapes, type Dim, type Shape } from '../core/shape.js'
import { type InferenceContext, type OpDefinition, stringAttribute } from './definition.js'
import { required, sameDType } from './infer.js'

/** An equation with a label for every axis: the letters as given, `.0`, `.1` … for what an ellipsis covers, counted from its end. */
interface Equation {
  readonly operands: readonly (readonly string[])[]
  readonly output: readonly string[]
}

const ellipsisLabels = (count: number): string[] => Array.from({ length: count }, (_, at) => `.${count - 1 - at}`)

/** The labels of one term; `ellipsis` is how many axes its ellipsis stands for. Throws INVALID_MODEL. */
function labelsOf(term: string, ellipsis: number): string[] {
  const parts = term.split('...')
  if (parts.length > 2 || !/^[A-Za-z]*$/.test(parts.join('')))
    throw new LanewiseError('INVALID_MODEL', `'${term}' is no term of an einsum equation`)
  return parts.length === 1 ? [...term] : [...parts[0], ...ellipsisLabels(ellipsis), ...parts[1]]
}

/** Reads the equation for operands of these ranks. Throws INVALID_MODEL or SHAPE_MISMATCH. */
function parseEquation(equation: string, ranks: readonly number[]): Equation {
  const [left, right, ...rest] = equation.replace(/\s/g, '').split('->')
  const terms = left.split(',')
  if (rest.length > 0 || terms.length !== ranks.length)
    throw new LanewiseError('INVALID_MODEL', `equation '${equation}' does not fit ${ranks.length} operands`)
  const covered = terms.map((term, index) => {
    const letters = term.replace('...', '').length
    const count = term.includes('...') ? ranks[index] - letters : 0
    if (count < 0 || letters + count !== ranks[index])
      throw new LanewiseError('SHAPE_MISMATCH', `term '${term}' does not fit an operand of rank ${ranks[index]}`)
    return count
  })
  const operands = terms.map((term, index) => labelsOf(term, covered[index]))
  const widest = Math.max(0, ...covered)
  const all = operands.flat()
  const once = [...new Set(all)].filter(
    (label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label),
  )
  const output = right === undefined ? [...ellipsisLabels(widest), ...once.sort()] : labelsOf(right, widest)
  const unknown = output.find((label, at) => !all.includes(label) || output.indexOf(label) !== at)
  if (unknown !== undefined)
    throw new LanewiseError('INVALID_MODEL', `equation '${equation}': the output label '${unknown}' is not given once`)
  return { operands, output }
}

/** The equation of a node whose operands have these shapes. Throws INVALID_MODEL or SHAPE_MISMATCH. */
export const equationOf = (node: Pick<Node, 'attributes'>, shapes: readonly Shape[]): Equation =>
  parseEquation(
    stringAttribute(node.attributes, 'equation'),
    shapes.map((shape) => shape.length),
  )

/** The dimension of each label. Only what an ellipsis covers broadcasts. Throws SHAPE_MISMATCH. */
function dimensionsOf({ operands }: Equation, shapes: readonly Shape[]): ReadonlyMap<string, Dim> {
  const sizes = new Map<string, Dim>()
  operands.forEach((labels, index) => {
    labels.forEach((label, axis) => {
      const dim = shapes[index][axis]
      const known = sizes.get(label) ?? dim
      if (!label.startsWith('.') && typeof dim === 'number' && typeof known === 'number' && dim !== known)
        throw new LanewiseError('SHAPE_MISMATCH', `label '${label}' stands for axes of ${known} and ${dim}`)
      sizes.set(label, broadcastShapes([known], [dim])[0])
    })
  })
  return sizes
}

function inferEinsum(context: InferenceContext): TensorType[] {
  const types = context.inputs.map((_, index) => required(context, index))
  const shapes = types.map((type) => type.shape)
  const equation = equationOf(context, shapes)
  const sizes = dimensionsOf(equation, shapes)
  return [{ dtype: sameDType(types), shape: equation.output.map((label) => sizes.get(label)!) }]
}

/** Sums of products by index notation. */
export const einsum = {
  /** Operands -> the sum of their products that `equation` writes (NumPy's notation, ellipses included). */
  Einsum: {
    since: 12,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, 1],
    attributes: { equation: { type: 'string', required: true } },
    infer: inferEinsum,
  },
} as const satisfies Record<string, OpDefinition>
