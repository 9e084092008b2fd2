import { completeKernels } from '../../src/backend/reference/complete.js'
import { evaluate } from '../../src/backend/reference/evaluate.js'
import type { Graph, Node, Value } from '../../src/core/ir.js'
import type { Tensor } from '../../src/core/tensor.js'
import { specialize } from '../../src/graph/specialize.js'
import { loadGraph } from '../../src/onnx/source.js'

export interface TfTensor {
  readonly shape: number[]
  data(): Promise<Float32Array>
  dispose(): void
}

export interface TfModel {
  add(layer: unknown): void
  setWeights(weights: readonly TfTensor[]): void
  compile(options: object): void
  trainOnBatch(x: TfTensor, y: TfTensor): Promise<unknown>
  predict(x: TfTensor): TfTensor
  dispose(): void
}

type Operation = (...operands: readonly unknown[]) => TfTensor

/** The part of tfjs that the benchmark uses. */
export interface Tf extends Record<'conv2d' | 'depthwiseConv2d' | 'maxPool' | 'avgPool' | 'clipByValue', Operation> {
  [operation: string]: unknown
  tensor: Operation
  transpose: Operation
  reshape: Operation
  mean: Operation
  concat: Operation
  matMul: Operation
  fused: { conv2d: Operation; depthwiseConv2d: Operation }
  layers: Record<string, (config: object) => unknown>
  train: Record<string, (rate: number) => unknown>
  sequential(): TfModel
  setBackend(name: string): Promise<boolean>
  tidy<T>(work: () => T): T
  keep(tensor: TfTensor): TfTensor
  disposeVariables(): void
}

/** A tensor as tfjs holds it: images channels-last, all else as in ONNX. */
interface Held {
  readonly tensor: TfTensor
  readonly channelsLast: boolean
}

interface Context {
  readonly tf: Tf
  readonly node: Node
  /** The operand in tfjs's layout, and in ONNX's. */
  image(index: number): TfTensor
  plain(index: number): TfTensor
  /** A weight in tfjs's order of axes; moved once. */
  weight(index: number, order: readonly number[]): TfTensor
  bias(index: number): TfTensor | undefined
  number(index: number): number | undefined
  /** The activation that the node's only reader applies. */
  readonly activation: string | undefined
}

type Rule = (context: Context) => Held

const ints = (node: Node, name: string, otherwise: readonly number[]) =>
  (node.attributes[name] as readonly number[] | undefined) ?? otherwise

/** tfjs's form of explicit pads. */
function paddingOf(node: Node): 'valid' | number[][] {
  const [top, left, bottom, right] = ints(node, 'pads', [0, 0, 0, 0])
  if (![undefined, 'NOTSET'].includes(node.attributes['auto_pad'] as string)) throw new Error('auto_pad has no rule')
  return top || left || bottom || right
    ? [
        [0, 0],
        [top, bottom],
        [left, right],
        [0, 0],
      ]
    : 'valid'
}

const images = (tensor: TfTensor): Held => ({ tensor, channelsLast: true })
const plain = (tensor: TfTensor): Held => ({ tensor, channelsLast: false })
const isImage = ({ outputs }: Node) => outputs[0].shape.length === 4

/** An elementwise operation, in the layout that the operands have. */
const elementwise =
  (operation: string): Rule =>
  ({ tf, node, image, plain: flat }) => {
    const apply = tf[operation] as Operation
    const get = isImage(node) && node.inputs.every((input) => input!.shape.length === 4) ? image : flat
    const held = get === image ? images : plain
    return held(apply(...node.inputs.map((_, index) => get(index))))
  }

const convolution: Rule = ({ tf, node, image, weight, bias, activation }) => {
  const [x, w] = node.inputs as Value[]
  const channels = x.shape[1] as number
  const group = (node.attributes['group'] as number | undefined) ?? 1
  const options = { strides: ints(node, 'strides', [1, 1]), pad: paddingOf(node), activation, bias: bias(2) }
  if (w.shape.length !== 4) throw new Error('only convolutions of images have a rule')
  const dilations = ints(node, 'dilations', [1, 1])
  if (group === 1)
    return images(tf.fused.conv2d({ x: image(0), filter: weight(1, [2, 3, 1, 0]), dilations, ...options }))
  if (group !== channels || w.shape[0] !== channels) throw new Error('grouped convolutions have no rule')
  const filter = weight(1, [2, 3, 0, 1])
  return images(tf.fused.depthwiseConv2d({ x: image(0), filter, dilations, ...options }))
}

const pool =
  (operation: 'maxPool' | 'avgPool'): Rule =>
  ({ tf, node, image }) => {
    const [strides, kernel] = [ints(node, 'strides', [1, 1]), ints(node, 'kernel_shape', [])]
    const [top, left] = ints(node, 'pads', [0, 0])
    const sizeOf = (value: Value | undefined, axis: number) => value?.shape[axis + 2] as number
    // The windows that ceil_mode adds overhang the end: a maximum takes that as padding, an average does not.
    if (node.attributes['ceil_mode'] && operation === 'avgPool') throw new Error('ceil_mode has no rule')
    const end = (axis: number, begin: number) =>
      Math.max(
        0,
        (sizeOf(node.outputs[0], axis) - 1) * strides[axis] + kernel[axis] - begin - sizeOf(node.inputs[0], axis),
      )
    const ceil = node.attributes['ceil_mode'] && [
      [0, 0],
      [top, end(0, top)],
      [left, end(1, left)],
      [0, 0],
    ]
    return images(tf[operation](image(0), kernel, strides, ceil || paddingOf(node)))
  }

const reshaping: Rule = ({ tf, node, plain: flat }) => plain(tf.reshape(flat(0), node.outputs[0].shape))

const rules: Readonly<Record<string, Rule>> = {
  Conv: convolution,
  MaxPool: pool('maxPool'),
  AveragePool: pool('avgPool'),
  GlobalAveragePool: ({ tf, image }) => images(tf.mean(image(0), [1, 2], true)),
  Clip: ({ tf, node, image, plain: flat, number }) => {
    const held = isImage(node) ? images(image(0)) : plain(flat(0))
    return { ...held, tensor: tf.clipByValue(held.tensor, number(1) ?? -3e38, number(2) ?? 3e38) }
  },
  Concat: ({ tf, node, image, plain: flat }) =>
    isImage(node) && node.attributes['axis'] === 1
      ? images(
          tf.concat(
            node.inputs.map((_, index) => image(index)),
            3,
          ),
        )
      : plain(
          tf.concat(
            node.inputs.map((_, index) => flat(index)),
            node.attributes['axis'],
          ),
        ),
  Flatten: reshaping,
  Reshape: reshaping,
  Identity: elementwise('clone'),
  Dropout: elementwise('clone'),
  Gemm: ({ tf, node, plain: flat, bias }) => {
    const { transA, transB } = node.attributes
    const product = tf.matMul(flat(0), flat(1), Boolean(transA), Boolean(transB))
    const summand = bias(2)
    return plain(summand ? (tf['add'] as Operation)(product, summand) : product)
  },
  MatMul: ({ tf, plain: flat }) => plain(tf.matMul(flat(0), flat(1))),
  Softmax: ({ tf, plain: flat }) => plain((tf['softmax'] as Operation)(flat(0))),
  Transpose: ({ tf, node, plain: flat }) => plain(tf.transpose(flat(0), node.attributes['perm'])),
  ReduceMean: ({ tf, plain: flat }) => plain(tf.mean(flat(0), [-1], true)),
  ...Object.fromEntries(
    ['Relu', 'Tanh', 'Sigmoid', 'Exp', 'Erf', 'Add', 'Mul'].map((op) => [op, elementwise(op.toLowerCase())]),
  ),
}

/** relu and relu6, where a convolution's only reader applies them. */
function fusedActivations(graph: Graph): Map<Node, string> {
  const readers = new Map<Value, Node[]>()
  for (const node of graph.nodes)
    for (const input of node.inputs) if (input) readers.set(input, [...(readers.get(input) ?? []), node])
  const limits = (node: Node) =>
    node.inputs.slice(1).map((value) => value && graph.constants.get(value)?.toNumbers()[0])
  const fused = new Map<Node, string>()
  for (const node of graph.nodes) {
    const [y] = node.outputs
    const [reader, ...others] = readers.get(y) ?? []
    if (node.op !== 'Conv' || !reader || others.length || graph.outputs.includes(y)) continue
    if (reader.op === 'Relu') fused.set(node, 'relu')
    if (reader.op === 'Clip' && `${limits(reader)}` === '0,6') fused.set(node, 'relu6')
  }
  return fused
}

/** An ONNX model as calls of tfjs, images channels-last throughout. Throws for an op or a form of it that has no rule. */
export async function translate(tf: Tf, model: string | Uint8Array, inputs: Readonly<Record<string, Tensor>>) {
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, { dims }]) => [name, dims]))
  completeKernels()
  const graph = specialize(await loadGraph(model), shapes, evaluate)
  for (const { op } of graph.nodes) if (!rules[op]) throw new Error(`the operator ${op} has no rule`)
  const float = [...graph.inputs, ...graph.nodes.flatMap(({ outputs }) => outputs)].every(
    ({ dtype }) => dtype === 'float32',
  )
  if (!float) throw new Error('only float32 has rules')
  const constants = new Map<Value, TfTensor>()
  for (const [value, { data, dims }] of graph.constants)
    if (value.dtype === 'float32') constants.set(value, tf.keep(tf.tensor(data, dims)))
  const moved = new Map<Value, TfTensor>()
  const fused = fusedActivations(graph)

  return (feeds: Readonly<Record<string, Tensor>>): Record<string, TfTensor> => {
    const values = new Map<Value, Held>()
    for (const [value, tensor] of constants) values.set(value, plain(tensor))
    for (const input of graph.inputs)
      values.set(input, plain(tf.tensor(feeds[input.name].data, feeds[input.name].dims)))
    const applied = new Set<Node>()
    const flat = (value: Value): TfTensor => {
      const { tensor, channelsLast } = values.get(value)!
      return channelsLast ? tf.transpose(tensor, [0, 3, 1, 2]) : tensor
    }
    const image = (value: Value): TfTensor => {
      const { tensor, channelsLast } = values.get(value)!
      return channelsLast ? tensor : tf.transpose(tensor, [0, 2, 3, 1])
    }
    for (const node of graph.nodes) {
      if (applied.has(node)) {
        values.set(node.outputs[0], values.get(node.inputs[0]!)!)
        continue
      }
      const operand = (index: number) => node.inputs[index] as Value
      const activation = fused.get(node)
      const reader = activation && graph.nodes.find(({ inputs }) => inputs[0] === node.outputs[0])
      if (reader) applied.add(reader)
      const held = rules[node.op]({
        tf,
        node,
        activation,
        image: (index) => image(operand(index)),
        plain: (index) => flat(operand(index)),
        weight: (index, order) => {
          const value = operand(index)
          if (!moved.has(value)) moved.set(value, tf.keep(tf.transpose(flat(value), order)))
          return moved.get(value)!
        },
        bias: (index) => node.inputs[index] && flat(operand(index)),
        number: (index) => {
          const value = node.inputs[index]
          return value && graph.constants.get(value)?.toNumbers()[0]
        },
      })
      values.set(node.outputs[0], held)
    }
    return Object.fromEntries(graph.outputs.map((output) => [output.name, flat(output)]))
  }
}
