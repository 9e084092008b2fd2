import * as assert from 'uvu/assert'
import { completeKernels } from '../../src/backend/reference/complete.js'
import { evaluate } from '../../src/backend/reference/evaluate.js'
import { arrayOf, type NumericDType } from '../../src/core/dtype.js'
import type { Node, Value } from '../../src/core/ir.js'
import { concrete, sizeOf } from '../../src/core/shape.js'
import { Tensor } from '../../src/core/tensor.js'
import { traitsOf } from '../../src/ops/index.js'
import type { Plan, Region } from '../../src/plan/plan.js'
import { bytesOf } from '../../src/plan/planner.js'

completeKernels()

/** Runs plans in byte memory with reference kernels, and refuses operands in places that kernels could not cope with. */
export class Machine {
  readonly #plan: Plan
  readonly #arena: Uint8Array
  /** The memory of each constant and variable. */
  readonly #owned = new Map<Value, Uint8Array>()

  constructor(plan: Plan) {
    this.#plan = plan
    this.#arena = new Uint8Array(plan.arenaBytes).fill(0xff)
    for (const [value, tensor] of plan.graph.constants) this.#owned.set(value, bytes(tensor))
    for (const value of plan.graph.variables.keys()) this.#owned.set(value, new Uint8Array(bytesOf(value)))
  }

  write(value: Value, tensor: Tensor): void {
    this.#memory(value).set(bytes(tensor))
  }

  read(value: Value): Tensor {
    const copy = this.#memory(value).slice()
    const dims = concrete(value.shape)
    const array = arrayOf(value.dtype as NumericDType)
    return new Tensor(value.dtype, new array(copy.buffer, 0, sizeOf(dims)), dims)
  }

  run(): void {
    for (const step of this.#plan.steps) {
      if (step.kind === 'copy') this.#memory(step.to).set(this.#memory(step.from).slice())
      else {
        this.#checkPlaces(step.node, step.workspace)
        const inputs = step.node.inputs.map((input) => input && this.read(input))
        if (step.workspace) this.#region(step.workspace).fill(0xfe)
        const results = evaluate(step.node, inputs)
        for (const output of step.node.outputs) this.#memory(output).fill(0xfd)
        step.node.outputs.forEach((output, index) => {
          this.write(output, results[index])
        })
      }
    }
  }

  /** Operands overlap results only where a trait of the op allows it; the workspace overlaps nothing. */
  #checkPlaces(node: Node, workspace: Region | undefined): void {
    const { inPlace, updates, elementwise } = traitsOf(node.op)
    const inputs = node.inputs.filter((input) => input !== undefined)
    node.outputs.forEach((output, index) => {
      const place = this.#memory(output)
      const allowed = [inPlace?.[index], updates?.[index]].map((at) => (at === undefined ? undefined : node.inputs[at]))
      for (const input of inputs)
        if (overlap(place, this.#memory(input))) {
          assert.ok(allowed.includes(input), `${node.name} writes over its operand ${input.name}`)
          assert.is(place.byteOffset, this.#memory(input).byteOffset)
          assert.ok(
            elementwise || inputs.filter((other) => overlap(place, this.#memory(other))).length === 1,
            node.name,
          )
        }
      for (const other of node.outputs.slice(0, index))
        assert.not(overlap(place, this.#memory(other)), `two results of ${node.name} share memory`)
    })
    if (workspace)
      for (const value of [...inputs, ...node.outputs])
        assert.not(overlap(this.#region(workspace), this.#memory(value)), `the workspace of ${node.name}`)
  }

  #memory(value: Value): Uint8Array {
    const place = this.#plan.placements.get(value)
    assert.ok(place, `${value.name} has no place`)
    if (place.kind === 'arena') {
      assert.is(place.bytes, bytesOf(value))
      return this.#region(place)
    }
    const memory = this.#owned.get(place.of)!
    assert.is(memory.length, bytesOf(value))
    return memory
  }

  #region({ offset, bytes: length }: Region): Uint8Array {
    assert.is(offset % 64, 0)
    assert.ok(offset >= 0 && offset + length + 60 <= this.#arena.length, 'a place outside the arena')
    return this.#arena.subarray(offset, offset + length)
  }
}

const bytes = ({ data }: Tensor): Uint8Array => {
  assert.ok(ArrayBuffer.isView(data))
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
}

const overlap = (a: Uint8Array, b: Uint8Array): boolean =>
  a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length
