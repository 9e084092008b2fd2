import type { NumericDType } from '../core/dtype.js'
import type { Node, Value } from '../core/ir.js'
import { sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { inputShape } from './compose.js'
import type { Emitter } from './emitter.js'

/** A number for a name: nodes that differ in name draw different random numbers. */
const streamOf = (name: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
  return hash >>> 1
}

/** Where the random numbers of a Dropout come from: a step (int32 scalar), and what holds for all steps. */
export interface DropoutDraw {
  readonly step: Value
  readonly seed: number
  readonly stream: number
}

/**
 * A Dropout as other ops: elements whose random number is below the ratio become 0 where training_mode is true, the
 * others grow by 1 / (1 - ratio). Without `draw` the same elements drop out in every run.
 */
export function dropoutBody(emit: Emitter, node: Node, draw?: DropoutDraw): readonly Value[] {
  const [x, ratio, mode] = node.inputs as [Value, Value | undefined, Value | undefined]
  const shape = inputShape(node)
  const keepAll = emit.constant(new Tensor('bool', new Uint8Array(sizeOf(shape)).fill(1), shape))
  const known = mode && emit.constantOf(mode)?.toNumbers()[0]
  if (!mode || known === 0) return [emit.op('Identity', [x]), keepAll]
  const rate = ratio ? emit.cast(ratio, 'float32') : emit.scalar(0.5)
  const seed = node.attributes['seed'] as number | undefined
  const numbers = emit.op('lanewise.RandomUniform', [draw?.step ?? emit.scalar(0, 'int32')], {
    shape,
    seed: seed ?? draw?.seed ?? 0,
    stream: draw?.stream ?? (seed === undefined ? streamOf(node.name) : 0),
  })
  const drawn = emit.greaterOrEqual(numbers, rate)
  const mask = known === undefined ? emit.or(drawn, emit.not(mode)) : drawn
  const grown = emit.div(1, emit.sub(1, rate))
  const scale = emit.cast(known === undefined ? emit.where(mode, grown, 1) : grown, x.dtype as NumericDType)
  return [emit.where(mask, emit.mul(x, scale), 0), mask]
}
