import { onnxTypeCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Node, TensorType, Value } from '../core/ir.js'
import { encodingOfDType } from '../core/minifloat.js'
import { Tensor } from '../core/tensor.js'
import { inferTypes } from '../graph/infer.js'
import { Rewriter } from '../graph/rewrite.js'
import { traitsOf } from '../ops/index.js'
import type { Accelerates } from './expand-composites.js'
import type { Pass } from './pass.js'

const isHalf = (value: Value | undefined): boolean => value?.dtype === 'float16' || value?.dtype === 'bfloat16'

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

/**
 * Ops on floats of 16 bits for which the backend has no kernel compute in float32 between casts, so that the result of
 * each is rounded to 16 bits, as it would be without this pass.
 */
export const widenHalves = (accelerates: Accelerates): Pass => ({
  name: 'widen halves',
  run(graph) {
    if (!graph.nodes.some((node) => node.inputs.some(isHalf))) return graph
    const rewriter = new Rewriter(graph)
    const wide = new Map<Value, Value>()

    const widened = (value: Value): Value => {
      const known = wide.get(value)
      if (known) return known
      const tensor = rewriter.constantOf(value)
      const name = `${value.name}/float32`
      const result = tensor
        ? rewriter.shared(widenedTensor(tensor), name)
        : rewriter.write('Cast', [value], { to: onnxTypeCode.float32 }, name)[0]
      wide.set(value, result)
      return result
    }

    /** The types of the node's outputs in float32; undefined where the op does not work there, or makes 16 bits all the same. */
    const widenedTypes = (node: Node): readonly TensorType[] | undefined => {
      if (!node.inputs.some(isHalf) || hasSubgraph(node) || traitsOf(node.op).updates) return undefined
      if (accelerates(rewriter.resolved(node), rewriter.constantOf)) return undefined
      const inputs = node.inputs.map((input) =>
        input && isHalf(input) ? { ...input, dtype: 'float32' as const } : input,
      )
      try {
        const types = inferTypes({ ...rewriter.resolved(node), inputs }, (value) => {
          const index = inputs.indexOf(value)
          return rewriter.constantOf(index < 0 ? value : node.inputs[index])
        })
        const fits = node.outputs.every((output, index) =>
          isHalf(output) ? types[index].dtype === 'float32' : types[index].dtype === output.dtype,
        )
        return fits ? types : undefined
      } catch (error) {
        if (error instanceof LanewiseError) return undefined
        throw error
      }
    }

    for (const node of graph.nodes) {
      if (!widenedTypes(node)) {
        rewriter.keep(node)
        continue
      }
      const inputs = node.inputs.map((input) => (input && isHalf(input) ? widened(input) : input))
      const results = rewriter.write(node.op, inputs, node.attributes, node.name, node.outputs.length)
      node.outputs.forEach((output, index) => {
        if (!isHalf(output)) {
          rewriter.replace(output, results[index])
          return
        }
        rewriter.write('Cast', [results[index]], { to: onnxTypeCode[output.dtype] }, [output])
      })
    }
    return rewriter.finish()
  },
})
