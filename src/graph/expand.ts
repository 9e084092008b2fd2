import type { Attributes, Graph, Node, Value } from '../core/ir.js'
import { isConcrete, normalizeAxis } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { entryOf, loopOperands, scalarShape, scanOperands } from '../ops/control.js'
import { intAttribute, withDefaults } from '../ops/definition.js'
import { definitionOf, traitsOf } from '../ops/index.js'
import { partSizes } from '../ops/sequence.js'
import { type Evaluate, fold } from './fold.js'
import type { Resolver } from './resolver.js'
import type { Rewriter } from './rewrite.js'

/** The most nodes that one rewrite may inline from the bodies of loops: beyond, loops stay loops. */
const mostInlined = 10_000

/**
 * Resolves while rewriting what needs no decision at run time: folds constants, inlines the branch of an If whose condition is
 * known, unrolls Loop, Scan and SequenceMap of known length, and follows the elements of sequences and optionals.
 */
export class Expander implements Resolver {
  readonly #rewriter: Rewriter
  readonly #evaluate: Evaluate
  /** What sequences and optionals hold, where it is known. */
  readonly #contents = new Map<Value, readonly Value[]>()
  #inlined = 0

  constructor(rewriter: Rewriter, evaluate: Evaluate) {
    this.#rewriter = rewriter
    this.#evaluate = evaluate
  }

  /** Whether `node` was replaced; if not, its results have still to be written. */
  expand(node: Node): boolean {
    if (fold(this.#rewriter, node, this.#evaluate)) return true
    const rule = Object.hasOwn(this.#rules, node.op) ? this.#rules[node.op] : undefined
    if (!rule) return this.#alias(node)
    const resolved = this.#rewriter.resolved(node)
    const attributes = withDefaults(definitionOf(node.op), node.attributes)
    return rule({ ...resolved, attributes }, attributes)
  }

  readonly #rules: Readonly<Record<string, (node: Node, attributes: Attributes) => boolean>> = {
    If: (node, attributes) => {
      const condition = this.#numbers(node.inputs[0])?.[0]
      if (condition === undefined) return false
      const branch = attributes[condition ? 'then_branch' : 'else_branch'] as Graph
      return this.#replaceAll(node, this.#inline(branch, node.inputs.slice(1), node.name))
    },
    Loop: (node, attributes) => this.#loop(node, attributes),
    Scan: (node, attributes) => this.#scan(node, attributes),
    SequenceMap: (node, attributes) => this.#map(node, attributes),

    SequenceEmpty: (node) => this.#hold(node, []),
    SequenceConstruct: (node) => this.#hold(node, node.inputs as readonly Value[]),
    SequenceInsert: (node) => {
      const items = this.#contentOf(node.inputs[0])
      const at = items && this.#position(node.inputs[2], items.length, items.length)
      return items && at !== undefined ? this.#hold(node, items.toSpliced(at, 0, node.inputs[1]!)) : false
    },
    SequenceErase: (node) => {
      const items = this.#contentOf(node.inputs[0])
      const at = items && this.#position(node.inputs[1], items.length, items.length - 1)
      return items && at !== undefined ? this.#hold(node, items.toSpliced(at, 1)) : false
    },
    SequenceAt: (node) => {
      const items = this.#contentOf(node.inputs[0])
      const at = items && this.#position(node.inputs[1], items.length, items.length - 1)
      return items && at !== undefined ? this.#replaceAll(node, [items[at]]) : false
    },
    SequenceLength: (node) => {
      const items = this.#contentOf(node.inputs[0])
      if (!items) return false
      return this.#replaceAll(node, [this.#scalar(items.length, node.name)])
    },
    SplitToSequence: (node, attributes) => this.#split(node, attributes),
    ConcatFromSequence: (node, attributes) => {
      const items = this.#contentOf(node.inputs[0])
      if (!items?.length) return false
      const axis = intAttribute(attributes, 'axis')
      if (intAttribute(attributes, 'new_axis') === 1) return this.#stack(items, axis, node.outputs[0])
      return this.#emit('Concat', items, { axis }, node.outputs)
    },
    Optional: (node) => this.#hold(node, node.inputs[0] ? [node.inputs[0]] : []),
    OptionalGetElement: (node) => {
      const [input] = node.inputs
      if (!input?.container?.startsWith('optional')) return this.#replaceAll(node, [input!])
      const [element] = this.#contentOf(input) ?? []
      return element ? this.#replaceAll(node, [element]) : false
    },
    OptionalHasElement: (node) => {
      const [input] = node.inputs
      const has = input && (input.container?.startsWith('optional') ? this.#contentOf(input)?.length : 1)
      if (input && has === undefined) return false
      return this.#replaceAll(node, [this.#constant(new Tensor('bool', [Boolean(has)], []), node.name)])
    },
  }

  #loop(node: Node, attributes: Attributes): boolean {
    const body = attributes['body'] as Graph
    const { states, captured } = loopOperands(node.inputs, body, intAttribute(attributes, 'captures'))
    const [count, condition] = node.inputs
    const trips = count ? this.#numbers(count)?.[0] : Number.POSITIVE_INFINITY
    let goes = condition ? this.#numbers(condition)?.[0] : 1
    if (trips === undefined || goes === undefined) return false
    if (Number.isFinite(trips) && trips * body.nodes.length > mostInlined && !condition) return false
    let carried = node.inputs.slice(states[0], states[0] + states[1])
    const scanned: (readonly Value[])[] = []
    for (let trip = 0; trip < trips && goes; trip++) {
      if (!this.#affords(body)) return false
      const name = `${node.name}/${trip}`
      const results = this.#inline(
        body,
        [
          this.#constant(new Tensor('int64', [trip], scalarShape(body.inputs[0])), `${name}/trip`),
          this.#constant(new Tensor('bool', [true], scalarShape(body.inputs[1])), `${name}/condition`),
          ...carried,
          ...node.inputs.slice(captured),
        ],
        name,
      )
      goes = this.#numbers(results[0])?.[0]
      if (goes === undefined) return false
      carried = results.slice(1, 1 + states[1])
      scanned.push(results.slice(1 + states[1]))
    }
    const types = body.outputs.slice(1 + states[1])
    return this.#finishLoop(
      node,
      carried,
      scanned,
      types,
      types.map(() => 0),
    )
  }

  #scan(node: Node, attributes: Attributes): boolean {
    const body = attributes['body'] as Graph
    const count = intAttribute(attributes, 'num_scan_inputs')
    const { states, scans, captured } = scanOperands(node.inputs, body, intAttribute(attributes, 'captures'), count)
    const inputs = (node.inputs as readonly Value[]).slice(scans[0], scans[0] + count)
    if (!inputs.every(({ shape }) => isConcrete(shape))) return false
    const axes = inputs.map(({ shape }, i) => normalizeAxis(entryOf(attributes, 'scan_input_axes', i), shape.length))
    const length = inputs[0].shape[axes[0]] as number
    let carried = node.inputs.slice(0, states[1])
    const scanned: (readonly Value[])[] = []
    for (let trip = 0; trip < length; trip++) {
      if (!this.#affords(body)) return false
      const name = `${node.name}/${trip}`
      const slices = inputs.map((input, i) => {
        const reversed = entryOf(attributes, 'scan_input_directions', i) === 1
        const index = this.#scalar(reversed ? length - 1 - trip : trip, name)
        return this.#write('Gather', [input, index], { axis: axes[i] }, `${name}/${input.name}`)
      })
      const results = this.#inline(body, [...carried, ...slices, ...node.inputs.slice(captured)], name)
      carried = results.slice(0, states[1])
      scanned.push(results.slice(states[1]))
    }
    const types = body.outputs.slice(states[1])
    const outputAxes = types.map((_, i) => entryOf(attributes, 'scan_output_axes', i))
    const reverse = types.map((_, i) => entryOf(attributes, 'scan_output_directions', i) === 1)
    return this.#finishLoop(node, carried, scanned, types, outputAxes, reverse)
  }

  /** Final states and stacked scan outputs take the place of a loop's results. */
  #finishLoop(
    node: Node,
    states: readonly (Value | undefined)[],
    scanned: readonly (readonly Value[])[],
    types: readonly Value[],
    axes: readonly number[],
    reverse: readonly boolean[] = [],
  ): boolean {
    const stacked = types.map((type, index): Value | undefined => {
      const result = node.outputs[states.length + index]
      if (!result) return undefined
      const parts = scanned.map((outputs) => outputs[index])
      if (parts.length > 0) {
        this.#stack(reverse[index] ? parts.toReversed() : parts, axes[index], result)
        return this.#rewriter.resolve(result)
      }
      if (!isConcrete(type.shape)) return undefined
      const dims = type.shape.toSpliced(normalizeAxis(axes[index], type.shape.length + 1), 0, 0)
      return this.#constant(Tensor.zeros(type.dtype, dims), result.name)
    })
    if (stacked.some((value, index) => value === undefined && node.outputs[states.length + index])) return false
    return this.#replaceAll(node, [...states, ...stacked])
  }

  #map(node: Node, attributes: Attributes): boolean {
    const body = attributes['body'] as Graph
    const captured = node.inputs.length - intAttribute(attributes, 'captures')
    const operands = node.inputs.slice(0, captured) as readonly Value[]
    const contents = operands.map((operand) => (operand.container ? this.#contentOf(operand) : undefined))
    if (operands.some((operand, index) => operand.container && !contents[index])) return false
    const results: (readonly Value[])[] = []
    for (let at = 0; at < contents[0]!.length; at++) {
      if (!this.#affords(body)) return false
      const items = operands.map((operand, index) => contents[index]?.[at] ?? operand)
      results.push(this.#inline(body, [...items, ...node.inputs.slice(captured)], `${node.name}/${at}`))
    }
    this.#rewriter.keep(node)
    node.outputs.forEach((output, index) => {
      const items = results.map((outputs) => outputs[index])
      this.#contents.set(this.#rewriter.resolve(output), items)
    })
    return true
  }

  #split(node: Node, attributes: Attributes): boolean {
    const [input, given] = node.inputs as readonly (Value | undefined)[]
    const sizes = given && this.#numbers(given)
    if (!input || !isConcrete(input.shape) || (given && !sizes)) return false
    const axis = normalizeAxis(intAttribute(attributes, 'axis'), input.shape.length)
    const parts = partSizes(input.shape[axis], sizes, given?.shape.length === 0)
    if (parts.length === 0) return this.#hold(node, [])
    const split = this.#rewriter.ints(parts, `${node.name}/split`)
    const values = this.#rewriter.write('Split', [input, split], { axis }, `${node.name}/parts`, parts.length)
    const drops = !given && intAttribute(attributes, 'keepdims') === 0
    const axes = drops && this.#rewriter.ints([axis], `${node.name}/axes`)
    return this.#hold(
      node,
      axes ? values.map((value) => this.#write('Squeeze', [value, axes], {}, `${value.name}/squeezed`)) : values,
    )
  }

  /** A node that passes one value on needs no copy, and a sequence that it passes on keeps its known content. */
  #alias(node: Node): boolean {
    const { view, elementwise } = traitsOf(node.op)
    if (!view || !elementwise || !node.inputs[0]?.container) return false
    return this.#replaceAll(node, [node.inputs[0]])
  }

  /** Whether one more iteration of a loop may be inlined. */
  #affords(body: Graph): boolean {
    this.#inlined += body.nodes.length + 1
    return this.#inlined <= mostInlined
  }

  /** Writes the nodes of `body` for the given operands; what stands for its outputs. */
  #inline(body: Graph, operands: readonly (Value | undefined)[], name: string): readonly Value[] {
    const rewriter = this.#rewriter
    const values = new Map<Value, Value>()
    body.inputs.forEach((input, index) => {
      const operand = operands[index]
      if (operand) values.set(input, rewriter.resolve(operand))
    })
    for (const [value, tensor] of body.constants) values.set(value, this.#constant(tensor, value.name))
    for (const node of body.nodes) {
      const inputs = node.inputs.map((input) => input && values.get(input))
      const { view, elementwise } = traitsOf(node.op)
      if (view && elementwise) {
        values.set(node.outputs[0], rewriter.resolve(inputs[0]!))
        continue
      }
      const outputs = node.outputs.map((output) => ({ ...output, name: rewriter.unique(`${name}/${output.name}`) }))
      if (!this.expand({ ...node, name: `${name}/${node.name}`, inputs, outputs }))
        rewriter.write(node.op, inputs, node.attributes, outputs)
      node.outputs.forEach((output, index) => {
        values.set(output, rewriter.resolve(outputs[index]))
      })
    }
    return body.outputs.map((output) => rewriter.resolve(values.get(output)!))
  }

  /** Joins `parts` along a new axis into `result`. */
  #stack(parts: readonly Value[], axis: number, result: Value): boolean {
    const at = this.#rewriter.ints([normalizeAxis(axis, parts[0].shape.length + 1)], `${result.name}/axis`)
    const slices = parts.map((part) => this.#write('Unsqueeze', [part, at], {}, `${result.name}/part`))
    return this.#emit('Concat', slices, { axis }, [result])
  }

  /** A folded node, or a new one, with one new output. */
  #write(op: string, inputs: readonly Value[], attributes: Attributes, name: string): Value {
    const result: Value = { ...inputs[0], name: this.#rewriter.unique(name), shape: [] }
    const node: Node = { op, name: result.name, inputs, outputs: [result], attributes }
    if (fold(this.#rewriter, node, this.#evaluate)) return this.#rewriter.resolve(result)
    return this.#rewriter.write(op, inputs, attributes, name)[0]
  }

  #emit(op: string, inputs: readonly Value[], attributes: Attributes, outputs: readonly Value[]): boolean {
    const node: Node = { op, name: outputs[0].name, inputs, outputs, attributes }
    if (!fold(this.#rewriter, node, this.#evaluate)) this.#rewriter.write(op, inputs, attributes, outputs)
    return true
  }

  /** Keeps a node that makes a sequence or an optional (it goes if nothing needs it whole), and notes what it holds. */
  #hold(node: Node, items: readonly Value[]): boolean {
    this.#rewriter.keep(node)
    this.#contents.set(this.#rewriter.resolve(node.outputs[0]), items)
    return true
  }

  #contentOf = (value: Value | undefined): readonly Value[] | undefined =>
    value && this.#contents.get(this.#rewriter.resolve(value))

  /** A constant position, or the last one where it is left out; undefined when it is not known or out of range. */
  #position(value: Value | undefined, length: number, last: number): number | undefined {
    const given = value ? this.#numbers(value)?.[0] : last
    if (given === undefined) return undefined
    const position = given < 0 ? given + length : given
    return position >= 0 && position <= last ? position : undefined
  }

  #replaceAll(node: Node, values: readonly (Value | undefined)[]): boolean {
    node.outputs.forEach((output, index) => {
      const value = values[index]
      if (value) this.#rewriter.replace(output, value)
    })
    return true
  }

  #numbers = (value: Value | undefined): readonly number[] | undefined => this.#rewriter.constantOf(value)?.toNumbers()
  #constant = (tensor: Tensor, name: string): Value => this.#rewriter.shared(tensor, name)
  #scalar = (value: number, name: string): Value => this.#constant(Tensor.scalar(value, 'int64'), `${name}/index`)
}
