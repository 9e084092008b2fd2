import { completeKernels } from '../../../src/backend/reference/complete.js'
import { interpret } from '../../../src/backend/reference/evaluate.js'
import { type DType, isFloat, type NumericDType, onnxTypeCode } from '../../../src/core/dtype.js'
import { RandomGenerator } from '../../../src/core/random.js'
import { sizeOf } from '../../../src/core/shape.js'
import { Tensor } from '../../../src/core/tensor.js'
import { encode } from '../../../src/onnx/encode.js'
import { importModel } from '../../../src/onnx/import.js'
import { encodeTensor } from '../../../src/onnx/tensors.js'
import { attributeProto, type RowAttribute } from '../rows.js'

completeKernels()

/** A node by the names of its operands; '' for one that is left out. */
export interface NodeDraft {
  /** With its domain, but for ONNX's own. */
  readonly op: string
  readonly inputs: readonly string[]
  readonly attributes?: Readonly<Record<string, RowAttribute | undefined>>
  readonly outputs?: number
}

/** A value of a model, with the content that the reference backend gives it. */
interface DraftValue {
  readonly name: string
  readonly tensor: Tensor
  readonly from: 'input' | 'initializer' | 'node'
}

export interface OperandOptions {
  readonly types?: readonly DType[]
  readonly dims?: readonly number[]
  readonly rank?: number
  /** The least and the most axes. */
  readonly ranks?: readonly [least: number, most: number]
  readonly low?: number
  readonly high?: number
  /** In the model, not fed. */
  readonly held?: boolean
  /** What content an earlier value must have to serve. */
  readonly fits?: (tensor: Tensor) => boolean
  /** Never an earlier value. */
  readonly fresh?: boolean
}

const opsets = [7, 8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 17, 18, 19, 20, 21, 22, 23, 24]
const sizes = [1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 16]
const ranksDrawn = [0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6]
const specials = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e30, -1e30, 1e-40, 65504, 0.5, 2.5]

/** The most elements of a drawn tensor. */
const largest = 4000

/** A model while it is drawn: each node's results are computed at once, so that the next may read them. */
export class Draft {
  readonly random: RandomGenerator
  readonly opset: number
  readonly values: DraftValue[] = []
  readonly nodes: NodeDraft[] = []
  /** Nodes that lanewise would not run, as models of their own. */
  readonly refusals: Refusal[] = []
  /** Inf, NaN, tiny and huge elements may occur. */
  readonly wild: boolean

  constructor(seed: number, tame = false) {
    this.random = new RandomGenerator(seed)
    this.opset = this.pick(opsets)
    this.wild = !tame && this.chance(0.1)
  }

  chance(probability: number): boolean {
    return this.random.uniform() < probability
  }

  pick<T>(items: readonly T[]): T {
    return items[this.random.integer(items.length)]
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.random.integer(high - low + 1)
  }

  size(): number {
    return this.chance(0.02) ? 0 : this.chance(0.05) ? this.between(10, 40) : this.pick(sizes)
  }

  dims(rank = this.pick(ranksDrawn)): number[] {
    const dims = Array.from({ length: rank }, () => this.size())
    while (sizeOf(dims) > largest) dims[dims.indexOf(Math.max(...dims))] = 2
    return dims
  }

  /** Dims that broadcast with `dims`. */
  broadcastable(dims: readonly number[]): number[] {
    const kept = dims.slice(this.chance(0.5) ? 0 : this.between(0, dims.length))
    return kept.map((dim) => (this.chance(0.3) ? 1 : dim))
  }

  axis(rank: number): number {
    return this.between(-rank, rank - 1)
  }

  /** Different axes; as they come, some counted from the end. */
  axes(rank: number, least = 0): number[] {
    const count = this.between(Math.min(least, rank), rank)
    return [...this.random.permutation(rank)].slice(0, count).map((axis) => (this.chance(0.3) ? axis - rank : axis))
  }

  tensorOf(name: string): Tensor {
    return this.values.find((value) => value.name === name)!.tensor
  }

  dimsOf(name: string): readonly number[] {
    return this.tensorOf(name).dims
  }

  elements(type: DType, count: number, low = -3, high = 3): Tensor['data'] | (number | string)[] {
    const { random } = this
    if (type === 'string') return Array.from({ length: count }, () => this.pick(['a', 'b', 'äö', '', 'hello']))
    if (type === 'bool') return Uint8Array.from({ length: count }, () => random.integer(2))
    return Array.from({ length: count }, () => {
      const value = random.uniform(low, high)
      if (isFloat(type)) return this.wild && this.chance(0.05) ? this.pick(specials) : value
      const unsigned = type.startsWith('u')
      return Math.round(unsigned ? Math.abs(value) : value)
    })
  }

  tensor(type: DType, dims: readonly number[], low?: number, high?: number): Tensor {
    const elements = this.elements(type, sizeOf(dims), low, high)
    if (type === 'float16' || type === 'bfloat16' || type.startsWith('float8')) {
      const tensor = Tensor.zeros(type, dims)
      const numbers = elements as number[]
      for (let i = 0; i < numbers.length; i++)
        (tensor.data as Uint16Array)[i] = (Tensor.scalar(numbers[i], type as NumericDType).data as Uint16Array)[0]
      return tensor
    }
    return new Tensor(type, elements, dims)
  }

  #define(tensor: Tensor, from: DraftValue['from'], name = `${from[0]}${this.values.length}`): string {
    this.values.push({ name, tensor, from })
    return name
  }

  hold(tensor: Tensor): string {
    return this.#define(tensor, 'initializer')
  }

  feed(tensor: Tensor): string {
    return this.#define(tensor, 'input')
  }

  /** Whole numbers as an operand, mostly held. */
  ints(numbers: readonly number[], type: DType = 'int64', dims = [numbers.length]): string {
    const tensor = new Tensor(type, [...numbers], dims)
    return this.chance(0.9) ? this.hold(tensor) : this.feed(tensor)
  }

  /** An earlier value that serves, or a new one. */
  operand(options: OperandOptions = {}): string {
    const { types = ['float32'], dims, rank, ranks = [0, 6], held, fits, fresh, low, high } = options
    const serves = ({ tensor, from }: DraftValue) =>
      types.includes(tensor.type) &&
      (!dims || (dims.length === tensor.dims.length && dims.every((dim, axis) => dim === tensor.dims[axis]))) &&
      (rank === undefined || tensor.dims.length === rank) &&
      tensor.dims.length >= ranks[0] &&
      tensor.dims.length <= ranks[1] &&
      (!held || from === 'initializer') &&
      (fits?.(tensor) ?? true)
    const earlier = fresh ? [] : this.values.filter(serves)
    if (earlier.length > 0 && this.chance(0.75)) {
      const computed = earlier.filter(({ from }) => from === 'node')
      return this.pick(computed.length > 0 && this.chance(0.8) ? computed : earlier).name
    }
    const type = this.chance(0.6) ? types[0] : this.pick(types)
    const drawn = rank ?? Math.min(Math.max(this.pick(ranksDrawn), ranks[0]), ranks[1])
    const tensor = this.tensor(type, dims ?? this.dims(drawn), low, high)
    return held || this.chance(0.3) ? this.hold(tensor) : this.feed(tensor)
  }

  /** Appends a node; false, with nothing changed, where it is not legal. */
  append(node: NodeDraft): boolean {
    const outputs = Array.from({ length: node.outputs ?? 1 }, (_, index) => `n${this.nodes.length}_${index}`)
    const given = this.values.filter(({ name }) => node.inputs.includes(name))
    const bytes = this.#encode([{ node, outputs }], given, outputs)
    let tensors: readonly Tensor[]
    try {
      const graph = importModel(bytes)
      const inputs = graph.inputs.map((input) => [input, this.tensorOf(input.name)] as const)
      const results = interpret(graph, new Map(inputs))
      tensors = graph.outputs.map((output) => results.get(output)!)
    } catch (error) {
      const feeds = given
        .filter(({ from }) => from !== 'initializer')
        .map(({ name, tensor }) => [name, tensor] as const)
      const text = `opset ${this.opset} ${this.#describeNode(node)}`
      this.refusals.push({
        bytes,
        feeds: Object.fromEntries(feeds),
        text,
        reason: String((error as Error).stack),
      })
      return false
    }
    if (tensors.some(({ size }) => size > 4 * largest)) return false
    this.nodes.push(node)
    for (const [index, tensor] of tensors.entries()) this.#define(tensor, 'node', outputs[index])
    return true
  }

  /** The model: its outputs are what nothing reads, some of what is read, and now and then an input. */
  finish(): RandomModel {
    const drafted = this.nodes.map((node, index) => ({
      node,
      outputs: this.values.flatMap(({ name }) => (name.startsWith(`n${index}_`) ? [name] : [])),
    }))
    const read = new Set(this.nodes.flatMap(({ inputs }) => inputs))
    const outputs = drafted.flatMap((item) => item.outputs).filter((name) => !read.has(name) || this.chance(0.1))
    if (this.chance(0.03))
      outputs.push(
        ...this.values
          .filter(({ from }) => from === 'input')
          .slice(0, 1)
          .map(({ name }) => name),
      )
    const bytes = this.#encode(
      drafted,
      this.values.filter(({ from }) => from !== 'node'),
      outputs,
      this.chance(0.2),
    )
    const feeds = this.values.filter(({ from }) => from === 'input').map(({ name, tensor }) => [name, tensor] as const)
    const expected = new Map(this.values.map(({ name, tensor }) => [name, tensor]))
    const named = this.nodes.some(
      ({ op, attributes = {} }) => op.startsWith('Cast') || attributes['dtype'] || attributes['value'],
    )
    const isPlain = [...expected.values()].every(({ type }) => !isFloat(type) || type === 'float32')
    const wide = this.values
      .filter(({ from }) => from !== 'node')
      .map((value) => ({ ...value, tensor: widened(value.tensor) }))
    const alike =
      named || isPlain
        ? undefined
        : {
            bytes: this.#encode(drafted, wide, outputs),
            feeds: Object.fromEntries(
              wide.filter(({ from }) => from === 'input').map(({ name, tensor }) => [name, tensor]),
            ),
          }
    return {
      bytes,
      feeds: Object.fromEntries(feeds),
      outputs,
      expected,
      text: this.#describe(),
      refusals: this.refusals,
      alike,
    }
  }

  #encode(
    nodes: readonly { readonly node: NodeDraft; readonly outputs: readonly string[] }[],
    given: readonly DraftValue[],
    outputs: readonly string[],
    symbolic = false,
  ): Uint8Array {
    return encode('ModelProto', {
      irVersion: 10,
      opsetImport: [
        { domain: '', version: this.opset },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: {
        name: 'random',
        node: nodes.map(({ node, outputs }) => ({
          opType: node.op.replace(/^.*\./, ''),
          domain: node.op.includes('.') ? node.op.replace(/\.[^.]*$/, '') : '',
          name: `${node.op}_${outputs[0]}`,
          input: [...node.inputs],
          output: [...outputs],
          attribute: Object.entries(node.attributes ?? {}).flatMap(([name, value]) =>
            value ? [attributeProto(name, value)] : [],
          ),
        })),
        initializer: given.flatMap(({ name, tensor, from }) =>
          from === 'initializer' ? [encodeTensor(tensor, name)] : [],
        ),
        input: given.flatMap(({ name, tensor, from }) =>
          from === 'initializer'
            ? []
            : [
                {
                  name,
                  type: {
                    tensorType: {
                      elemType: onnxTypeCode[tensor.type],
                      shape: {
                        dim: tensor.dims.map((dimValue, axis) =>
                          symbolic && axis === 0 ? { dimParam: `${name}_batch` } : { dimValue },
                        ),
                      },
                    },
                  },
                },
              ],
        ),
        output: outputs.map((name) => ({ name })),
      },
    })
  }

  #describeNode({ op, inputs, attributes = {} }: NodeDraft): string {
    return `${op}(${inputs.map((name) => this.#describeValue(name)).join(', ')}) ${JSON.stringify(attributes, (_, value) => (typeof value === 'bigint' ? Number(value) : value))}`
  }

  #describeValue(name: string): string {
    if (name === '') return '-'
    const { tensor, from } = this.values.find((value) => value.name === name)!
    const shown = tensor.type !== 'string' && tensor.size <= 12 && from !== 'node'
    return `${name}:${tensor.type}[${tensor.dims}]${shown ? `=${tensor.toNumbers().map((n) => Number(n.toPrecision(5)))}` : ''}`
  }

  #describe(): string {
    const resultsOf = (index: number) =>
      this.values.flatMap(({ name }) => (name.startsWith(`n${index}_`) ? [this.#describeValue(name)] : []))
    return [
      `opset ${this.opset}`,
      ...this.nodes.map((node, index) => `  ${this.#describeNode(node)} -> ${resultsOf(index).join(', ')}`),
    ].join('\n')
  }
}

/** Other floats as float32: their elements are float32 numbers, but those of float64, which are rounded. */
const widened = (tensor: Tensor): Tensor =>
  isFloat(tensor.type) && tensor.type !== 'float32' ? new Tensor('float32', tensor.toNumbers(), tensor.dims) : tensor

/** A model file with content for its inputs. */
export interface Drawn {
  readonly bytes: Uint8Array
  readonly feeds: Readonly<Record<string, Tensor>>
}

export interface Refusal extends Drawn {
  readonly text: string
  /** The stack of the error. */
  readonly reason: string
}

export interface RandomModel extends Drawn {
  readonly outputs: readonly string[]
  /** What the reference backend gives, node by node, for each value. */
  readonly expected: ReadonlyMap<string, Tensor>
  readonly text: string
  readonly refusals: readonly Refusal[]
  /** The model with all floats in float32, where it has others. */
  readonly alike: Drawn | undefined
}
