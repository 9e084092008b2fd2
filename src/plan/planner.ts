import type { ConstantOf, Graph, Node, Value } from '../core/ir.js'
import { concrete, isConcrete, sizeOf } from '../core/shape.js'
import { traitsOf } from '../ops/index.js'
import { type Buffer, hostLayout, type MemoryLayout, packArena, peakBytes } from './arena.js'
import type { Placement, Plan, Step } from './plan.js'
import { schedule } from './schedule.js'

/** Bytes that `value` takes, without padding. Throws SHAPE_MISMATCH when its shape is symbolic. */
export const bytesOf = ({ dtype, shape, name }: Value, layout = hostLayout): number =>
  layout.bytesPerElement(dtype) * sizeOf(isConcrete(shape) ? shape : concrete(shape, `value '${name}'`))

/** The memory of one or more values. */
interface Place {
  /** The constant or variable it belongs to; undefined for memory in the arena. */
  readonly owner?: { readonly kind: 'constant' | 'variable'; readonly of: Value }
  readonly bytes: number
  readonly start: number
  end: number
}

/**
 * Schedules `graph` and gives every value a place. Inputs keep their content for the whole run and are never
 * overwritten, outputs hold theirs when it ends. `workspace` tells the scratch bytes of a node, `layout` how memory is cut.
 * Throws SHAPE_MISMATCH when a shape is symbolic.
 */
export function planGraph(
  graph: Graph,
  {
    workspace,
    layout = hostLayout,
  }: { workspace(node: Node, constant: ConstantOf): number; readonly layout?: MemoryLayout | undefined },
): Plan {
  return new Planner(graph, (node) => workspace(node, (value) => graph.constants.get(value)), layout).plan()
}

class Planner {
  readonly #graph: Graph
  readonly #workspace: (node: Node) => number
  readonly #layout: MemoryLayout
  /** The value whose content a view shows; values that are no views show their own. */
  readonly #roots = new Map<Value, Value>()
  readonly #lastUse = new Map<Value, number>()
  readonly #places = new Map<Value, Place>()
  /** The variable value that each update replaces, by the value it takes. */
  readonly #targets = new Map<Value, Value>()
  readonly #replaced: ReadonlySet<Value>
  /** Variables whose memory already holds their new content. */
  readonly #written = new Set<Value>()

  constructor(graph: Graph, workspace: (node: Node) => number, layout: MemoryLayout) {
    this.#graph = graph
    this.#workspace = workspace
    this.#layout = layout
    this.#replaced = new Set(graph.updates.map((update) => update.variable))
    for (const { variable, value } of graph.updates) if (!this.#targets.has(value)) this.#targets.set(value, variable)
  }

  plan(): Plan {
    const graph = this.#graph
    for (const value of [...graph.inputs, ...graph.constants.keys(), ...graph.variables.keys()])
      this.#roots.set(value, value)
    const actions = this.#actions()
    const end = actions.length + 2 * graph.updates.length
    for (const output of graph.outputs) this.#use(output, end)
    for (const { variable, value } of graph.updates) if (this.#root(value) !== variable) this.#use(value, end)

    for (const value of graph.constants.keys()) this.#own(value, 'constant')
    for (const value of graph.variables.keys()) this.#own(value, 'variable')
    for (const value of graph.inputs) this.#places.set(value, { bytes: this.#bytesOf(value), start: 0, end })
    const scratch = actions.map((step, position) => {
      if (step.kind === 'copy') this.#placeFresh(step.to, position)
      else this.#placeOutputs(step.node, position)
      const bytes = step.kind === 'node' ? this.#workspace(step.node) : 0
      return bytes > 0 ? { bytes, start: position, end: position } : undefined
    })
    const copies = this.#copies(actions.length)

    const places = [...new Set(this.#places.values())].filter((place) => !place.owner)
    const buffers: Buffer[] = [...places, ...scratch.filter((buffer) => buffer !== undefined)]
    const { offsets, bytes: arenaBytes } = packArena(buffers, this.#layout)
    const offsetOf = new Map(buffers.map((buffer, index) => [buffer, offsets[index]]))
    const region = (buffer: Buffer) => ({ offset: offsetOf.get(buffer)!, bytes: buffer.bytes })

    const placements = new Map<Value, Placement>()
    for (const [value, root] of this.#roots) {
      const place = this.#places.get(root)!
      placements.set(value, place.owner ?? { kind: 'arena', ...region(place) })
    }
    const steps = actions.map((step, position): Step => {
      const buffer = scratch[position]
      return step.kind === 'node' ? { ...step, workspace: buffer && region(buffer) } : step
    })
    return {
      graph,
      steps: [...steps, ...copies],
      placements,
      arenaBytes,
      lowerBoundBytes: peakBytes(buffers, end + 1),
    }
  }

  #bytesOf = (value: Value): number => bytesOf(value, this.#layout)

  #root = (value: Value): Value => this.#roots.get(value)!

  #use(value: Value, position: number): void {
    const root = this.#root(value)
    this.#lastUse.set(root, Math.max(this.#lastUse.get(root) ?? 0, position))
  }

  #own(value: Value, kind: 'constant' | 'variable'): void {
    this.#places.set(value, { owner: { kind, of: value }, bytes: this.#bytesOf(value), start: 0, end: 0 })
  }

  /**
   * What happens, in order, before variables are replaced. Views vanish, but for a graph output that shows a variable
   * as it was at the start of a run that replaces it: that is a copy.
   */
  #actions(): Step[] {
    const actions: Step[] = []
    for (const node of schedule(this.#graph)) {
      const output = node.outputs[0]
      const input = node.inputs[0]
      const view =
        traitsOf(node.op).view && input && node.outputs.length === 1 && this.#bytesOf(input) === this.#bytesOf(output)
      if (view) {
        const stale = this.#graph.outputs.includes(output) && this.#replaced.has(this.#root(input))
        this.#roots.set(output, stale ? output : this.#root(input))
        if (!stale) continue
        this.#use(input, actions.length)
        actions.push({ kind: 'copy', from: input, to: output })
        continue
      }
      for (const operand of node.inputs) if (operand) this.#use(operand, actions.length)
      for (const value of node.outputs) this.#roots.set(value, value)
      actions.push({ kind: 'node', node, workspace: undefined })
    }
    return actions
  }

  #placeOutputs(node: Node, position: number): void {
    const { inPlace, updates } = traitsOf(node.op)
    const taken = new Set<Place>()
    node.outputs.forEach((output, index) => {
      const place =
        this.#variablePlace(node, output, [updates?.[index], inPlace?.[index]], position) ??
        this.#dyingPlace(node, output, inPlace?.[index], position)
      if (place && !taken.has(place)) {
        taken.add(place)
        place.end = Math.max(place.end, this.#lastUse.get(output) ?? position)
        this.#places.set(output, place)
      } else this.#placeFresh(output, position)
    })
  }

  #placeFresh(value: Value, position: number): void {
    this.#places.set(value, {
      bytes: this.#bytesOf(value),
      start: position,
      end: this.#lastUse.get(value) ?? position,
    })
  }

  /** The memory of the variable that `output` replaces, if nothing reads its old content from here on. */
  #variablePlace(node: Node, output: Value, inPlace: readonly (number | undefined)[], position: number) {
    const variable = this.#targets.get(output)
    if (!variable || this.#written.has(variable)) return undefined
    const lastUse = this.#lastUse.get(variable) ?? -1
    const safe =
      lastUse < position || (lastUse === position && inPlace.some((at) => this.#isOnlyOperand(node, at, variable)))
    if (!safe) return undefined
    this.#written.add(variable)
    return this.#places.get(variable)
  }

  /** The memory of an operand that nothing reads after this node, if `output` may overwrite it. */
  #dyingPlace(node: Node, output: Value, operand: number | undefined, position: number): Place | undefined {
    const input = operand === undefined ? undefined : node.inputs[operand]
    if (!input) return undefined
    const root = this.#root(input)
    const place = this.#places.get(root)!
    const fits = !place.owner && place.bytes === this.#bytesOf(output) && place.end === position
    return fits && this.#isOnlyOperand(node, operand, root) ? place : undefined
  }

  /** Whether operand `at` is `root`'s memory, and every other operand in that memory is read element by element with it. */
  #isOnlyOperand(node: Node, at: number | undefined, root: Value): boolean {
    const operand = at === undefined ? undefined : node.inputs[at]
    if (!operand || this.#root(operand) !== root) return false
    const place = this.#places.get(root)
    const { elementwise } = traitsOf(node.op)
    return node.inputs.every(
      (other, index) =>
        index === at || !other || this.#places.get(this.#root(other)) !== place || (elementwise && other === operand),
    )
  }

  /** Copies that give the remaining variables their new content, old contents of replaced variables put aside first. */
  #copies(position: number): Step[] {
    const aside: Step[] = []
    const copies: Step[] = []
    for (const { variable, value } of this.#graph.updates) {
      const root = this.#root(value)
      if (root === variable || this.#places.get(root) === this.#places.get(variable)) continue
      let from = value
      if (this.#replaced.has(root)) {
        from = { name: `${value.name}/copy`, dtype: value.dtype, shape: value.shape }
        this.#roots.set(from, from)
        this.#lastUse.set(from, position + 2 * this.#graph.updates.length)
        this.#placeFresh(from, position + aside.length)
        aside.push({ kind: 'copy', from: value, to: from })
      }
      copies.push({ kind: 'copy', from, to: variable })
    }
    return [...aside, ...copies]
  }
}
