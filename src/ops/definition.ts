import type { Attributes, AttributeValue, Node, TensorType, Value } from '../core/ir.js'
import type { Tensor } from '../core/tensor.js'
import type { Emitter } from './emitter.js'

/** What an attribute holds, as in ONNX's schemas; `default` is filled in when a node leaves it out. */
export interface AttributeSchema {
  readonly type: 'int' | 'float' | 'string' | 'ints' | 'floats' | 'strings' | 'tensor' | 'type' | 'graph'
  readonly default?: AttributeValue
  readonly required?: boolean
  /** The opset that added it, where that is later than the op's own. */
  readonly since?: number
  /** Exists in lanewise only; never written to a file. */
  readonly internal?: boolean
}

/** What shape inference may look at. */
export interface InferenceContext {
  readonly node: Node
  /** Types of the inputs; undefined where an optional input is absent. */
  readonly inputs: readonly (TensorType | undefined)[]
  /** With the schema's defaults filled in. */
  readonly attributes: Attributes
  /** The content of input `index` if it is known while compiling. */
  constant(index: number): Tensor | undefined
}

/** An axis order of a twin's operand, by what the operand is: `data` NC… <-> N…C, `weight` OI… <-> …IO. */
export type OperandLayout = 'data' | 'weight' | undefined

/**
 * How an op moves elements: each element of operand `from` goes to one place along `axes`, where operand `at` holds the
 * number that operand `by` (shaped like `from`) holds where it comes from; what meets is added, the rest is 0.
 */
export interface Routing {
  readonly from: number
  readonly at: number
  readonly by: number
  /** For operands of `rank` axes. */
  axes(rank: number): readonly number[]
  /** Whether every element of `from` arrives. */
  isComplete(attributes: Attributes): boolean
}

/** What passes and planners may ask of an op, instead of its name. */
export interface Traits {
  /** Output element i depends on element i of each (broadcast) input only; outputs have the broadcast shape. */
  readonly elementwise?: boolean
  /**
   * A unary elementwise op that kernels apply in their epilogue, under this name of the wasm and WGSL tables. Its two
   * parameters are attributes (alpha; beta or gamma), or scalar inputs 1 and 2, which must be constant then.
   */
  readonly activation?: string
  /** The attributes with which the op is that activation, where others make it another function. */
  readonly activationAttributes?: Attributes
  /** Takes `activation`, `alpha` and `beta` attributes: a following activation may be fused into it. */
  readonly epilogue?: boolean
  /** Index of the optional bias input (length: the last axis of the output) that a following Add may be fused into. */
  readonly bias?: number
  /** Index of the weight whose last axis (the one before it where transB is 1) counts the columns of the output. */
  readonly columnWeight?: number
  /** The output holds input 0's elements in the same order: no kernel runs, storage is shared. */
  readonly view?: boolean
  /** For each output, the input whose storage it may take over when that input dies here. */
  readonly inPlace?: readonly (number | undefined)[]
  /** For each output that replaces a variable's content: the input that holds the variable. Kernels update it in place. */
  readonly updates?: readonly (number | undefined)[]
  /** The channels-last twin, and how the operands' axes move. */
  readonly channelsLast?: {
    readonly op: string
    readonly inputs: readonly OperandLayout[]
    readonly outputs: readonly OperandLayout[]
  }
  /** Inputs that hold weights when they are constant: training an imported model makes variables of them. */
  readonly weights?: readonly number[]
  readonly commutative?: boolean
  /** Elementwise, and the output is operand 0 times a function of the others; 0 where operand 0 is 0. */
  readonly scales?: boolean
  readonly routes?: Routing
  /** Reduces along axes. */
  readonly reduction?: boolean
  /** The output depends on the inputs' shapes only: it is known as soon as they are concrete. */
  readonly shapeOnly?: boolean
  /** Runs above the backends: holds subgraphs, or works on sequences and optionals. */
  readonly program?: boolean
  /** Inference takes values of unknown rank, sequences and optionals as they are. */
  readonly anyType?: boolean
  /** Writes real numbers for codes: constants stay codes, which are smaller, until the graph is made to run. */
  readonly decodes?: boolean
  /** Never folded, merged or moved past a change of its inputs, though its inputs may be equal. */
  readonly random?: boolean
}

/**
 * One operator: schema, inference, traits. Kernels live with the backends, gradients in src/autodiff/rules.
 * `infer` throws LanewiseError with the cause only; the caller adds the node's name.
 */
export interface OpDefinition {
  /** The first opset that has this form, inputs and attributes alike, whatever types were added since; 1 for the lanewise domain. */
  readonly since: number
  readonly inputs: readonly [min: number, max: number]
  readonly outputs: readonly [min: number, max: number]
  readonly attributes?: Readonly<Record<string, AttributeSchema>>
  readonly traits?: Traits
  infer(context: InferenceContext): readonly TensorType[]
  /** Has a gradient that no rule gives: to differentiate through it is an error. */
  readonly gradientUnknown?: true
  /**
   * The same function written in other ops, one value for each of the node's outputs (more are ignored), for export and
   * for backends without a kernel. The node's attributes have their defaults filled in. A rule may need concrete
   * shapes, and throws SHAPE_MISMATCH without them; `emit.constantOf` tells it the operands known while compiling.
   */
  readonly decompose?: (emit: Emitter, node: Node) => readonly Value[]
}

type Decompose = NonNullable<OpDefinition['decompose']>

/** The definitions of `table` with their decompositions, which lie apart where graphs are written long before they run. */
export const withBodies = <
  Table extends Readonly<Record<string, OpDefinition>>,
  Bodies extends { readonly [Op in keyof Table]?: Decompose },
>(
  table: Table,
  bodies: Bodies,
) =>
  Object.fromEntries(
    Object.entries(table).map(([op, definition]) => [op, { ...definition, decompose: bodies[op] }]),
  ) as unknown as {
    readonly [Op in keyof Table]: Op extends keyof Bodies ? Table[Op] & { readonly decompose: Decompose } : Table[Op]
  }

export const intAttribute = (attributes: Attributes, name: string): number => attributes[name] as number
export const floatAttribute = intAttribute
export const stringAttribute = (attributes: Attributes, name: string): string => attributes[name] as string
export const intsAttribute = (attributes: Attributes, name: string): readonly number[] | undefined =>
  attributes[name] as readonly number[] | undefined

/** The node's attributes with the schema's defaults filled in; themselves where they have them all. */
export function withDefaults(definition: OpDefinition, attributes: Attributes): Attributes {
  let filled: Record<string, AttributeValue | undefined> | undefined
  for (const name in definition.attributes) {
    if (attributes[name] !== undefined) continue
    const value = definition.attributes[name].default
    if (value === undefined && name in attributes) continue
    filled ??= { ...attributes }
    filled[name] = value
  }
  return filled ?? attributes
}
