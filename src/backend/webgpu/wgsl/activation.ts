import type { ActivationName, Unary } from '../../activations.js'
import { boundLiteral, f32Literal } from '../kernel.js'

type Expression = (a: string, b: string) => string

const gate = (x: string) => `(1.0 / (1.0 + exp(min(-(${x}), T(80.0)))))`
const bounded = (x: string) => `tanh(clamp(${x}, T(-15.0), T(15.0)))`
const softplus = 'max(x, T(0.0)) + log(1.0 + exp(-abs(x)))'

/** Unary operations as expressions of `x: T`, T being f32 or vec4<f32>, and their two parameters as literals. */
const expressions = {
  identity: () => 'x',
  relu: () => 'max(x, T(0.0))',
  leakyRelu: (a) => `select(x, ${a} * x, x < T(0.0))`,
  elu: (a) => `select(x, ${a} * (exp(min(x, T(0.0))) - 1.0), x < T(0.0))`,
  selu: (a, b) => `${b} * select(x, ${a} * (exp(min(x, T(0.0))) - 1.0), x < T(0.0))`,
  sigmoid: () => gate('x'),
  tanh: () => bounded('x'),
  softplus: () => softplus,
  softsign: () => 'x / (1.0 + abs(x))',
  hardSigmoid: (a, b) => `clamp(${a} * x + ${b}, T(0.0), T(1.0))`,
  hardSwish: () => 'x * clamp(x * (1.0 / 6.0) + 0.5, T(0.0), T(1.0))',
  gelu: () => 'x * (0.5 + 0.5 * error_function(x * 0.7071067811865475))',
  geluTanh: () => `x * (0.5 + 0.5 * ${bounded('0.7978845608028654 * (x + 0.044715 * x * x * x)')})`,
  exp: () => 'exp(x)',
  celu: (a) => `select(x, ${a} * (exp(min(x, T(0.0)) / ${a}) - 1.0), x < T(0.0))`,
  thresholdedRelu: (a) => `select(T(0.0), x, x > T(${a}))`,
  clip: (a, b) => `min(max(x, T(${a})), T(${b}))`,
  swish: (a) => `x * ${gate(`${a} * x`)}`,
  mish: () => `x * ${bounded(softplus)}`,
  neg: () => '-x',
  abs: () => 'abs(x)',
  sqrt: () => 'sqrt(x)',
  reciprocal: () => '1.0 / x',
  log: () => 'log(x)',
  erf: () => 'error_function(x)',
  sign: () => 'sign(x)',
  floor: () => 'floor(x)',
  ceil: () => 'ceil(x)',
  round: () => 'round(x)',
  scale: (a) => `${a} * x`,
  sin: () => 'sin(x)',
  cos: () => 'cos(x)',
  tan: () => 'tan(x)',
  // Drivers' own may be off by 3e-4.
  asin: () => 'atan2(x, sqrt((1.0 - x) * (1.0 + x)))',
  acos: () => 'atan2(sqrt((1.0 - x) * (1.0 + x)), x)',
  atan: () => 'atan(x)',
  sinh: () => 'sinh(x)',
  cosh: () => 'cosh(x)',
  asinh: () => 'sign(x) * log(abs(x) + sqrt(x * x + 1.0))',
  acosh: () => 'log(x + sqrt(x * x - 1.0))',
  atanh: () => '0.5 * log((1.0 + x) / (1.0 - x))',
  shrink: (a, b) => `select(select(T(0.0), x - ${b}, x > T(${a})), x + ${b}, x < T(-${a}))`,
} as const satisfies Record<ActivationName, Expression>

/** Abramowitz and Stegun, 7.1.26: an absolute error of 1.5e-7 at most. */
const errorFunction = `
fn error_function(x: T) -> T {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let p = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(x) * (1.0 - p * exp(-x * x));
}`

/** An activation as an expression of `x: T`. */
export function activationExpression({ name, alpha, beta }: Unary): string {
  const literal = name === 'clip' ? boundLiteral : f32Literal
  return expressions[name](literal(alpha), literal(beta))
}

/** Declares `fn activate(x: T) -> T`, and T as `type`: f32 or vec4<f32>. */
export function activationText(unary: Unary, type: 'f32' | 'vec4<f32>'): string {
  const expression = activationExpression(unary)
  const helper = expression.includes('error_function') ? errorFunction : ''
  return `alias T = ${type};${helper}
fn activate(x: T) -> T { return ${expression}; }`
}
