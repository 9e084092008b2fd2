import { LanewiseError } from '../core/errors.js'
import type { Attributes, Value } from '../core/ir.js'
import type { GraphBuilder } from '../graph/builder.js'

/** The opsets that importModel reads; the op set has the semantics of the newest. */
export const oldestOpset = 13
const newestOpset = 28

/** A node on its way in: what an adapter may change. */
export interface Draft {
  readonly op: string
  readonly inputs: readonly (Value | undefined)[]
  readonly attributes: Attributes
  /** How many outputs the node names. */
  readonly outputs: number
}

type Adapter = (draft: Draft, builder: GraphBuilder) => Draft

/** An attribute that a later opset made an input: it becomes a 1-D int64 constant at `index`. */
const attributeToInput =
  (name: string, index: number): Adapter =>
  (draft, builder) => {
    const { [name]: value, ...attributes } = draft.attributes
    if (value === undefined) return draft
    const length = Math.max(draft.inputs.length, index + 1)
    const inputs: (Value | undefined)[] = Array.from({ length }, (_, i) => draft.inputs[i])
    inputs[index] = builder.ints(value as readonly number[])
    return { ...draft, inputs, attributes }
  }

const axesBecameAnInputIn18 = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
]

/** Before opset 18, a Split without sizes cuts into as many parts as it has outputs. */
const splitByOutputs: Adapter = (draft) =>
  draft.inputs[1] ? draft : { ...draft, attributes: { ...draft.attributes, num_outputs: draft.outputs } }

/** For each op: the adapter that lifts its form from before opset `before` to the newest. */
const adapters: Readonly<Record<string, readonly { before: number; adapt: Adapter }[]>> = {
  ...Object.fromEntries(axesBecameAnInputIn18.map((op) => [op, [{ before: 18, adapt: attributeToInput('axes', 1) }]])),
  Split: [{ before: 18, adapt: splitByOutputs }],
}

/** Lifts a node written for `opset` to the newest form. */
export function adaptNode(draft: Draft, opset: number, builder: GraphBuilder): Draft {
  let adapted = draft
  for (const { before, adapt } of adapters[draft.op] ?? []) if (opset < before) adapted = adapt(adapted, builder)
  return adapted
}

/** Throws INVALID_MODEL unless importModel reads this opset. */
export function checkOpset(opset: number): void {
  if (opset < oldestOpset || opset > newestOpset)
    throw new LanewiseError(
      'INVALID_MODEL',
      `the model is written for ai.onnx opset ${opset}; lanewise reads ${oldestOpset} to ${newestOpset}. Convert it with onnx.version_converter, or export it again`,
    )
}
