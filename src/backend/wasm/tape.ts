import { bytesPerElement } from '../../core/dtype.js'
import type { ConstantOf, Node, Value } from '../../core/ir.js'
import { concrete, sizeOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import type { Plan, Step } from '../../plan/plan.js'
import type { KernelCall } from './gen/kernels.js'
import { loweringOf } from './lower/index.js'
import type { Preparation } from './lower/lowering.js'
import { copyCall } from './lower/strided.js'
import type { WasmMemory } from './memory.js'

const STEP_WORDS = 3
/** Bytes of a step of a tape. */
export const STEP_BYTES = 4 * STEP_WORDS
const PARAMETER_ALIGNMENT = 16

/** Where a plan's operands lie, as byte addresses. */
export interface Addresses {
  of(value: Value): number
  readonly arena: number
  /** The place of another form of a constant. */
  prepared(constant: Tensor, bytes: number, prepare: Preparation): number
  /** The place of the threads' scratch memory. */
  scratch(): number
}

/** A stretch of the plan: kernel calls in a row with the node of each (none for copies), or one node that has no kernel. */
export type Segment =
  | { readonly kind: 'tape'; readonly calls: readonly KernelCall[]; readonly nodes: readonly (Node | undefined)[] }
  | { readonly kind: 'node'; readonly node: Node }

function copyCalls(from: Value, to: Value, addresses: Addresses): readonly KernelCall[] {
  const bytes = sizeOf(concrete(to.shape)) * bytesPerElement(to.dtype)
  const [source, target] = [addresses.of(from), addresses.of(to)]
  if (bytes === 0 || source === target) return []
  return [copyCall(source, target, bytes)]
}

function lowerStep(step: Step, addresses: Addresses, constant: ConstantOf): readonly KernelCall[] | undefined {
  if (step.kind === 'copy') return copyCalls(step.from, step.to, addresses)
  return loweringOf(step.node, constant)?.lower(step.node, {
    address: addresses.of,
    workspace: step.workspace ? addresses.arena + step.workspace.offset : 0,
    constant,
    prepared: addresses.prepared,
    scratch: addresses.scratch,
  })
}

/** The plan's steps as kernel calls, split where a node has no kernel. */
export function lowerPlan(plan: Plan, addresses: Addresses): readonly Segment[] {
  const constant = (value: Value) => plan.graph.constants.get(value)
  const segments: Segment[] = []
  let calls: KernelCall[] = []
  let nodes: (Node | undefined)[] = []
  const flush = () => {
    if (calls.length) segments.push({ kind: 'tape', calls, nodes })
    calls = []
    nodes = []
  }
  for (const step of plan.steps) {
    const lowered = lowerStep(step, addresses, constant)?.filter((call) => call.tiles > 0)
    if (lowered) {
      calls.push(...lowered)
      nodes.push(...lowered.map(() => (step.kind === 'node' ? step.node : undefined)))
    } else if (step.kind === 'node') {
      flush()
      segments.push({ kind: 'node', node: step.node })
    }
  }
  flush()
  return segments
}

/** A tape in wasm memory. */
export interface Tape {
  readonly address: number
  readonly steps: number
}

/** Writes the calls of each tape and their parameter blocks into one fresh block of memory, which the caller frees. */
export function writeTapes(
  memory: WasmMemory,
  programs: readonly (readonly KernelCall[])[],
): { readonly block: number; readonly tapes: readonly Tape[] } {
  const align = (bytes: number) => Math.ceil(bytes / PARAMETER_ALIGNMENT) * PARAMETER_ALIGNMENT
  const calls = programs.flat()
  const tapeBytes = align(calls.length * STEP_WORDS * 4)
  const blockBytes = calls.reduce((bytes, call) => bytes + align(call.words.byteLength), tapeBytes)
  const block = memory.allocate(blockBytes, 'the tape of a plan')
  const words = new Int32Array(blockBytes / 4)
  let step = 0
  let parameters = tapeBytes
  const tapes = programs.map((program) => {
    const tape = { address: block + step, steps: program.length }
    for (const call of program) {
      words.set([call.kernel, block + parameters, call.tiles], step / 4)
      words.set(call.words, parameters / 4)
      step += STEP_WORDS * 4
      parameters += align(call.words.byteLength)
    }
    return tape
  })
  memory.content.write(block, words)
  return { block, tapes }
}
