import { LanewiseError } from '../core/errors.js'
import type { Node, Value } from '../core/ir.js'
import { broadcastShapes, formatShape, sizeOf } from '../core/shape.js'
import { axesFrom, inputShape } from './compose.js'
import { equationOf } from './einsum.js'
import type { Emitter } from './emitter.js'

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

/** An Einsum as products of matrices, from left to right. */
export function decomposeEinsum(emit: Emitter, node: Node): Value[] {
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
