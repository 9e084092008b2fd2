import { isHalf as isHalfType, type NumericDType, onnxTypeCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { ConstantOf, Graph, Node, Value } from '../core/ir.js'
import { encodingOfDType } from '../core/minifloat.js'
import { Tensor } from '../core/tensor.js'
import { inferTypes } from '../graph/infer.js'
import { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import { roundsHalves } from '../ops/rounding.js'
import type { Accelerates } from './expand-composites.js'
import type { Pass } from './pass.js'

const isHalf = (value: Value | undefined): boolean => value !== undefined && isHalfType(value.dtype)

const widenedTensors = new WeakMap<Tensor, Tensor>()

/** The tensor in float32; the same object each time it is asked for. */
function widenedTensor(tensor: Tensor): Tensor {
  const known = widenedTensors.get(tensor)
  if (known) return known
  const { decode } = encodingOfDType(tensor.type)!
  const widened = new Tensor('float32', Float32Array.from(tensor.data as Uint16Array, decode), tensor.dims)
  widenedTensors.set(tensor, widened)
  return widened
}

const hasSubgraph = (node: Node): boolean =>
  Object.values(node.attributes).some((value) =>
    [value].flat().some((item) => typeof item === 'object' && 'nodes' in item),
  )

/** A cast that is there only for the op beside it to compute in float32. */
const isWidening = (node: Node): boolean => node.op === 'Cast' && node.attributes['widening'] === 1

/** Whether operands and results in float32 stay as they are, or are rounded to 16 bits. */
type Mode = 'unrounded' | 'rounded'

/** The nodes on floats of 16 bits that are to compute in float32. */
function widenedNodes(graph: Graph, accelerates: Accelerates): ReadonlyMap<Node, Mode> {
  const constantOf = (value: Value) => graph.constants.get(value)
  const leaving = new Set([...graph.outputs, ...graph.updates.map(({ value }) => value)])
  const producers = new Map<Value, Node>()
  const readers = new Map<Value, Node[]>()
  const modes = new Map<Node, Mode>()
  /** Those that onnxruntime would run on 16 bits. */
  const narrow = new Set<Node>()
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node)
    for (const input of node.inputs) {
      if (!input) continue
      const known = readers.get(input)
      if (known) known.push(node)
      else readers.set(input, [node])
    }
    if (isWidening(node)) modes.set(node, 'unrounded')
    else if (isWidenable(node, constantOf)) {
      const rounds = node.inputs.some((input) => isHalf(input) && roundsHalves(node.op, input!.dtype))
      if (accelerates(node, constantOf)) narrow.add(node)
      else modes.set(node, rounds ? 'rounded' : 'unrounded')
      if (rounds) narrow.add(node)
    }
  }
  const isUnrounded = (node: Node | undefined) => node === undefined || modes.get(node) === 'unrounded'
  const isIsolated = (node: Node) =>
    node.inputs.some((input) => isHalf(input) && producers.has(input!)) &&
    node.inputs.every(
      (input) => !input || !isHalf(input) || (input.dtype === 'float16' && isUnrounded(producers.get(input))),
    ) &&
    node.outputs.some(isHalf) &&
    node.outputs.every(
      (output) => !isHalf(output) || (!leaving.has(output) && (readers.get(output) ?? []).every(isUnrounded)),
    )
  for (const node of narrow) if (isIsolated(node)) modes.set(node, 'unrounded')
  return modes
}

/** Whether the node works on float32 where it works on 16 bits, and makes no 16 bits there all the same. */
function isWidenable(node: Node, constantOf: ConstantOf): boolean {
  if (!node.inputs.some(isHalf) || hasSubgraph(node) || traitsOf(node.op).updates) return false
  const inputs = node.inputs.map((input) => (input && isHalf(input) ? { ...input, dtype: 'float32' as const } : input))
  try {
    const types = inferTypes({ ...node, inputs }, (value) => {
      const index = inputs.indexOf(value)
      return constantOf(index < 0 ? value : node.inputs[index]!)
    })
    return node.outputs.every((output, index) =>
      isHalf(output) ? types[index].dtype === 'float32' : types[index].dtype === output.dtype,
    )
  } catch (error) {
    if (error instanceof LanewiseError) return false
    throw error
  }
}

/**
 * Ops on floats of 16 bits for which the backend has no kernel compute in float32 between casts. Where one reads what
 * another has written, it reads it before the cast, not rounded to 16 bits; around ops for which `roundsHalves`
 * holds, and by the model's own casts, values are rounded. An op on float16 that would round, or has a kernel, but stands
 * between ops that do not round, computes in float32 as they do. These are the rules of onnxruntime on CPUs.
 */
export const widenHalves = (accelerates: Accelerates): Pass => ({
  name: 'widen halves',
  run(graph) {
    const modes = widenedNodes(graph, accelerates)
    const rewriter = new Rewriter(graph)
    /** What values of 16 bits were in float32, before they were rounded. */
    const unrounded = new Map<Value, Value>()
    /** Values of 16 bits, in float32. */
    const rounded = new Map<Value, Value>()

    const widened = (value: Value): Value => {
      const known = rounded.get(value)
      if (known) return known
      const tensor = rewriter.constantOf(value)
      const name = `${value.name}/float32`
      const result = tensor
        ? rewriter.shared(widenedTensor(tensor), name)
        : rewriter.write('Cast', [value], { to: onnxTypeCode.float32 }, name)[0]
      rounded.set(value, result)
      return result
    }
    const read = (value: Value): Value => unrounded.get(value) ?? widened(value)
    const narrow = (output: Value, result: Value) =>
      rewriter.write('Cast', [result], { to: onnxTypeCode[output.dtype as NumericDType] }, [output])

    for (const node of graph.nodes) {
      const mode = modes.get(node)
      if (!mode) {
        rewriter.keep(node)
        continue
      }
      const widen = mode === 'unrounded' ? read : widened
      const inputs = node.inputs.map((input) => (input && isHalf(input) ? widen(input) : input))
      const results = isWidening(node)
        ? [inputs[0]!]
        : rewriter.write(node.op, inputs, node.attributes, node.name, node.outputs.length)
      node.outputs.forEach((output, index) => {
        if (!isHalf(output)) {
          rewriter.replace(output, results[index])
          return
        }
        narrow(output, results[index])
        if (mode === 'unrounded') unrounded.set(output, results[index])
      })
    }
    return rewriter.finish()
  },
})
