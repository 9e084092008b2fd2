import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { instantiateSync } from '@assemblyscript/loader'
import { type KernelCall, type Part, parts } from '../../src/backend/wasm/gen/kernels.js'
import { type Lowering, type Preparation, SCRATCH_BYTES } from '../../src/backend/wasm/lower/lowering.js'
import { arrayOf, type DType, type NumericDType, type TypedArray } from '../../src/core/dtype.js'
import type { Attributes, Node, TensorType, Value } from '../../src/core/ir.js'
import { concrete, sizeOf } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'

/** The single-threaded builds: with and without relaxed SIMD. */
export const builds = ['single-simd', 'single-relaxed'] as const
/** The builds for shared memory. */
export const sharedBuilds = ['shared-simd', 'shared-relaxed'] as const
export type Build = (typeof builds | typeof sharedBuilds)[number]

/** Bytes of poison around every operand. */
const MARGIN = 128
const POISON = 0xa5
const FIRST_FREE = 65536
/** The tape of one step lies in the synchronisation page, which the single-threaded builds leave alone. */
const TAPE = 1024

interface Case {
  readonly attributes?: Attributes
  readonly inputs: readonly (Tensor | undefined)[]
  readonly outputs: readonly TensorType[]
  /** Inputs that the lowering may read as constants; none if absent. */
  readonly constants?: readonly number[]
  /** For each output, the input whose memory it shares. */
  readonly inPlace?: readonly (number | undefined)[]
  readonly build?: Build
}

interface Machine {
  readonly memory: WebAssembly.Memory
  run(tape: number, steps: number, shared: boolean): void
}

const bytesOf = (build: Build, part: Part = 'core') =>
  readFileSync(join('build/wasm', `lanewise-${build}${part === 'core' ? '' : `-${part}`}.wasm`))

// Node 20 knows relaxed SIMD only behind a flag.
if (!WebAssembly.validate(bytesOf('single-relaxed'))) setFlagsFromString('--experimental-wasm-relaxed-simd')

const modules = new Map<Build, readonly WebAssembly.Module[]>()

/** A fresh instance of `build` on a memory of `bytes` bytes. */
export function instantiate(build: Build, bytes: number): Machine {
  const [core, ...others] = modules.get(build) ?? parts.map((part) => new WebAssembly.Module(bytesOf(build, part)))
  modules.set(build, [core, ...others])
  const shared = (sharedBuilds as readonly Build[]).includes(build)
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes / 65536), maximum: shared ? 4096 : 65536, shared })
  const wait = () => {
    throw new Error('a single thread has nobody to wait for')
  }
  const env: WebAssembly.ModuleImports = { memory, sleep: wait, wake: wait, extend: wait }
  const { exports } = instantiateSync<Pick<Machine, 'run'> & { table: WebAssembly.Table }>(core, { env })
  exports.table.grow(others.length)
  others.forEach((part, index) => {
    exports.table.set(index + 1, new WebAssembly.Instance(part, { env, core: exports as never }).exports['dispatch'])
  })
  return { memory, run: exports.run }
}

/**
 * Lowers one node, places its operands in a fresh wasm memory between margins of poison, runs the calls and returns
 * the outputs. Throws if the lowering refuses the node, or if anything but the outputs and the workspace was written.
 */
export function runLowering(lowering: Lowering, op: string, spec: Case): Tensor[] {
  const value = (name: string, type: TensorType): Value => ({ name, dtype: type.dtype, shape: type.shape })
  const inputs = spec.inputs.map(
    (tensor, i) => tensor && value(`input${i}`, { dtype: tensor.type, shape: tensor.dims }),
  )
  const outputs = spec.outputs.map((type, i) => value(`output${i}`, type))
  const node: Node = { op, name: op, inputs, outputs, attributes: spec.attributes ?? {} }
  const constants = new Map((spec.constants ?? []).map((i) => [inputs[i]!, spec.inputs[i]!]))
  const constant = (operand: Value) => constants.get(operand)
  if (lowering.accelerates && !lowering.accelerates(node, constant)) throw new Error(`${op} is not accelerated`)

  let end = FIRST_FREE
  const place = (bytes: number): number => {
    const address = Math.ceil((end + MARGIN) / 64) * 64
    end = address + bytes + MARGIN
    return address
  }
  const sizeInBytes = (dtype: DType, shape: readonly number[]) =>
    sizeOf(shape) * arrayOf(dtype as NumericDType).BYTES_PER_ELEMENT
  const addresses = new Map<Value, number>()
  for (const operand of inputs)
    if (operand) addresses.set(operand, place(sizeInBytes(operand.dtype, concrete(operand.shape))))
  outputs.forEach((output, i) => {
    const shared = spec.inPlace?.[i]
    addresses.set(
      output,
      shared === undefined ? place(sizeInBytes(output.dtype, concrete(output.shape))) : addresses.get(inputs[shared]!)!,
    )
  })
  const workspaceBytes = lowering.workspace?.(node, constant) ?? 0
  const workspace = workspaceBytes > 0 ? place(workspaceBytes) : 0
  const preparations: KernelCall[] = []
  const preparedBlocks: { address: number; bytes: number }[] = []
  const prepared = (tensor: Tensor, size: number, prepare: Preparation): number => {
    const address = place(size)
    preparedBlocks.push({ address, bytes: size })
    preparations.push(...prepare(addresses.get(inputs[spec.inputs.indexOf(tensor)]!)!, address))
    return address
  }
  let scratchBlock: number | undefined
  const lowered = lowering.lower(node, {
    address: (operand) => addresses.get(operand)!,
    workspace,
    constant,
    prepared,
    scratch: () => {
      scratchBlock ??= place(SCRATCH_BYTES)
      return scratchBlock
    },
  })
  const calls = [...preparations, ...lowered]

  const blocks = calls.map((call) => place(call.words.byteLength))
  const machine = instantiate(spec.build ?? 'single-simd', end + MARGIN)
  const bytes = new Uint8Array(machine.memory.buffer)
  bytes.fill(POISON, FIRST_FREE)
  const view = (operand: Value): TypedArray => {
    const array = arrayOf(operand.dtype as NumericDType)
    return new array(machine.memory.buffer, addresses.get(operand)!, sizeOf(concrete(operand.shape)))
  }
  inputs.forEach((operand, i) => {
    if (operand) view(operand).set(spec.inputs[i]!.data as never)
  })
  calls.forEach((call, i) => {
    new Int32Array(machine.memory.buffer, blocks[i], call.words.length).set(call.words)
  })

  const before = bytes.slice()
  calls.forEach((call, i) => {
    new Int32Array(machine.memory.buffer, TAPE, 3).set([call.kernel, blocks[i], call.tiles])
    machine.run(TAPE, 1, false)
  })
  const results = outputs.map(
    (output) => new Tensor(output.dtype, view(output).slice() as TypedArray, concrete(output.shape)),
  )
  const restore = (address: number, size: number) => bytes.set(before.subarray(address, address + size), address)
  for (const output of outputs) restore(addresses.get(output)!, sizeInBytes(output.dtype, concrete(output.shape)))
  restore(workspace, workspaceBytes)
  for (const block of preparedBlocks) restore(block.address, block.bytes)
  if (scratchBlock !== undefined) restore(scratchBlock, SCRATCH_BYTES)
  const written = Buffer.compare(before.subarray(FIRST_FREE), bytes.subarray(FIRST_FREE))
  if (written !== 0) {
    const at = before.findIndex((byte, i) => i >= FIRST_FREE && byte !== bytes[i])
    const places = [...addresses].map(([operand, address]) => `${operand.name} at ${address}`).join(', ')
    throw new Error(`${op} wrote outside its outputs, at ${at} (${places})`)
  }
  return results
}
