import { LanewiseError } from '../core/errors.js'
import type { Graph, TensorType } from '../core/ir.js'
import { isUnranked, normalizeAxis, type Shape, unranked } from '../core/shape.js'
import { type InferenceContext, intAttribute, intsAttribute, type OpDefinition } from './definition.js'
import { commonType, freshShape, required } from './infer.js'

/** How many of a node's last operands feed what its subgraphs capture. */
const captures = { type: 'int', default: 0, internal: true } as const

/** The operands of a Loop or a Scan, by what they are: indices into `Node.inputs`. */
export interface Operands {
  /** The first operand that is carried from one iteration to the next, and how many are. */
  readonly states: readonly [first: number, count: number]
  /** The first operand that a Scan takes slices of, and how many there are. */
  readonly scans: readonly [first: number, count: number]
  /** The first captured operand. */
  readonly captured: number
}

/** Sorts the operands of a Loop. Throws INVALID_MODEL when they do not fit its body. */
export function loopOperands(inputs: readonly unknown[], body: Graph, captured: number): Operands {
  const count = body.inputs.length - 2 - captured
  if (
    count < 0 ||
    body.outputs.length < 1 + count ||
    (inputs.length !== 2 + count + captured && body.inputs.length > 2)
  )
    throw new LanewiseError(
      'INVALID_MODEL',
      `${inputs.length - captured} operands do not fit a body of ${body.inputs.length - captured} inputs and ${body.outputs.length} outputs`,
    )
  return { states: [2, count], scans: [2 + count, 0], captured: 2 + count }
}

/** Sorts the operands of a Scan. Throws INVALID_MODEL when they do not fit its body. */
export function scanOperands(inputs: readonly unknown[], body: Graph, captured: number, scans: number): Operands {
  const count = inputs.length - scans - captured
  if (count < 0 || scans < 1 || inputs.length !== body.inputs.length || body.outputs.length < count)
    throw new LanewiseError(
      'INVALID_MODEL',
      `${inputs.length - captured} operands, ${scans} of them scanned, do not fit a body of ${body.inputs.length - captured} inputs and ${body.outputs.length} outputs`,
    )
  return { states: [0, count], scans: [count, scans], captured: count + scans }
}

/** The shape of the number or condition that a body's input takes: a scalar, or one element where it says so. */
export const scalarShape = ({ shape }: TensorType): readonly number[] =>
  shape.length === 1 && !isUnranked(shape) ? [1] : []

/** The type of a body's output as the outer graph may see it: symbols of the body mean nothing there. */
const seenOutside = (context: InferenceContext, type: TensorType, output: number): TensorType =>
  commonType(context, [type], output)

/** `shape` with the axis `axis` (counted in the result) added, of the length `dim`. */
const withAxis = (shape: Shape, axis: number, dim: Shape[number]): Shape =>
  isUnranked(shape) ? unranked : shape.toSpliced(normalizeAxis(axis, shape.length + 1), 0, dim)

/** Entry `index` of a list attribute with one entry an operand; 0 where it is left out. */
export const entryOf = (attributes: InferenceContext['attributes'], name: string, index: number): number =>
  intsAttribute(attributes, name)?.[index] ?? 0

/**
 * Ops that hold subgraphs. Where condition and trip count are known they are expanded (`src/graph/expand.ts`), otherwise
 * a program runs them (`src/program/`). Subgraphs take what they capture as their last inputs.
 */
export const control = {
  /** condition, captures… -> the outputs of the branch that is taken. */
  If: {
    since: 1,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, Number.POSITIVE_INFINITY],
    attributes: {
      then_branch: { type: 'graph', required: true },
      else_branch: { type: 'graph', required: true },
      captures,
    },
    traits: { anyType: true, program: true },
    infer: (context) => {
      const thenBranch = context.attributes['then_branch'] as Graph
      const elseBranch = context.attributes['else_branch'] as Graph
      if (thenBranch.outputs.length !== elseBranch.outputs.length)
        throw new LanewiseError(
          'INVALID_MODEL',
          `its branches have ${thenBranch.outputs.length} and ${elseBranch.outputs.length} outputs`,
        )
      return thenBranch.outputs.map((type, output) => commonType(context, [type, elseBranch.outputs[output]], output))
    },
    gradientUnknown: true,
  },

  /**
   * trip count?, condition?, states…, captures… -> final states…, scan outputs stacked along a new axis 0…
   * The body takes the iteration number, the condition, states and captures; it gives the condition, states and scan outputs.
   */
  Loop: {
    since: 1,
    inputs: [0, Number.POSITIVE_INFINITY],
    outputs: [0, Number.POSITIVE_INFINITY],
    attributes: { body: { type: 'graph', required: true }, captures },
    traits: { anyType: true, program: true },
    infer: (context) => {
      const body = context.attributes['body'] as Graph
      const { states } = loopOperands(context.inputs, body, intAttribute(context.attributes, 'captures'))
      const [, ...results] = body.outputs
      return results.map((type, output) =>
        output < states[1]
          ? commonType(context, [required(context, states[0] + output), type], output)
          : {
              dtype: type.dtype,
              shape: withAxis(seenOutside(context, type, output).shape, 0, freshShape(context, 1, output)[0]),
            },
      )
    },
    gradientUnknown: true,
  },

  /** states…, scanned tensors…, captures… -> final states…, scan outputs… */
  Scan: {
    since: 9,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, Number.POSITIVE_INFINITY],
    attributes: {
      body: { type: 'graph', required: true },
      num_scan_inputs: { type: 'int', required: true },
      scan_input_axes: { type: 'ints' },
      scan_input_directions: { type: 'ints' },
      scan_output_axes: { type: 'ints' },
      scan_output_directions: { type: 'ints' },
      captures,
    },
    traits: { anyType: true, program: true },
    infer: (context) => {
      const { attributes } = context
      const body = attributes['body'] as Graph
      const scanned = intAttribute(attributes, 'num_scan_inputs')
      const { states, scans } = scanOperands(context.inputs, body, intAttribute(attributes, 'captures'), scanned)
      const { shape } = required(context, scans[0])
      const length = isUnranked(shape)
        ? freshShape(context, 1)[0]
        : shape[normalizeAxis(entryOf(attributes, 'scan_input_axes', 0), shape.length)]
      return body.outputs.map((type, output) => {
        if (output < states[1]) return commonType(context, [required(context, states[0] + output), type], output)
        const axis = entryOf(attributes, 'scan_output_axes', output - states[1])
        return { dtype: type.dtype, shape: withAxis(seenOutside(context, type, output).shape, axis, length) }
      })
    },
    gradientUnknown: true,
  },

  /** sequence, sequences or tensors…, captures… -> a sequence for each output of the body. */
  SequenceMap: {
    since: 17,
    inputs: [1, Number.POSITIVE_INFINITY],
    outputs: [1, Number.POSITIVE_INFINITY],
    attributes: { body: { type: 'graph', required: true }, captures },
    traits: { anyType: true, program: true },
    infer: (context) => {
      if (context.inputs.map((_, index) => required(context, index))[0].container !== 'sequence')
        throw new LanewiseError('TYPE_MISMATCH', 'input 0 must be a sequence')
      return (context.attributes['body'] as Graph).outputs.map((type, output) => ({
        ...seenOutside(context, type, output),
        container: 'sequence',
      }))
    },
    gradientUnknown: true,
  },
} as const satisfies Record<string, OpDefinition>
