import type { Node } from '../../../core/ir.js'
import { Tensor } from '../../../core/tensor.js'
import {
  couplingOf,
  LEAST_PROBABILITY,
  type SvmClassifier,
  type SvmRegressor,
  startsOf,
  svmClassifierOf,
  svmRegressorOf,
} from '../../../ops/svm.js'
import { f32Literal, mapKernel } from '../kernel.js'
import { elementsOf, type Lowering, type LoweringContext, shapeOf } from './lowering.js'

/** Scores that a thread keeps, and classes whose pairs it couples. */
const MOST_SCORES = 256
const MOST_COUPLED = 16

/** A table of numbers, and where its parts begin. */
function tableOf(machine: SvmRegressor | SvmClassifier, { table }: LoweringContext) {
  const vectors = machine.vectors.flat()
  const weights = machine.weights.flat()
  const scale = 'a' in machine ? [...machine.a, ...machine.b] : []
  const numbers = [...vectors, ...weights, ...machine.rho, ...scale]
  const rho = vectors.length + weights.length
  return {
    numbers: table(new Tensor('float32', Float32Array.from(numbers), [numbers.length])),
    at: { weights: vectors.length, rho, a: rho + machine.rho.length },
  }
}

type TablePlaces = ReturnType<typeof tableOf>['at']

/** Whether a power is a product, so that its base may be negative. */
const isWhole = (degree: number): boolean => Number.isInteger(degree) && degree >= 0 && degree <= 16

const literals = ({ kernel, rho, vectors, weights }: SvmRegressor | SvmClassifier): readonly number[] => [
  kernel.gamma,
  kernel.coefficient,
  ...rho,
  ...vectors.flat(),
  ...weights.flat(),
]

const accelerates = (node: Node, machine: SvmRegressor | SvmClassifier): boolean =>
  node.inputs[0]!.dtype === 'float32' &&
  shapeOf(node.inputs[0]!).at(-1) === machine.vectors[0]!.length &&
  machine.transform !== 'PROBIT' &&
  (machine.kernel.name !== 'POLY' || isWhole(machine.kernel.degree)) &&
  literals(machine).every((value) => Number.isFinite(Math.fround(value)))

/**
 * Declares `fn kernel_of(row: u32, vector: u32) -> f32`: the kernel function of a row of `x` and a vector of `numbers`, both
 * bound by these names: x as the first of all, numbers as a constant of its own.
 */
function kernelText({ kernel, vectors }: SvmRegressor | SvmClassifier): string {
  const width = vectors[0]!.length
  const [gamma, coefficient] = [f32Literal(kernel.gamma), f32Literal(kernel.coefficient)]
  const value = {
    LINEAR: 'sum',
    POLY: `power(${gamma} * sum + ${coefficient})`,
    SIGMOID: `tanh(clamp(${gamma} * sum + ${coefficient}, -20.0, 20.0))`,
    RBF: `exp(-${gamma} * sum)`,
  }[kernel.name]
  const term = kernel.name === 'RBF' ? '(a - b) * (a - b)' : 'a * b'
  const power = `
fn power(x: f32) -> f32 { var y = 1.0; for (var n = 0; n < ${kernel.degree}; n++) { y *= x; } return y; }`
  return `${kernel.name === 'POLY' ? power : ''}
fn kernel_of(row: u32, vector: u32) -> f32 {
  var sum = 0.0;
  for (var f = 0u; f < ${width}u; f++) { let a = x[row * ${width}u + f]; let b = numbers[vector * ${width}u + f]; sum += ${term}; }
  return ${value};
}`
}

/** Statements that put `count` of the array `scores` through what post_transform says. */
function transformText(transform: SvmClassifier['transform'], count: number): string {
  const each = (body: string) => `for (var t = 0u; t < ${count}u; t++) { ${body} }`
  if (transform === 'LOGISTIC') return each('scores[t] = 1.0 / (1.0 + exp(-scores[t]));')
  if (transform !== 'SOFTMAX' && transform !== 'SOFTMAX_ZERO') return ''
  const grown = 'exp(scores[t] - top)'
  const part = transform === 'SOFTMAX' ? grown : `select(scores[t] * exp(-top), ${grown}, abs(scores[t]) > 1e-7)`
  return `var top = scores[0]; ${each('top = max(top, scores[t]);')}
  var all = 0.0; ${each(`scores[t] = ${part}; all += scores[t];`)}
  ${each('scores[t] = select(scores[t] / all, 0.5, all == 0.0);')}`
}

const regressor: Lowering = {
  accelerates: (node) => accelerates(node, svmRegressorOf(node.attributes)),
  lower({ attributes, inputs: [x], outputs: [y] }, context) {
    const machine = svmRegressorOf(attributes)
    const { numbers, at } = tableOf(machine, context)
    return mapKernel({
      name: 'svm_regressor',
      count: elementsOf(y),
      reads: { x: context.place(x!), numbers },
      writes: { y: context.place(y) },
      declarations: kernelText(machine),
      body: (names) => `  var scores: array<f32, 1>;
  var sum = numbers[${at.rho}];
  for (var v = 0u; v < ${machine.vectors.length}u; v++) { sum += numbers[${at.weights}u + v] * kernel_of(i, v); }
  scores[0] = ${machine.oneClass ? 'select(-1.0, 1.0, sum > 0.0)' : 'sum'};
  ${transformText(machine.transform, 1)}
  ${names.y}[i] = scores[0];`,
    })
  },
}

/** Decisions between all pairs of classes, (0, 1), (0, 2) … (1, 2) …, and the votes that they are. */
function decisionText({ counts, vectors }: SvmClassifier, at: TablePlaces): string {
  const classes = counts.length
  const starts = startsOf(counts)
  const bounds = [...starts, vectors.length].map((start) => `${start}u`)
  return `  var decisions: array<f32, ${pairsOf(classes)}>;
  for (var pair = 0u; pair < ${pairsOf(classes)}u; pair++) { decisions[pair] = numbers[${at.rho}u + pair]; }
  var bounds = array<u32, ${classes + 1}>(${bounds.join(', ')});
  for (var c = 0u; c < ${classes}u; c++) { for (var v = bounds[c]; v < bounds[c + 1u]; v++) {
    let value = kernel_of(i, v);
    for (var row = 0u; row < ${classes - 1}u; row++) {
      let other = select(row + 1u, row, row < c);
      decisions[pair_of(min(c, other), max(c, other))] += numbers[${at.weights}u + row * ${vectors.length}u + v] * value;
    }
  } }
  var votes: array<u32, ${classes}>;
  for (var a = 0u; a < ${classes}u; a++) { for (var b = a + 1u; b < ${classes}u; b++) {
    if (decisions[pair_of(a, b)] > 0.0) { votes[a]++; } else { votes[b]++; }
  } }
  var choice = 0u;
  for (var c = 1u; c < ${classes}u; c++) { if (votes[c] > votes[choice]) { choice = c; } }`
}

const pairsOf = (classes: number): number => (classes * (classes - 1)) / 2

/** Scores of classes from the decisions between pairs, by \`couplingOf\`. */
function couplingText(classes: number, at: TablePlaces): string {
  const { rounds, near } = couplingOf(classes)
  const each = (index: string, body: string) =>
    `for (var ${index} = 0u; ${index} < ${classes}u; ${index}++) { ${body} }`
  const products = `for (var t = 0u; t < ${classes}u; t++) { var sum = 0.0; ${each('j', `sum += q[t * ${classes}u + j] * scores[j];`)} qp[t] = sum; }`
  return `  var r: array<f32, ${classes ** 2}>;
  for (var a = 0u; a < ${classes}u; a++) { for (var b = a + 1u; b < ${classes}u; b++) {
    let pair = pair_of(a, b);
    let given = 1.0 - 1.0 / (1.0 + exp(-(decisions[pair] * numbers[${at.a}u + pair] + numbers[${at.a + pairsOf(classes)}u + pair])));
    r[a * ${classes}u + b] = clamp(given, ${LEAST_PROBABILITY}, ${1 - LEAST_PROBABILITY});
    r[b * ${classes}u + a] = 1.0 - r[a * ${classes}u + b];
  } }
  var q: array<f32, ${classes ** 2}>;
  var qp: array<f32, ${classes}>;
  for (var t = 0u; t < ${classes}u; t++) { scores[t] = ${f32Literal(1 / classes)}; for (var j = 0u; j < ${classes}u; j++) {
    let back = r[j * ${classes}u + t];
    if (j != t) { q[t * ${classes}u + j] = -back * r[t * ${classes}u + j]; q[t * ${classes}u + t] += back * back; }
  } }
  for (var round = 0; round < ${rounds}; round++) {
    ${products}
    var pqp = 0.0; ${each('t', 'pqp += scores[t] * qp[t];')}
    var apart = 0.0; ${each('t', 'apart = max(apart, abs(qp[t] - pqp));')}
    if (apart < ${f32Literal(near)}) { break; }
    for (var t = 0u; t < ${classes}u; t++) {
      let diagonal = q[t * ${classes}u + t];
      let step = (pqp - qp[t]) / diagonal;
      scores[t] += step;
      pqp = (pqp + step * (step * diagonal + 2.0 * qp[t])) / ((1.0 + step) * (1.0 + step));
      ${each('j', `qp[j] = (qp[j] + step * q[t * ${classes}u + j]) / (1.0 + step); scores[j] /= 1.0 + step;`)}
    }
  }`
}

/** Statements that fill the array \`scores\` and find \`choice\`, the number of the row's class. */
function classifierText(machine: SvmClassifier, count: number, at: TablePlaces): string {
  const { labels, counts, a, positive, transform } = machine
  const transformed = transformText(transform, count)
  if (counts.length === 0)
    return `  var choice = 0u;
  for (var c = 0u; c < ${count}u; c++) { scores[c] = numbers[${at.rho}] + kernel_of(i, c); if (scores[c] > scores[choice]) { choice = c; } }
  ${transformed}`
  const decisions = decisionText(machine, at)
  if (a.length > 0) return `${decisions}\n${couplingText(labels.length, at)}\n  ${transformed}`
  if (labels.length > 2) return `${decisions}\n  scores = decisions;\n  ${transformed}`
  const first = positive && transform !== 'LOGISTIC' ? '1.0 - decisions[0]' : '-decisions[0]'
  return `${decisions}\n  scores[0] = ${first}; scores[1] = decisions[0];\n  ${transform === 'LOGISTIC' ? transformed : ''}`
}

const classifier: Lowering = {
  accelerates(node) {
    const machine = svmClassifierOf(node.attributes)
    const { labels, a } = machine
    return (
      accelerates(node, machine) &&
      labels.every((label) => typeof label === 'number' && label === (label | 0)) &&
      pairsOf(labels.length) <= MOST_SCORES &&
      (a.length === 0 || labels.length <= MOST_COUPLED)
    )
  },
  lower({ attributes, inputs: [x], outputs: [label, score] }, context) {
    const machine = svmClassifierOf(attributes)
    const { numbers, at } = tableOf(machine, context)
    const [rows, count] = shapeOf(score)
    const classes = machine.labels.length
    return mapKernel({
      name: 'svm_classifier',
      count: rows,
      reads: { x: context.place(x!), numbers },
      writes: { label: context.place(label), score: context.place(score) },
      declarations: `${kernelText(machine)}
fn pair_of(a: u32, b: u32) -> u32 { return a * ${classes}u - a * (a + 1u) / 2u + b - a - 1u; }`,
      body: (names) => `  var scores: array<f32, ${count}>;
${classifierText(machine, count, at)}
  var labels = array<i32, ${classes}>(${machine.labels.join(', ')});
  ${names.label}[i] = labels[choice];
  for (var t = 0u; t < ${count}u; t++) { ${names.score}[i * ${count}u + t] = scores[t]; }`,
    })
  },
}

/** Support vector machines over float32: a thread a row. */
export const svmLowerings = {
  'ai.onnx.ml.SVMRegressor': regressor,
  'ai.onnx.ml.SVMClassifier': classifier,
} as const satisfies Record<string, Lowering>
