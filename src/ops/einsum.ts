import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { broadcastShapes, type Dim, formatShape, type Shape, sizeOf } from '../core/shape.js'
import { axesFrom, inputShape } from './compose.js'
import { type InferenceContext, type OpDefinition, stringAttribute } from './definition.js'
import type { Emitter } from './emitter.js'
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

const equationOf = (node: Pick<Node, 'attributes'>, shapes: readonly Shape[]): Equation =>
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

/** A value with a label for each axis. */
interface Term {
  readonly value: Value
  readonly labels: readonly string[]
}

const shapeOf = ({ value }: Term): readonly number[] => value.shape as readonly number[]

function ordered(emit: Emitter, { value, labels }: Term, order: readonly string[]): Term {
  const perm = order.map((label) => labels.indexOf(label))
  return { value: perm.every((axis, at) => axis === at) ? value : emit.transpose(value, perm), labels: order }
}

/** The diagonal along axes of the same label. */
function diagonal(emit: Emitter, term: Term): Term {
  const { labels } = term
  const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis)
  if (second < 0) return term
  const first = labels.indexOf(labels[second])
  const others = axesFrom(0, labels.length).filter((axis) => axis !== first && axis !== second)
  const shape = shapeOf(term)
  const size = shape[first]
  const kept = others.map((axis) => shape[axis])
  const moved = emit.reshape(emit.transpose(term.value, [...others, first, second]), [...kept, size * size])
  const picked = emit.gather(moved, emit.ints(Array.from({ length: size }, (_, i) => i * (size + 1))), kept.length)
  return diagonal(emit, { value: picked, labels: [...others.map((axis) => labels[axis]), labels[first]] })
}

/** Sums over the axes whose label is not in `needed`. */
function summed(emit: Emitter, { value, labels }: Term, needed: ReadonlySet<string>): Term {
  const axes = axesFrom(0, labels.length).filter((axis) => !needed.has(labels[axis]))
  if (axes.length === 0) return { value, labels }
  return { value: emit.sum(value, axes), labels: labels.filter((label) => needed.has(label)) }
}

/** The product of two terms, summed over their common labels that are not in `needed`: a matrix product where there are any. */
function product(emit: Emitter, a: Term, b: Term, needed: ReadonlySet<string>): Term {
  const batch = a.labels.filter((label) => b.labels.includes(label) && needed.has(label))
  const common = a.labels.filter((label) => b.labels.includes(label) && !needed.has(label))
  const rows = a.labels.filter((label) => !b.labels.includes(label))
  const columns = b.labels.filter((label) => !a.labels.includes(label))
  const labels = [...batch, ...rows, ...columns]
  const left = ordered(emit, a, [...batch, ...rows, ...common])
  const right = ordered(emit, b, [...batch, ...common, ...columns])
  const leading = (term: Term) => shapeOf(term).slice(0, batch.length)
  const sizes = (term: Term, of: readonly string[]) => of.map((label) => shapeOf(term)[term.labels.indexOf(label)])
  const depth = sizeOf(sizes(left, common))
  if (depth !== sizeOf(sizes(right, common)))
    throw new LanewiseError('SHAPE_MISMATCH', `an axis that is summed over broadcasts: ${formatShape(shapeOf(right))}`)
  const shape = [...broadcastShapes(leading(left), leading(right)), ...sizes(left, rows), ...sizes(right, columns)]
  const flat = (value: Value, to: readonly number[]) =>
    formatShape(value.shape) === formatShape(to) ? value : emit.reshape(value, to)
  const [height, width] = [sizeOf(sizes(left, rows)), sizeOf(sizes(right, columns))]
  const value =
    common.length > 0
      ? emit.matMul(
          flat(left.value, [...leading(left), height, depth]),
          flat(right.value, [...leading(right), depth, width]),
        )
      : emit.mul(flat(left.value, [...leading(left), height, 1]), flat(right.value, [...leading(right), 1, width]))
  return { value: flat(value, shape as number[]), labels }
}

function decomposeEinsum(emit: Emitter, node: Node): Value[] {
  const shapes = node.inputs.map((_, index) => inputShape(node, index))
  const { operands, output } = equationOf(node, shapes)
  const neededBy = (from: number) => new Set([...output, ...operands.slice(from).flat()])
  const terms = operands.map((labels, index) => {
    const others = new Set([...output, ...operands.filter((_, at) => at !== index).flat()])
    return summed(emit, diagonal(emit, { value: node.inputs[index]!, labels }), others)
  })
  const result = terms.reduce((sofar, term, index) =>
    summed(emit, product(emit, sofar, term, neededBy(index + 1)), neededBy(index + 1)),
  )
  const { value } = ordered(emit, result, output)
  return [value === node.inputs[0] ? emit.op('Identity', [value]) : value]
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
    decompose: decomposeEinsum,
  },
} as const satisfies Record<string, OpDefinition>
