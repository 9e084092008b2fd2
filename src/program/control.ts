import { evaluateSequence, sliceAt } from '../backend/reference/sequences.js'
import { bytesPerElement } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Attributes, Graph, HostValue, Node, Value } from '../core/ir.js'
import { isUnranked, normalizeAxis } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { entryOf, loopOperands, scalarShape, scanOperands } from '../ops/control.js'
import { intAttribute } from '../ops/definition.js'

/** Runs a graph on a value for each of its inputs. */
export type Call = (graph: Graph, inputs: readonly HostValue[]) => Promise<readonly HostValue[]>

/** What the scan outputs of one loop may take, in bytes. */
const mostScanBytes = 2 ** 31

type Operands = readonly (HostValue | undefined)[]
type Runner = (node: Node, inputs: Operands, attributes: Attributes, call: Call) => Promise<readonly HostValue[]>

/** The first element of a tensor as a number. Throws TYPE_MISMATCH, naming the node. */
function numberOf(node: Node, value: HostValue | undefined): number {
  if (value instanceof Tensor && value.size > 0) return value.toNumbers()[0]
  throw new LanewiseError('TYPE_MISMATCH', `${node.op} '${node.name}': a condition or a count holds no number`)
}

const runIf: Runner = (node, [condition, ...captured], attributes, call) => {
  const branch = attributes[numberOf(node, condition) ? 'then_branch' : 'else_branch'] as Graph
  return call(branch, captured as readonly HostValue[])
}

const runLoop: Runner = async (node, inputs, attributes, call) => {
  const body = attributes['body'] as Graph
  const { states, captured } = loopOperands(inputs, body, intAttribute(attributes, 'captures'))
  const trips = inputs[0] === undefined ? Number.POSITIVE_INFINITY : numberOf(node, inputs[0])
  let goes = inputs[1] === undefined ? 1 : numberOf(node, inputs[1])
  let carried = inputs.slice(states[0], states[0] + states[1]) as readonly HostValue[]
  const around = inputs.slice(captured) as readonly HostValue[]
  const scans = new Scans(node, body.outputs.slice(1 + states[1]))
  for (let trip = 0; trip < trips && goes; trip++) {
    const index = new Tensor('int64', [trip], scalarShape(body.inputs[0]))
    const condition = new Tensor('bool', [true], scalarShape(body.inputs[1]))
    const results = await call(body, [index, condition, ...carried, ...around])
    goes = numberOf(node, results[0])
    carried = results.slice(1, 1 + states[1])
    scans.add(results.slice(1 + states[1]))
  }
  return [...carried, ...scans.stacked()]
}

const runScan: Runner = async (node, inputs, attributes, call) => {
  const body = attributes['body'] as Graph
  const count = intAttribute(attributes, 'num_scan_inputs')
  const { states, scans, captured } = scanOperands(inputs, body, intAttribute(attributes, 'captures'), count)
  const scanned = inputs.slice(scans[0], scans[0] + count) as readonly Tensor[]
  const axes = scanned.map(({ dims }, index) =>
    normalizeAxis(entryOf(attributes, 'scan_input_axes', index), dims.length),
  )
  const lengths = scanned.map(({ dims }, index) => dims[axes[index]])
  if (lengths.some((length) => length !== lengths[0]))
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `${node.op} '${node.name}': its scan inputs have ${lengths.join(', ')} entries along their axes`,
    )
  let carried = inputs.slice(0, states[1]) as readonly HostValue[]
  const around = inputs.slice(captured) as readonly HostValue[]
  const outputs = new Scans(node, body.outputs.slice(states[1]))
  for (let trip = 0; trip < lengths[0]; trip++) {
    const slices = scanned.map((tensor, index) => {
      const reversed = entryOf(attributes, 'scan_input_directions', index) === 1
      return sliceAt(tensor, axes[index], reversed ? lengths[0] - 1 - trip : trip)
    })
    const results = await call(body, [...carried, ...slices, ...around])
    carried = results.slice(0, states[1])
    outputs.add(results.slice(states[1]))
  }
  const stacked = outputs.stacked(
    (index) => entryOf(attributes, 'scan_output_axes', index),
    (index) => entryOf(attributes, 'scan_output_directions', index) === 1,
  )
  return [...carried, ...stacked]
}

const runMap: Runner = async (node, inputs, attributes, call) => {
  const body = attributes['body'] as Graph
  const captured = inputs.length - intAttribute(attributes, 'captures')
  const [first] = inputs
  if (!Array.isArray(first))
    throw new LanewiseError('TYPE_MISMATCH', `${node.op} '${node.name}': input 0 must be a sequence`)
  const results: (readonly HostValue[])[] = []
  for (const at of first.keys()) {
    const items = inputs.slice(0, captured).map((input) => (Array.isArray(input) ? (input[at] as HostValue) : input!))
    if (items.some((item) => item === undefined))
      throw new LanewiseError('SHAPE_MISMATCH', `${node.op} '${node.name}': its sequences differ in length`)
    results.push(await call(body, [...items, ...(inputs.slice(captured) as readonly HostValue[])]))
  }
  return body.outputs.map((_, index) => results.map((outputs) => outputs[index]))
}

/** The scan outputs of a loop as they come, one of each an iteration. */
class Scans {
  readonly #node: Node
  readonly #types: readonly Value[]
  readonly #parts: HostValue[][]
  #bytes = 0

  constructor(node: Node, types: readonly Value[]) {
    this.#node = node
    this.#types = types
    this.#parts = types.map(() => [])
  }

  /** Throws OUT_OF_MEMORY when they have become too large. */
  add(outputs: readonly HostValue[]): void {
    outputs.forEach((output, index) => {
      this.#parts[index].push(output)
      if (output instanceof Tensor) this.#bytes += 64 + output.size * bytesPerElement(output.type)
    })
    if (this.#bytes > mostScanBytes)
      throw new LanewiseError(
        'OUT_OF_MEMORY',
        `${this.#node.op} '${this.#node.name}' has collected more than ${mostScanBytes} bytes of scan outputs`,
      )
  }

  /** Each output's parts along a new axis, 0 unless told, perhaps the last first. */
  stacked(axisOf = (_index: number) => 0, reversed = (_index: number) => false): readonly HostValue[] {
    return this.#types.map(({ dtype, shape }, index) => {
      const parts = this.#parts[index]
      const axis = axisOf(index)
      if (parts.length > 0) {
        const ordered = reversed(index) ? parts.toReversed() : parts
        return evaluateSequence('ConcatFromSequence', this.#node.name, [ordered], { axis, new_axis: 1 })
      }
      const dims = isUnranked(shape) ? [] : shape.map((dim) => (typeof dim === 'number' ? dim : 0))
      return Tensor.zeros(dtype, dims.toSpliced(normalizeAxis(axis, dims.length + 1), 0, 0))
    })
  }
}

const runners: Readonly<Record<string, Runner>> = {
  If: runIf,
  Loop: runLoop,
  Scan: runScan,
  SequenceMap: runMap,
}

/** Runs one node with subgraphs on host values; `call` runs a subgraph. Throws LanewiseError, naming the node. */
export const runControl: Runner = (node, inputs, attributes, call) => runners[node.op](node, inputs, attributes, call)
