import { evaluate } from '../backend/reference/evaluate.js'
import { loadKernels } from '../backend/reference/loaded.js'
import { LanewiseError } from '../core/errors.js'
import type { Graph, Node, Value } from '../core/ir.js'
import type { Source } from '../core/source.js'
import type { Tensor } from '../core/tensor.js'
import { knownResults } from '../graph/fold.js'
import { type LoadOptions, loadGraph } from '../onnx/source.js'
import { dropoutBody } from '../ops/dropout-body.js'
import { traitsOf } from '../ops/index.js'
import { simplify } from '../optimise/simplify.js'
import { invalid, type KerasConfig, type KerasObject } from './config.js'
import { Initializer } from './initializers.js'
import type { CallContext } from './layers/context.js'
import { input } from './layers/core.js'
import { type KerasShape, Layer, type SymbolicTensor } from './layers/layer.js'
import type { Weight } from './layers/weight.js'
import { Model, type ModelOptions } from './model.js'

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

function notSerialisable(name: string): never {
  throw invalid(`layer '${name}' comes from an ONNX file and has no Keras config; save the model with toOnnx()`)
}

/** A model that came from an ONNX file; what it was given on the way (metadata) goes back out with it. */
export class ImportedModel extends Model {
  override readonly className = 'Functional'
  readonly metadata: Readonly<Record<string, string>>

  constructor(options: ModelOptions, metadata: Readonly<Record<string, string>>) {
    super(options)
    this.metadata = metadata
  }

  protected override get exportedMetadata(): Readonly<Record<string, string>> {
    return this.metadata
  }

  override serialize(): KerasObject {
    return notSerialisable(this.name)
  }
}

/**
 * An ONNX model as a Model: predict, freeze layers, replace the head, compile, fit, toOnnx. Each node becomes a layer named
 * after its first output; weights of convolutions, matrix products, normalizations and embeddings can be trained, what
 * exporters leave around them is folded away. Throws as `InferenceSession.create`.
 */
export async function loadOnnx(source: Source, options?: LoadOptions): Promise<ImportedModel> {
  await loadKernels()
  return modelOfGraph(simplify(await loadGraph(source, options), { evaluate, decode: true }))
}

/** The layers of a graph without variables. Throws INVALID_MODEL for inputs without a batch axis. */
export function modelOfGraph(graph: Graph): ImportedModel {
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
  return new ImportedModel({ inputs: one(inputs), outputs: one(outputs), name: graph.name }, graph.metadata)
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
