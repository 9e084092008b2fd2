import { LanewiseError } from '../../core/errors.js'
import type { Attributes } from '../../core/ir.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { labelsOf, postTransformOf, svmKernelOf } from '../../ops/classical.js'
import { intAttribute, intsAttribute } from '../../ops/definition.js'
import { floatsOf } from '../../ops/forest.js'
import type { ReferenceKernel } from './kernel.js'
import { numbersOf, tensorOf } from './numbers.js'
import { indexOfLargest, transformScores, twoScores } from './scores.js'

type Row = ArrayLike<number>

const dot = (a: Row, b: Row): number => {
  let sum = 0
  for (let i = 0; i < b.length; i++) sum += a[i] * b[i]
  return sum
}

/** The kernel function between a row and a support vector. */
function kernelFunction(attributes: Attributes): (row: Row, vector: Row) => number {
  const [gamma = 0, coefficient = 0, degree = 0] = floatsOf(attributes, 'kernel_params')
  switch (svmKernelOf(attributes)) {
    case 'LINEAR':
      return dot
    case 'POLY':
      return (row, vector) => (gamma * dot(row, vector) + coefficient) ** degree
    case 'SIGMOID':
      return (row, vector) => Math.tanh(gamma * dot(row, vector) + coefficient)
    case 'RBF':
      return (row, vector) => {
        let sum = 0
        for (let i = 0; i < vector.length; i++) sum += (row[i] - vector[i]) ** 2
        return Math.exp(-gamma * sum)
      }
  }
}

/** `values` in rows; `count` of them. Throws INVALID_MODEL where that does not come out even. */
function cut(values: readonly number[], count: number, what: string): readonly number[][] {
  const width = values.length / count
  if (!Number.isInteger(width))
    throw new LanewiseError('INVALID_MODEL', `${values.length} ${what} do not make ${count} rows`)
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width))
}

function rowsOf(x: Tensor, width: number): Row[] {
  const features = x.dims[x.dims.length - 1]
  if (features !== width)
    throw new LanewiseError('SHAPE_MISMATCH', `the model was made for ${width} features, the input has ${features}`)
  const values = numbersOf(x)
  return Array.from({ length: features === 0 ? 0 : x.size / features }, (_, row) =>
    values.subarray(row * features, (row + 1) * features),
  )
}

/** ai.onnx.ml.SVMRegressor: a weighted sum of kernel functions and rho. */
export const svmRegressor: ReferenceKernel = ({ inputs: [x], outputs: [{ dtype, shape }], attributes }) => {
  const coefficients = floatsOf(attributes, 'coefficients')
  const supports = intAttribute(attributes, 'n_supports')
  const [rho] = floatsOf(attributes, 'rho')
  const vectors =
    supports > 0 ? cut(floatsOf(attributes, 'support_vectors'), supports, 'support vectors') : [coefficients]
  const weights = supports > 0 ? coefficients : [1]
  const kernel = supports > 0 ? kernelFunction(attributes) : dot
  const scores = rowsOf(x!, vectors[0].length).map((row) => {
    const score = vectors.reduce((sum, vector, index) => sum + weights[index] * kernel(row, vector), rho)
    return intAttribute(attributes, 'one_class') === 1 ? (score > 0 ? 1 : -1) : score
  })
  const transform = postTransformOf(attributes)
  return [
    tensorOf(
      dtype,
      scores.flatMap((score) => transformScores([score], transform)),
      shape,
    ),
  ]
}

/**
 * Class probabilities from those of pairs: Wu, Lin and Weng, "Probability estimates for multi-class classification by
 * pairwise coupling" (2004), algorithm 2, as libsvm has it.
 */
function couple(pairwise: readonly (readonly number[])[]): number[] {
  const count = pairwise.length
  const q = pairwise.map((_, t) =>
    pairwise.map((_, j) =>
      t === j
        ? pairwise.reduce((sum, row, i) => (i === t ? sum : sum + row[t] ** 2), 0)
        : -pairwise[j][t] * pairwise[t][j],
    ),
  )
  let p = new Array<number>(count).fill(1 / count)
  for (let iteration = 0; iteration < Math.max(100, count); iteration++) {
    let qp = q.map((row) => dot(row, p))
    let pqp = dot(p, qp)
    if (qp.every((value) => Math.abs(value - pqp) < 0.005 / count)) break
    for (let t = 0; t < count; t++) {
      const step = (pqp - qp[t]) / q[t][t]
      p[t] += step
      pqp = (pqp + step * (step * q[t][t] + 2 * qp[t])) / (1 + step) ** 2
      qp = qp.map((value, j) => (value + step * q[t][j]) / (1 + step))
      p = p.map((value) => value / (1 + step))
    }
  }
  return p
}

interface Decision {
  readonly label: number
  readonly scores: readonly number[]
}

/** Votes and decisions between every pair of classes. */
function decide(
  kernels: Row,
  starts: readonly number[],
  counts: readonly number[],
  coefficients: readonly (readonly number[])[],
  rho: Row,
) {
  const votes = counts.map(() => 0)
  const scores: number[] = []
  const part = (row: readonly number[], of: number) => {
    let sum = 0
    for (let i = starts[of]; i < starts[of] + counts[of]; i++) sum += row[i] * kernels[i]
    return sum
  }
  for (let i = 0; i < counts.length; i++)
    for (let j = i + 1; j < counts.length; j++) {
      const score = rho[scores.length] + part(coefficients[j - 1], i) + part(coefficients[i], j)
      votes[score > 0 ? i : j]++
      scores.push(score)
    }
  return { votes, scores }
}

function probabilitiesOf(scores: readonly number[], classes: number, a: Row, b: Row): number[] {
  const pairwise = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (let i = 0, pair = 0; i < classes; i++)
    for (let j = i + 1; j < classes; j++, pair++) {
      const probability = 1 - 1 / (1 + Math.exp(-(scores[pair] * a[pair] + b[pair])))
      pairwise[i][j] = Math.min(Math.max(probability, 1e-7), 1 - 1e-7)
      pairwise[j][i] = 1 - pairwise[i][j]
    }
  return couple(pairwise)
}

/** ai.onnx.ml.SVMClassifier: decisions between pairs of classes, or one linear function a class. */
export const svmClassifier: ReferenceKernel = ({ inputs: [x], outputs: [labelType, scoreType], attributes }) => {
  const labels = labelsOf(attributes)
  const transform = postTransformOf(attributes)
  const counts = intsAttribute(attributes, 'vectors_per_class') ?? []
  const total = counts.reduce((a, b) => a + b, 0)
  const coefficients = floatsOf(attributes, 'coefficients')
  const [rho, a, b] = ['rho', 'prob_a', 'prob_b'].map((name) => floatsOf(attributes, name))
  const positive = coefficients.every((weight) => weight >= 0)
  const kernel = kernelFunction(attributes)

  const linear = (): Decision[] => {
    const weights = cut(coefficients, labels.length, 'coefficients')
    return rowsOf(x!, weights[0].length).map((row) => {
      const scores = weights.map((vector) => rho[0] + dot(row, vector))
      return { label: indexOfLargest(scores), scores: transformScores(scores, transform) }
    })
  }
  const pairs = (): Decision[] => {
    if (counts.length !== labels.length || labels.length < 2)
      throw new LanewiseError(
        'INVALID_MODEL',
        `vectors_per_class has ${counts.length} entries for ${labels.length} labels`,
      )
    const vectors = cut(floatsOf(attributes, 'support_vectors'), total, 'support vectors')
    const weights = cut(coefficients, labels.length - 1, 'coefficients')
    const starts = counts.map((_, index) => counts.slice(0, index).reduce((sum, count) => sum + count, 0))
    return rowsOf(x!, vectors[0].length).map((row) => {
      const kernels = vectors.map((vector) => kernel(row, vector))
      const { votes, scores } = decide(kernels, starts, counts, weights, rho)
      if (a.length > 0)
        return {
          label: indexOfLargest(votes),
          scores: transformScores(probabilitiesOf(scores, labels.length, a, b), transform),
        }
      if (labels.length === 2)
        return { label: indexOfLargest(votes), scores: twoScores(scores[0], positive, transform) }
      return { label: indexOfLargest(votes), scores: transformScores(scores, transform) }
    })
  }
  const decisions = total === 0 ? linear() : pairs()
  const chosen = decisions.map(({ label }) => labels[label])
  return [
    new Tensor(labelType.dtype, chosen, concrete(labelType.shape)),
    tensorOf(
      scoreType.dtype,
      decisions.flatMap(({ scores }) => scores),
      scoreType.shape,
    ),
  ]
}
