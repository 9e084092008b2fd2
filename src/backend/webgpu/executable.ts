import type { TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Node, Value, Variable } from '../../core/ir.js'
import { concrete, formatShape, sizeOf } from '../../core/shape.js'
import type { Tensor } from '../../core/tensor.js'
import type { Plan } from '../../plan/plan.js'
import { bytesOf } from '../../plan/planner.js'
import type { Executable, Storage } from '../backend.js'
import type { Gpu } from './device.js'
import { ELEMENT_BYTES, elementTypeOf, fromGpu, gpuLayout, toGpu } from './elements.js'
import { type Dispatch, type Place, wholeQuads } from './kernel.js'
import { accelerates, lowerings } from './lower/index.js'
import { copyElements } from './lower/strided.js'
import { type Recorded, timeDispatches } from './profile.js'

/** What an executable needs of its backend. */
export interface Machine {
  readonly gpu: Gpu
  /** The buffer of a constant, filled on first use; each call is one use. */
  retainConstant(tensor: Tensor): GPUBuffer
  releaseConstant(tensor: Tensor): void
  /** The buffer of a variable. Throws INVALID_ARGUMENT for the storage of another backend. */
  bufferOf(storage: Storage): GPUBuffer
}

/** A dispatch and the node that it belongs to; none for copies between places. */
interface LoadedDispatch {
  readonly dispatch: Dispatch
  readonly node: Node | undefined
}

/** A plan on a GPU: an arena, bind groups, and dispatches that one submit runs. */
export class WebGpuExecutable implements Executable {
  readonly notes: readonly string[]
  readonly #machine: Machine
  readonly #plan: Plan
  readonly #storages = new Map<Value, Storage>()
  readonly #constants = new Map<Tensor, GPUBuffer>()
  readonly #dispatches: readonly LoadedDispatch[]
  readonly #recording: Promise<readonly Recorded[]>
  #arena: GPUBuffer | undefined
  #recorded: readonly Recorded[] | undefined
  /** That the device took all buffers and operands: what it found wrong is thrown by every run. */
  #checked: Promise<void> | undefined
  #disposed = false
  #hasRun = false

  /** Throws UNSUPPORTED_OP, listing all nodes that no kernel takes, or OUT_OF_MEMORY for what exceeds the adapter's limits. */
  constructor(machine: Machine, plan: Plan, storageOf: (variable: Variable) => Storage) {
    refuseUnsupported(plan)
    this.#machine = machine
    this.#plan = plan
    try {
      this.#checkSizes()
      for (const [value, variable] of plan.graph.variables) this.#storages.set(value, storageOf(variable))
      this.#arena = machine.gpu.createBuffer(plan.arenaBytes, `the arena of '${plan.graph.name}'`)
      this.#dispatches = this.#lower()
      this.#recording = this.#record()
      this.#recording.catch(() => {})
    } catch (error) {
      this.dispose()
      throw error
    }
    this.notes = notesOf(plan)
  }

  write(input: string, data: TypedArray): void {
    this.#check()
    const value = find(this.#plan.graph.inputs, input, 'input')
    const { buffer, offset } = this.#place(value)
    const size = sizeOf(concrete(value.shape))
    this.#machine.gpu.write(buffer, offset, toGpu(value.dtype, data, size, `input '${input}'`))
  }

  /** The first run waits for the pipelines; the others return when the work is submitted. */
  run(): void | Promise<void> {
    this.#check()
    this.#machine.gpu.check()
    if (this.#recorded) return this.#submit(this.#recorded)
    return this.#recording.then(async (recorded) => {
      this.#checked ??= this.#machine.gpu.settle()
      await this.#checked
      this.#check()
      this.#recorded = recorded
      this.#submit(recorded)
    })
  }

  async read(output: string): Promise<TypedArray> {
    this.#check()
    const value = find(this.#plan.graph.outputs, output, 'output')
    if (!this.#hasRun) throw new LanewiseError('INVALID_ARGUMENT', `output '${output}' is read before a run`)
    const { buffer, offset, bytes } = this.#place(value)
    return fromGpu(value.dtype, await this.#machine.gpu.read(buffer, offset, bytes))
  }

  /** By timestamp queries; absent where the adapter has none. */
  get profile(): Executable['profile'] {
    const { gpu } = this.#machine
    if (!gpu.device.features.has('timestamp-query')) return undefined
    return async (runs) => {
      await this.run()
      const times = await timeDispatches(gpu, this.#recorded!, runs)
      return this.#dispatches.map(({ dispatch, node }, i) => ({
        node,
        kernel: dispatch.kernel,
        tiles: dispatch.workgroups.reduce((product, count) => product * count, 1),
        ms: times[i],
      }))
    }
  }

  describe(): string {
    return [
      `one submit, ${this.#dispatches.length} dispatches`,
      ...this.#dispatches.map(
        ({ dispatch: { kernel, workgroups, access }, node }) =>
          `  ${kernel} ${workgroups.join('x')} workgroups, bindings ${access}${node ? ` for ${node.op} '${node.name}'` : ''}`,
      ),
    ].join('\n')
  }

  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    const { gpu } = this.#machine
    for (const { dispatch } of this.#dispatches ?? []) gpu.releasePipeline(dispatch)
    if (this.#arena) gpu.destroyBuffer(this.#arena)
    for (const tensor of this.#constants.keys()) this.#machine.releaseConstant(tensor)
  }

  #submit(recorded: readonly Recorded[]): void {
    this.#hasRun = true
    const { device } = this.#machine.gpu
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    for (const { pipeline, group, workgroups } of recorded) {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(...workgroups)
    }
    pass.end()
    device.queue.submit([encoder.finish()])
  }

  #lower(): LoadedDispatch[] {
    const { graph, steps } = this.#plan
    const constant = (value: Value) => graph.constants.get(value)
    return steps.flatMap((step): LoadedDispatch[] => {
      if (step.kind === 'copy')
        return copyElements(this.#place(step.from), this.#place(step.to)).map((dispatch) => ({
          dispatch,
          node: undefined,
        }))
      const { node, workspace } = step
      const dispatches = lowerings[node.op].lower(node, {
        constant,
        tuning: this.#machine.gpu.tuning,
        place: (value) => this.#place(value),
        table: (content) => ({
          buffer: this.#constantBuffer(content),
          offset: 0,
          bytes: content.size * ELEMENT_BYTES,
          type: elementTypeOf(content.type)!,
          shared: false,
        }),
        workspace: (offset, bytes, type) => ({
          buffer: this.#arena!,
          offset: workspace!.offset + offset,
          bytes,
          type,
          shared: true,
        }),
      })
      return dispatches.map((dispatch) => ({ dispatch, node }))
    })
  }

  /** Compiles the pipelines and binds the operands. Errors name the node. */
  #record(): Promise<readonly Recorded[]> {
    const { gpu } = this.#machine
    return Promise.all(
      this.#dispatches.map(async ({ dispatch, node }) => {
        const owner = node ? `${node.op} '${node.name}'` : 'a copy'
        const group = gpu.guard(`the operands of ${owner}`, () =>
          gpu.device.createBindGroup({
            label: owner,
            layout: gpu.layoutOf(dispatch.access).group,
            entries: dispatch.bindings.map(({ buffer, offset, bytes }, binding) => ({
              binding,
              resource: { buffer, offset, size: wholeQuads(bytes) },
            })),
          }),
        )
        try {
          return { pipeline: await gpu.retainPipeline(dispatch), group, workgroups: dispatch.workgroups }
        } catch (cause) {
          throw new LanewiseError(
            'BACKEND_UNAVAILABLE',
            `the GPU refuses the kernel ${dispatch.kernel} of ${owner}: ${(cause as Error).message}`,
            { cause },
          )
        }
      }),
    )
  }

  #place(value: Value): Place {
    const placement = this.#plan.placements.get(value)
    if (!placement)
      throw new LanewiseError(
        'INVALID_MODEL',
        `the plan of '${this.#plan.graph.name}' has no place for '${value.name}'`,
      )
    const own = { bytes: bytesOf(value, gpuLayout), type: elementTypeOf(value.dtype)! }
    switch (placement.kind) {
      case 'arena':
        return { ...own, buffer: this.#arena!, offset: placement.offset, shared: true }
      case 'variable': {
        const storage = this.#storages.get(placement.of)!
        return { ...own, buffer: this.#machine.bufferOf(storage), offset: 0, shared: false }
      }
      case 'constant':
        return {
          ...own,
          buffer: this.#constantBuffer(this.#plan.graph.constants.get(placement.of)!),
          offset: 0,
          shared: false,
        }
    }
  }

  #constantBuffer(tensor: Tensor): GPUBuffer {
    let buffer = this.#constants.get(tensor)
    if (!buffer) {
      buffer = this.#machine.retainConstant(tensor)
      this.#constants.set(tensor, buffer)
    }
    return buffer
  }

  #checkSizes(): void {
    const { maxStorageBufferBindingSize: most } = this.#machine.gpu.limits
    for (const value of this.#plan.placements.keys()) {
      const bytes = bytesOf(value, gpuLayout)
      if (bytes > most)
        throw new LanewiseError(
          'OUT_OF_MEMORY',
          `'${value.name}' ${formatShape(value.shape)} takes ${bytes} bytes; a kernel of this adapter reaches ${most} at most. Run smaller batches, or on wasm`,
        )
    }
  }

  #check(): void {
    if (this.#disposed) throw new LanewiseError('DISPOSED', 'this executable was disposed of')
  }
}

/** Throws UNSUPPORTED_OP with a list of the nodes that no kernel takes. */
function refuseUnsupported({ graph, steps }: Plan): void {
  const constant = (value: Value) => graph.constants.get(value)
  const refused = steps.flatMap((step) =>
    step.kind === 'node' && !accelerates(step.node, constant) ? [step.node] : [],
  )
  if (refused.length === 0) return
  const list = refused.map((node) => {
    const types = node.inputs.map((input) => (input ? `${input.dtype} ${formatShape(input.shape)}` : '-'))
    return `${node.op} '${node.name}' (${types.join(', ')})`
  })
  throw new LanewiseError(
    'UNSUPPORTED_OP',
    `webgpu has no kernel for ${list.length} of the ${steps.length} steps of '${graph.name}': ${list.join('; ')}. Run it on wasm`,
  )
}

/** What runs otherwise than on wasm. */
function notesOf({ steps }: Plan): readonly string[] {
  const narrow = steps.flatMap((step) =>
    step.kind === 'node' && step.node.outputs.some(({ dtype }) => dtype === 'int64') ? [step.node.name] : [],
  )
  return narrow.length > 0 ? [`the GPU computes int64 in 32 bits: ${narrow.join(', ')}`] : []
}

function find(values: readonly Value[], name: string, kind: string): Value {
  const value = values.find((candidate) => candidate.name === name)
  if (value) return value
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `the graph has no ${kind} '${name}'; its ${kind}s are ${values.map((candidate) => candidate.name).join(', ')}`,
  )
}
