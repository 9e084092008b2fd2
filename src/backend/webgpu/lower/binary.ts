import { type DType, isFloat } from '../../../core/dtype.js'
import type { ConstantOf, Node, Value } from '../../../core/ir.js'
import { broadcastStrides, collapseAxes, sameShape, sizeOf } from '../../../core/shape.js'
import { intAttribute, stringAttribute } from '../../../ops/definition.js'
import { elementTypeOf } from '../elements.js'
import { type Dispatch, f32Literal, mapKernel, vec4 } from '../kernel.js'
import { offsetExpression, wrapped } from '../wgsl/index.js'
import { elementsOf, type Lowering, type LoweringContext, shapeOf } from './lowering.js'

/** An expression of `a: T` and `b: T`, scalars or vec4s of one type; comparisons are of the type B, a bool or a vec4 of them. */
interface Operation {
  readonly name: string
  readonly expression: string
  readonly declarations?: string
  /** Whether it gives bool. */
  readonly compares?: boolean
  readonly accepts: (dtype: DType) => boolean
}

const floats = (dtype: DType): boolean => dtype === 'float32'
/** Types that lie in a GPU buffer as they compute: sums and products wrap where a 32-bit integer does. */
export const isWord = (dtype: DType): boolean =>
  floats(dtype) || dtype === 'int32' || dtype === 'int64' || dtype === 'uint32'
/** Integers, whose results are brought back to the width of their type. */
export const isInteger = (dtype: DType): boolean =>
  (dtype !== 'float32' && isWord(dtype)) || ['int8', 'uint8', 'int16', 'uint16'].includes(dtype)
const arithmetic = (dtype: DType): boolean => floats(dtype) || isInteger(dtype)
const unsigned = (dtype: DType): boolean => isInteger(dtype) && elementTypeOf(dtype) === 'u32'
/** Types whose elements compare as they lie: floats of fewer bits do not. */
const numbers = (dtype: DType): boolean => floats(dtype) || (elementTypeOf(dtype) !== undefined && !isFloat(dtype))
const bools = (dtype: DType): boolean => dtype === 'bool'

/** WGSL's pow knows no negative base. */
const power = `
fn power(a: T, b: T) -> T {
  let p = pow(abs(a), b);
  let odd = (b - 2.0 * floor(b * 0.5)) == T(1.0);
  let whole = floor(b) == b;
  let zero = a - a;
  let negative = select(select(p, -p, odd), zero / zero, !whole);
  return select(select(p, negative, a < T(0.0)), T(1.0), b == T(0.0));
}`

/** Powers of integers by squaring; negative exponents give 0. */
const integerPower = `
fn power(a: T, b: T) -> T {
  var result = T(1);
  var base = a;
  var exponent = b;
  for (var bit = 0; bit < 32; bit++) {
    result = select(result, result * base, (exponent & T(1)) == T(1));
    base = base * base;
    exponent = exponent >> U(1);
  }
  return select(result, T(0), b < T(0));
}`

const make = (
  name: string,
  expression: string,
  accepts: (dtype: DType) => boolean,
  more: Partial<Operation> = {},
): Operation => ({ name, expression, accepts, ...more })

const comparison = (name: string, operator: string): Operation =>
  make(name, `a ${operator} b`, numbers, { compares: true })

const operations = {
  Add: make('add', 'a + b', arithmetic),
  Sub: make('sub', 'a - b', arithmetic),
  Mul: make('mul', 'a * b', arithmetic),
  Div: make('div', 'a / b', arithmetic),
  Pow: make('pow', 'power(a, b)', floats, { declarations: power }),
  PRelu: make('prelu', 'select(a, a * b, a < T(0.0))', floats),
  'lanewise.ReluGradient': make('relu_gradient', 'select(T(0.0), a, b > T(0.0))', floats),
  'lanewise.SigmoidGradient': make('sigmoid_gradient', 'a * b * (1.0 - b)', floats),
  'lanewise.TanhGradient': make('tanh_gradient', 'a * (1.0 - b * b)', floats),
  Equal: comparison('equal', '=='),
  Greater: comparison('greater', '>'),
  GreaterOrEqual: comparison('greater_or_equal', '>='),
  Less: comparison('less', '<'),
  LessOrEqual: comparison('less_or_equal', '<='),
  And: make('and', 'a & b', bools),
  Or: make('or', 'a | b', bools),
  Xor: make('xor', 'a ^ b', bools),
  BitwiseAnd: make('bitwise_and', 'a & b', isInteger),
  BitwiseOr: make('bitwise_or', 'a | b', isInteger),
  BitwiseXor: make('bitwise_xor', 'a ^ b', isInteger),
} as const satisfies Record<string, Operation>

function binaryDispatch(
  { name, expression, declarations = '', compares = false }: Operation,
  [left, right]: readonly [Value, Value],
  output: Value,
  { place }: LoweringContext,
): Dispatch[] {
  const shape = shapeOf(output)
  const scalar = elementTypeOf(left.dtype)!
  const dense = sameShape(left.shape, shape) && sameShape(right.shape, shape)
  const wide = (type: string) => (dense ? `vec4<${type}>` : type)
  const result = compares ? `select(U(0u), U(1u), ${expression})` : wrapped(output.dtype, expression)
  const type = compares ? 'U' : 'T'
  const text = `alias T = ${wide(scalar)};
alias U = ${wide('u32')};${declarations}
fn apply(a: T, b: T) -> ${type} { return ${result}; }`
  const lanes = dense ? vec4 : <P>(p: P) => p
  const { dims, strides } = collapseAxes(
    shape,
    [left, right].map((operand) => broadcastStrides(shapeOf(operand), shape)),
  )
  const [from, by] = dense ? ['i', 'i'] : strides.map((steps) => offsetExpression('i', dims, steps))
  return mapKernel({
    name,
    count: dense ? Math.ceil(sizeOf(shape) / 4) : sizeOf(shape),
    dense,
    reads: { a: lanes(place(left)), b: lanes(place(right)) },
    writes: { y: lanes(place(output)) },
    declarations: text,
    body: ({ a, b, y }) =>
      `  ${y}[i] = apply(${a}[${from}], ${right.dtype === left.dtype ? `${b}[${by}]` : `T(${b}[${by}])`});`,
  })
}

const binary = (operation: Operation): Lowering => ({
  accelerates: ({ inputs: [a, b] }) => a!.dtype === b!.dtype && operation.accepts(a!.dtype),
  lower: ({ inputs: [a, b], outputs: [y] }, context) => binaryDispatch(operation, [a!, b!], y, context),
})

/** Whether a Pow is by the constant 2, of whatever dtype. */
const isSquare = ({ inputs: [x, exponent] }: Node, constant: ConstantOf): boolean => {
  const tensor = x!.dtype === 'float32' && elementsOf(exponent!) === 1 ? constant(exponent!) : undefined
  return tensor !== undefined && tensor.dims.length <= x!.shape.length && Number(tensor.data[0]) === 2
}

const isPower = ({ inputs: [x, exponent] }: Node): boolean =>
  (floats(x!.dtype) && (floats(exponent!.dtype) || isInteger(exponent!.dtype))) ||
  (isInteger(x!.dtype) && isInteger(exponent!.dtype))

/** The exponent may be of another type than the base. */
const pow: Lowering = {
  accelerates: (node, constant) => isSquare(node, constant) || isPower(node),
  lower(node, context) {
    const [x, exponent] = node.inputs.map((input) => input!)
    const [y] = node.outputs
    if (isSquare(node, context.constant)) return binaryDispatch(operations.Mul, [x, x], y, context)
    const operation = floats(x.dtype) ? operations.Pow : { ...operations.Pow, declarations: integerPower }
    return binaryDispatch(operation, [x, exponent], y, context)
  },
}

/** The remainder has the sign of the divisor, or with `fmod` that of the dividend. */
const mod: Lowering = {
  accelerates: ({ inputs: [a, b], attributes }) =>
    a!.dtype === b!.dtype && (isInteger(a!.dtype) || (floats(a!.dtype) && intAttribute(attributes, 'fmod') === 1)),
  lower({ inputs: [a, b], outputs: [y], attributes }, context) {
    const floor = intAttribute(attributes, 'fmod') !== 1
    const declarations = `
fn modulo(a: T, b: T) -> T {
  let r = a % b;
  return select(r, r + b, (r != T(0)) & ((r < T(0)) != (b < T(0))));
}`
    const operation = floor
      ? make('mod', 'modulo(a, b)', isInteger, { declarations })
      : make('fmod', 'a % b', arithmetic)
    return binaryDispatch(operation, [a!, b!], y, context)
  },
}

const shift: Lowering = {
  accelerates: ({ inputs: [a, b] }) => unsigned(a!.dtype) && unsigned(b!.dtype),
  lower({ inputs: [a, b], outputs: [y], attributes }, context) {
    const left = stringAttribute(attributes, 'direction') === 'LEFT'
    const shifted = `select(a ${left ? '<<' : '>>'} (b & U(31u)), U(0u), b > U(31u))`
    return binaryDispatch(make(left ? 'shift_left' : 'shift_right', shifted, unsigned), [a!, b!], y, context)
  },
}

/** Inputs and the output of one kernel fit the bindings that every adapter has. */
const MOST_OPERANDS = 7

/** Max, Min, Sum or Mean of a few inputs, folded in order by `fold` of two expressions. */
const variadic = (name: string, fold: (a: string, b: string) => string, accepts = floats): Lowering => ({
  accelerates: ({ inputs }) =>
    inputs.length <= MOST_OPERANDS &&
    inputs.every((input) => input!.dtype === inputs[0]!.dtype && accepts(input!.dtype)),
  lower({ inputs, outputs: [y] }, { place }) {
    const shape = shapeOf(y)
    const { dims, strides } = collapseAxes(
      shape,
      inputs.map((input) => broadcastStrides(shapeOf(input!), shape)),
    )
    return mapKernel({
      name,
      count: sizeOf(shape),
      reads: Object.fromEntries(inputs.map((input, k) => [`x${k}`, place(input!)])),
      writes: { y: place(y) },
      body(names: Record<string, string>) {
        const loads = strides.map((steps, k) => `${names[`x${k}`]}[${offsetExpression('i', dims, steps)}]`)
        const total = loads.reduce(fold)
        return `  ${names['y']}[i] = ${name === 'mean' ? `(${total}) * ${f32Literal(1 / inputs.length)}` : total};`
      },
    })
  },
})

/** Elementwise ops of two operands (Max, Min, Sum and Mean: of a few), broadcast. */
export const binaryLowerings = {
  ...(Object.fromEntries(Object.entries(operations).map(([op, operation]) => [op, binary(operation)])) as Record<
    keyof typeof operations,
    Lowering
  >),
  Pow: pow,
  Mod: mod,
  BitShift: shift,
  Max: variadic('max', (a, b) => `max(${a}, ${b})`, numbers),
  Min: variadic('min', (a, b) => `min(${a}, ${b})`, numbers),
  Sum: variadic('sum', (a, b) => `${a} + ${b}`, isWord),
  Mean: variadic('mean', (a, b) => `${a} + ${b}`),
} as const satisfies Record<string, Lowering>
