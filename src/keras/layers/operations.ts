import type { NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { normalizeAxis } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { squeeze, stack, unsqueeze } from '../../ops/compose.js'
import { einsum } from '../../ops/einsum.js'
import type { Emitter } from '../../ops/emitter.js'
import { declareOperators } from '../../ops/index.js'
import { activations } from '../activations.js'
import { camelKeys, invalid, isKerasObject, type KerasConfig, type KerasObject, operationModule } from '../config.js'
import type { CallContext } from './context.js'
import { type CallArgument, type CallArguments, Layer } from './layer.js'
import {
  alike,
  axesOf,
  binary,
  bool,
  isValue,
  listed,
  named,
  type Operand,
  type Operation,
  type Options,
  reduction,
  tensor,
  unary,
} from './operation.js'
import { rareOperations, UnknownLayer } from './registry.js'

const variance = (emit: Emitter, x: Value, axes: readonly number[] | undefined, keep: boolean) =>
  emit.mean(emit.square(emit.sub(x, emit.mean(x, axes, true))), axes, keep)
/** Whether any (or all) of what is not 0. */
const quantified = (op: 'max' | 'min') =>
  reduction((emit, x, axes, keep) => {
    const truth = x.dtype === 'bool' ? x : emit.not(emit.equal(x, 0))
    return emit.greater(emit[op](emit.cast(truth, 'float32'), axes, keep), 0)
  })
const extreme = (op: 'ArgMax' | 'ArgMin') =>
  unary((x, emit, { axis, keepdims }) => {
    const flat = axis === null || axis === undefined ? emit.reshape(x, [-1]) : x
    return emit.cast(emit.op(op, [flat], { axis: Number(axis ?? 0), keepdims: keepdims === true ? 1 : 0 }), 'int32')
  })

const logical = (op: 'and' | 'or'): Operation => ({
  takes: ['x1', 'x2'],
  write: (emit, [a, b]) => emit[op](bool(emit, a), bool(emit, b)),
})

const rankOf = (x: Value) => x.shape.length
const swapped = (x: Value, emit: Emitter, a: number, b: number) => {
  const order = x.shape.map((_, i) => i)
  ;[order[a], order[b]] = [order[b], order[a]]
  return emit.transpose(x, order)
}

/** x[key]: integers, slices, an ellipsis and new axes, as Python has them. */
function getItem(emit: Emitter, x: Value, key: CallArgument): Value {
  const tuple = isKerasObject(key) && key.class_name === '__tuple__' ? (key.config.value as CallArgument[]) : key
  const items = (Array.isArray(tuple) ? tuple : [tuple]) as readonly CallArgument[]
  const isEllipsis = (item: CallArgument) => isKerasObject(item) && item.class_name === '__ellipsis__'
  const used = items.filter((item) => item !== null && !isEllipsis(item)).length
  let y = x
  let axis = 0
  for (const item of items) {
    if (isEllipsis(item)) axis += rankOf(x) - used
    else if (item === null || item === undefined) y = unsqueeze(emit, y, axis++)
    else if (typeof item === 'number') {
      const end = item === -1 ? Number.MAX_SAFE_INTEGER : item + 1
      y = squeeze(emit, emit.op('Slice', [y, ...[[item], [end], [axis]].map((list) => emit.ints(list))]), axis)
    } else if (isKerasObject(item) && item.class_name === '__slice__') {
      const { start, stop, step } = item.config as Record<string, number | null>
      const by = step ?? 1
      const from = start ?? (by > 0 ? 0 : Number.MAX_SAFE_INTEGER)
      const to = stop ?? (by > 0 ? Number.MAX_SAFE_INTEGER : -Number.MAX_SAFE_INTEGER)
      if (start !== null || stop !== null || by !== 1)
        y = emit.op('Slice', [y, ...[[from], [to], [axis], [by]].map((list) => emit.ints(list))])
      axis++
    } else throw invalid(`an index of a tensor is an integer, a slice, an ellipsis or a new axis; got ${item}`)
  }
  return y
}

/** Activations under the names of Keras's operations. */
const activationOperations = Object.fromEntries(
  Object.entries(activations).map(([name, write]): [string, Operation] => [
    name[0].toUpperCase() + name.slice(1),
    { ...unary(write as (x: Value, emit: Emitter, options: Options) => Value), module: 'nn' },
  ]),
)

/** Keras's operations by the names of their classes. */
const operations: Readonly<Record<string, Operation>> = {
  ...activationOperations,
  Add: binary((emit, a, b) => emit.add(a, b)),
  Subtract: binary((emit, a, b) => emit.sub(a, b)),
  Multiply: binary((emit, a, b) => emit.mul(a, b)),
  Divide: binary((emit, a, b) => emit.div(a, b)),
  TrueDivide: binary((emit, a, b) => emit.div(a, b)),
  Power: binary((emit, a, b) => (b === 2 && isValue(a) ? emit.square(a) : emit.pow(a, b))),
  Maximum: binary((emit, a, b) => emit.maximum(a, b)),
  Minimum: binary((emit, a, b) => emit.minimum(a, b)),
  Equal: binary((emit, a, b) => emit.equal(a, b)),
  NotEqual: binary((emit, a, b) => emit.not(emit.equal(a, b))),
  Greater: binary((emit, a, b) => emit.greater(a, b)),
  GreaterEqual: binary((emit, a, b) => emit.greaterOrEqual(a, b)),
  Less: binary((emit, a, b) => emit.less(a, b)),
  LessEqual: binary((emit, a, b) => emit.lessOrEqual(a, b)),
  Matmul: binary((emit, a, b) => emit.matMul(a as Value, b as Value)),
  LogicalAnd: logical('and'),
  LogicalOr: logical('or'),
  LogicalNot: unary((x, emit) => emit.not(bool(emit, x))),
  Where: {
    takes: ['condition', 'x1', 'x2'],
    write: (emit, [condition, a, b]) => emit.where(bool(emit, condition), ...alike(emit, a, b)),
  },
  Absolute: named('Abs'),
  Abs: named('Abs'),
  Negative: named('Neg'),
  Sign: named('Sign'),
  Exp: named('Exp'),
  Log: named('Log'),
  Sqrt: named('Sqrt'),
  Reciprocal: named('Reciprocal'),
  Sin: named('Sin'),
  Cos: named('Cos'),
  Erf: { ...named('Erf'), module: 'math' },
  Floor: named('Floor'),
  Ceil: named('Ceil'),
  Square: unary((x, emit) => emit.square(x)),
  Rsqrt: { ...unary((x, emit) => emit.op('Reciprocal', [emit.sqrt(x)])), module: 'math' },
  Identity: unary((x) => x),
  Copy: unary((x) => x),
  Cast: { ...unary((x, emit, { dtype }) => emit.cast(x, dtype as NumericDType)), module: 'core' },
  Clip: unary((x, emit, { xMin, xMax }) => emit.clip(x, Number(xMin), Number(xMax))),
  Sum: reduction((emit, x, axes, keep) => emit.sum(x, axes, keep)),
  Mean: reduction((emit, x, axes, keep) => emit.mean(x, axes, keep)),
  Max: reduction((emit, x, axes, keep) => emit.max(x, axes, keep)),
  Min: reduction((emit, x, axes, keep) => emit.min(x, axes, keep)),
  Amax: reduction((emit, x, axes, keep) => emit.max(x, axes, keep)),
  Amin: reduction((emit, x, axes, keep) => emit.min(x, axes, keep)),
  Prod: reduction((emit, x, axes, keep) => emit.reduce('ReduceProd', x, axes, keep)),
  Logsumexp: {
    ...reduction((emit, x, axes, keep) => emit.reduce('ReduceLogSumExp', x, axes, keep)),
    module: 'math',
  },
  Var: reduction(variance),
  Std: reduction((emit, x, axes, keep) => emit.sqrt(variance(emit, x, axes, keep))),
  Any: quantified('max'),
  All: quantified('min'),
  Argmax: extreme('ArgMax'),
  Argmin: extreme('ArgMin'),
  Reshape: unary((x, emit, { newshape }) =>
    emit.reshape(
      x,
      (newshape as (number | null)[]).map((size) => size ?? -1),
    ),
  ),
  Transpose: unary((x, emit, { axes }) => {
    const order = (axes as readonly number[] | null) ?? x.shape.map((_, i) => rankOf(x) - 1 - i)
    return emit.transpose(
      x,
      order.map((axis) => normalizeAxis(axis, rankOf(x))),
    )
  }),
  Swapaxes: unary((x, emit, { axis1, axis2 }) =>
    swapped(x, emit, normalizeAxis(Number(axis1), rankOf(x)), normalizeAxis(Number(axis2), rankOf(x))),
  ),
  ExpandDims: unary((x, emit, { axis }) =>
    unsqueeze(emit, x, ...(Array.isArray(axis) ? (axis as number[]) : [Number(axis)])),
  ),
  Squeeze: unary((x, emit, options) => {
    const ones = x.shape.flatMap((size, axis) => (size === 1 ? [axis] : []))
    return squeeze(emit, x, ...(axesOf(options) ?? ones))
  }),
  Concatenate: listed('xs', (emit, parts, axis) => emit.concat(parts, axis)),
  Stack: listed('x', (emit, parts, axis) => stack(emit, parts, axis < 0 ? axis + rankOf(parts[0]) + 1 : axis)),
  Einsum: {
    takes: ['x1', 'x2', 'x3', 'x4'],
    needs: einsum,
    write: (emit, operands, { subscripts }) =>
      emit.op(
        'Einsum',
        operands.map((operand) => tensor(emit, operand)),
        { equation: String(subscripts).replaceAll(' ', '') },
      ),
  },
  GetItem: { takes: ['x', 'key'], write: (emit, [x], _, [, key]) => getItem(emit, tensor(emit, x), key) },
}

/** One of Keras's operations on tensors, between the layers of a functional model. */
export class OperationLayer extends Layer {
  readonly #object: KerasObject
  readonly #operation: Operation

  /** Throws INVALID_ARGUMENT for operations that are not known. */
  constructor(object: KerasObject) {
    const { class_name: className, config } = object
    super({ name: config.name as string | undefined }, className)
    const operation = Object.hasOwn(operations, className) ? operations[className] : rareOperations.get(className)
    if (!operation)
      throw new UnknownLayer(
        `operation '${className}' (${object.module}) is not supported; supported: ${Object.keys(operations).join(', ')}; rarer ones once loadLayers() has come`,
      )
    this.#object = object
    this.#operation = operation
    declareOperators(this.#operation.needs ?? {})
  }

  override get isOperation(): boolean {
    return true
  }

  override get signature(): readonly string[] {
    return this.#operation.takes
  }

  call(inputs: readonly CallArgument[], { emit }: CallContext, args: CallArguments): Value | readonly Value[] {
    const others = this.signature.slice(1)
    const given = others.slice(0, others.findLastIndex((name) => name in args) + 1)
    const raw = [...inputs, ...given.map((name) => args[name])]
    const { name: _, ...options } = this.#object.config
    const operands = raw.map((argument) => operandOf(argument, emit))
    return this.#operation.write(emit, operands, camelKeys(options), raw)
  }

  override getConfig(): KerasConfig {
    return { ...this.#object.config, name: this.name }
  }

  protected override form(): KerasObject {
    const { module, class_name, registered_name } = this.#object
    const known = module === operationModule ? `${module}.${this.#operation.module ?? 'numpy'}` : module
    return { module: known, class_name, config: this.getConfig(), registered_name }
  }
}

/** An argument as an operand: Keras writes arrays as objects, or as lists. */
function operandOf(argument: CallArgument, emit: Emitter): Operand {
  if (isKerasObject(argument) && /^__(numpy|tensor)__$/.test(argument.class_name)) {
    const { value, dtype } = argument.config as { value: unknown; dtype: string }
    const dims: number[] = []
    for (let level = value; Array.isArray(level); level = level[0]) dims.push(level.length)
    const items = (Array.isArray(value) ? value.flat(Number.POSITIVE_INFINITY) : [value]) as number[]
    return emit.constant(new Tensor(/int/.test(dtype) ? 'int32' : 'float32', items.map(Number), dims))
  }
  if (Array.isArray(argument) && argument.length > 0 && argument.every((item) => typeof item === 'number'))
    return emit.constant(
      new Tensor(argument.every(Number.isInteger) ? 'int32' : 'float32', argument, [argument.length]),
    )
  return typeof argument === 'boolean' ? Number(argument) : (argument as Operand)
}
