import { evaluate } from '../backend/reference/evaluate.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph, Node, Value } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'
import { knownResults } from '../graph/fold.js'
import { dropoutBody } from '../ops/dropout-body.js'
import { traitsOf } from '../ops/index.js'
import { type KerasConfig, notSerialisable } from './config.js'
import { Initializer } from './initializers.js'
import type { CallContext } from './layers/context.js'
import { input } from './layers/core.js'
import { Layer, type SymbolicTensor } from './layers/layer.js'
import type { KerasShape } from './layers/shapes.js'
import type { Weight } from './layers/weight.js'
import type { ModelOptions } from './model.js'

/** How an input of an imported node is given: by the layer before, as a weight, or as a constant. */
type Operand =
  | { readonly kind: 'tensor' }
  | { readonly kind: 'weight'; readonly content: Tensor; readonly role: string }
  | { readonly kind: 'constant'; readonly content: Tensor }
  | undefined

/** One node of an imported graph as a layer: its constant weights are variables, everything else is as it was. */
export class OnnxLayer extends Layer {
  override readonly className: string
  readonly #node: Node
  readonly #operands: readonly Operand[]
  readonly #byOperand = new Map<Operand, Weight>()
  readonly #shared: Map<Tensor, Weight>

  /** Layers of the same weight have it from `shared`. */
  constructor(node: Node, operands: readonly Operand[], shared: Map<Tensor, Weight>) {
    super({ name: node.outputs[0].name })
    this.className = node.op
    this.#node = node
    this.#operands = operands
    this.#shared = shared
  }

  protected override build(): void {
    for (const operand of this.#operands) {
      if (operand?.kind !== 'weight') continue
      const { content } = operand
      const initializer = new Initializer('Imported', {}, () => (content.data as Float32Array).slice())
      const known = this.#shared.get(content)
      if (known) this.weightsHere.push(known)
      const weight = known ?? this.addWeight(operand.role, content.dims, { initializer })
      this.#byOperand.set(operand, weight)
      if (isOwn(content)) this.#shared.set(content, weight)
    }
  }

  call(inputs: readonly Value[], context: CallContext): readonly Value[] {
    const { emit } = context
    const given = [...inputs]
    const operands = this.#operands.map((operand) => {
      if (operand === undefined) return undefined
      if (operand.kind === 'tensor') return given.shift()
      return operand.kind === 'weight' ? emit.variable(this.#byOperand.get(operand)!) : emit.constant(operand.content)
    })
    // In a training step a Dropout draws anew; otherwise it is the node that the file holds.
    if (this.#node.op === 'Dropout' && context.training && operands[2]) {
      const { step, seed } = context
      const node = { ...this.#node, inputs: operands }
      return dropoutBody(emit, node, { step, seed, stream: context.nextStream() }).slice(0, this.#node.outputs.length)
    }
    // What follows from shapes alone is known once they are: gradients need the shapes that it says.
    const known = knownResults({ ...this.#node, inputs: operands }, (value) => emit.constantOf(value), evaluate)
    if (known) return known.map((content) => emit.constant(content))
    return emit.emit(this.#node.op, operands, this.#node.attributes, this.#node.outputs.length)
  }

  protected override config(): KerasConfig {
    return notSerialisable(this.name)
  }
}

/** Whether nodes of this content share a weight. Constants all of one number are not: exporters merge those of new networks. */
const isOwn = ({ data }: Tensor): boolean => (data as Float32Array).some((value) => value !== (data as Float32Array)[0])

/** The layers of a graph without variables, one a node, between its inputs and outputs. Throws INVALID_MODEL for inputs without a batch axis. */
export function layersOf(graph: Graph): ModelOptions {
  const tensors = new Map<Value, SymbolicTensor>()
  const inputs = graph.inputs.map((value) => {
    const tensor = input({ name: value.name, dtype: value.dtype, batchShape: batchShape(value) })
    tensors.set(value, tensor)
    return tensor
  })
  const shared = new Map<Tensor, Weight>()
  for (const node of graph.nodes) {
    const layer = new OnnxLayer(node, operandsOf(node, graph), shared)
    const sources = node.inputs.flatMap((value) => (value && tensors.has(value) ? [tensors.get(value)!] : []))
    if (sources.length === 0)
      throw new LanewiseError(
        'UNSUPPORTED_OP',
        `${node.op} '${node.name}' computes from no input of the model; run such models with InferenceSession`,
      )
    const outputs = layer.applyAll(sources.length === 1 ? sources[0] : sources)
    node.outputs.forEach((value, index) => {
      tensors.set(value, outputs[index])
    })
  }
  const outputs = graph.outputs.map((value) => {
    const tensor = tensors.get(value)
    if (!tensor) throw new LanewiseError('INVALID_MODEL', `the output '${value.name}' does not depend on any input`)
    return tensor
  })
  const one = <T>(list: readonly T[]) => (list.length === 1 ? list[0] : list)
  return { inputs: one(inputs), outputs: one(outputs), name: graph.name }
}

function batchShape(value: Value): KerasShape {
  if (value.shape.length === 0)
    throw new LanewiseError(
      'INVALID_MODEL',
      `the input '${value.name}' is a scalar; a Model's inputs have a batch axis. Run the file with InferenceSession`,
    )
  return value.shape.map((dim) => (typeof dim === 'number' ? dim : null))
}

function operandsOf(node: Node, graph: Graph): Operand[] {
  const roles = traitsOf(node.op).weights ?? []
  return node.inputs.map((value, index): Operand => {
    if (!value) return undefined
    const content = graph.constants.get(value)
    if (!content) return { kind: 'tensor' }
    const isWeight = roles.includes(index) && content.type === 'float32' && content.size > 1
    return isWeight ? { kind: 'weight', content, role: roleOf(value, index) } : { kind: 'constant', content }
  })
}

const roleOf = (value: Value, index: number): string => value.name || `input_${index}`
