import { type NumericDType, onnxTypeCode } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Attributes, Value } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'

type Operand = Value | number
type Axes = number | readonly number[]

const stopped = /* @__PURE__ */ new WeakSet<Value>()

/** Whether `stopGradient` gave the value. */
export const isStopped = (value: Value): boolean => stopped.has(value)

/**
 * Writes nodes: the vocabulary of gradient rules, layers, losses and custom functions over graph values.
 * A number given for an operand becomes a scalar constant of the other operand's dtype.
 */
export abstract class Emitter {
  /** Appends a node with `outputs` outputs (1 unless told). Throws LanewiseError when the operands do not fit the op. */
  abstract emit(
    op: string,
    inputs: readonly (Value | undefined)[],
    attributes?: Attributes,
    outputs?: number,
  ): readonly Value[]

  abstract constant(tensor: Tensor, name?: string): Value

  /** The content of `value` if it is a constant. */
  abstract constantOf(value: Value): Tensor | undefined

  /** Appends a node with one output. */
  op(op: string, inputs: readonly (Value | undefined)[], attributes?: Attributes): Value {
    return this.emit(op, inputs, attributes)[0]
  }

  scalar(value: number, dtype: NumericDType = 'float32'): Value {
    return this.constant(Tensor.scalar(value, dtype))
  }

  /** A 1-D int64 constant: axes, shapes, pads. Throws SHAPE_MISMATCH for what is no integer. */
  ints(values: readonly number[]): Value {
    if (!values.every(Number.isSafeInteger))
      throw new LanewiseError('SHAPE_MISMATCH', `[${values.join(', ')}] are no axes or sizes: the operands do not fit`)
    return this.constant(new Tensor('int64', values, [values.length]))
  }

  /** x, behind which no gradient goes. */
  stopGradient(x: Value): Value {
    const y = this.op('Identity', [x])
    stopped.add(y)
    return y
  }

  #binary(op: string, a: Operand, b: Operand): Value {
    const like = (typeof a === 'number' ? b : a) as Value
    const lift = (operand: Operand) =>
      typeof operand === 'number' ? this.scalar(operand, like.dtype as NumericDType) : operand
    return this.op(op, [lift(a), lift(b)])
  }

  add = (a: Operand, b: Operand): Value => this.#binary('Add', a, b)
  sub = (a: Operand, b: Operand): Value => this.#binary('Sub', a, b)
  mul = (a: Operand, b: Operand): Value => this.#binary('Mul', a, b)
  div = (a: Operand, b: Operand): Value => this.#binary('Div', a, b)
  pow = (a: Operand, b: Operand): Value => this.#binary('Pow', a, b)
  maximum = (a: Operand, b: Operand): Value => this.#binary('Max', a, b)
  minimum = (a: Operand, b: Operand): Value => this.#binary('Min', a, b)
  equal = (a: Operand, b: Operand): Value => this.#binary('Equal', a, b)
  greater = (a: Operand, b: Operand): Value => this.#binary('Greater', a, b)
  greaterOrEqual = (a: Operand, b: Operand): Value => this.#binary('GreaterOrEqual', a, b)
  less = (a: Operand, b: Operand): Value => this.#binary('Less', a, b)
  lessOrEqual = (a: Operand, b: Operand): Value => this.#binary('LessOrEqual', a, b)
  and = (a: Value, b: Value): Value => this.op('And', [a, b])
  or = (a: Value, b: Value): Value => this.op('Or', [a, b])
  not = (x: Value): Value => this.op('Not', [x])

  neg = (x: Value): Value => this.op('Neg', [x])
  abs = (x: Value): Value => this.op('Abs', [x])
  sign = (x: Value): Value => this.op('Sign', [x])
  exp = (x: Value): Value => this.op('Exp', [x])
  log = (x: Value): Value => this.op('Log', [x])
  sqrt = (x: Value): Value => this.op('Sqrt', [x])
  square = (x: Value): Value => this.op('Mul', [x, x])
  relu = (x: Value): Value => this.op('Relu', [x])
  sigmoid = (x: Value): Value => this.op('Sigmoid', [x])
  tanh = (x: Value): Value => this.op('Tanh', [x])
  softplus = (x: Value): Value => this.op('Softplus', [x])
  softmax = (x: Value, axis = -1): Value => this.op('Softmax', [x], { axis })
  logSoftmax = (x: Value, axis = -1): Value => this.op('LogSoftmax', [x], { axis })

  /** `a` where `condition` (bool), else `b`; numbers take the dtype of the other branch. */
  where(condition: Value, a: Operand, b: Operand): Value {
    const dtype = (typeof a !== 'number' ? a.dtype : typeof b !== 'number' ? b.dtype : 'float32') as NumericDType
    const lift = (operand: Operand) => (typeof operand === 'number' ? this.scalar(operand, dtype) : operand)
    return this.op('Where', [condition, lift(a), lift(b)])
  }

  /** Limits `x` to [low, high]. */
  clip(x: Value, low: number, high: number): Value {
    return this.op('Clip', [x, this.scalar(low, x.dtype as NumericDType), this.scalar(high, x.dtype as NumericDType)])
  }

  cast = (x: Value, to: NumericDType): Value => (x.dtype === to ? x : this.op('Cast', [x], { to: onnxTypeCode[to] }))

  matMul = (a: Value, b: Value): Value => this.op('MatMul', [a, b])
  transpose = (x: Value, perm: readonly number[]): Value => this.op('Transpose', [x], { perm })

  /** ONNX Reshape: 0 keeps a dimension, one -1 takes the rest. */
  reshape = (x: Value, shape: readonly number[]): Value => this.op('Reshape', [x, this.ints(shape)])
  concat = (inputs: readonly Value[], axis: number): Value => this.op('Concat', inputs, { axis })
  expand = (x: Value, shape: readonly number[]): Value => this.op('Expand', [x, this.ints(shape)])
  gather = (x: Value, indices: Value, axis = 0): Value => this.op('Gather', [x, indices], { axis })

  /** Reductions over `axes`: one, or several (all if absent). */
  sum = (x: Value, axes?: Axes, keepDims = false): Value => this.reduce('ReduceSum', x, axes, keepDims)
  mean = (x: Value, axes?: Axes, keepDims = false): Value => this.reduce('ReduceMean', x, axes, keepDims)
  max = (x: Value, axes?: Axes, keepDims = false): Value => this.reduce('ReduceMax', x, axes, keepDims)
  min = (x: Value, axes?: Axes, keepDims = false): Value => this.reduce('ReduceMin', x, axes, keepDims)

  reduce(op: string, x: Value, axes?: Axes, keepDims = false): Value {
    return this.op(op, [x, axes === undefined ? axes : this.ints([axes].flat())], { keepdims: keepDims ? 1 : 0 })
  }

  /** Index of the largest element along `axis`, int64; the axis is removed. */
  argMax = (x: Value, axis = -1): Value => this.op('ArgMax', [x], { axis, keepdims: 0 })
}
