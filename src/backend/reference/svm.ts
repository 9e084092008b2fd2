import { LanewiseError } from '../../core/errors.js'
import { concrete } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import {
  couplingOf,
  LEAST_PROBABILITY,
  type SvmRegressor,
  startsOf,
  svmClassifierOf,
  svmRegressorOf,
} from '../../ops/svm.js'
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
function kernelFunction({
  name,
  gamma,
  coefficient,
  degree,
}: SvmRegressor['kernel']): (row: Row, vector: Row) => number {
  switch (name) {
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
  const { vectors, weights, rho, oneClass, transform, ...machine } = svmRegressorOf(attributes)
  const kernel = kernelFunction(machine.kernel)
  const scores = rowsOf(x!, vectors[0].length).map((row) => {
    const score = vectors.reduce((sum, vector, index) => sum + weights[index] * kernel(row, vector), rho[0])
    return oneClass ? (score > 0 ? 1 : -1) : score
  })
  return [
    tensorOf(
      dtype,
      scores.flatMap((score) => transformScores([score], transform)),
      shape,
    ),
  ]
}

/** Class probabilities from those of pairs, as `couplingOf` says. */
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
  const { rounds, near } = couplingOf(count)
  for (let round = 0; round < rounds; round++) {
    let qp = q.map((row) => dot(row, p))
    let pqp = dot(p, qp)
    if (qp.every((value) => Math.abs(value - pqp) < near)) break
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
      pairwise[i][j] = Math.min(Math.max(probability, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
      pairwise[j][i] = 1 - pairwise[i][j]
    }
  return couple(pairwise)
}

/** ai.onnx.ml.SVMClassifier: decisions between pairs of classes, or one linear function a class. */
export const svmClassifier: ReferenceKernel = ({ inputs: [x], outputs: [labelType, scoreType], attributes }) => {
  const machine = svmClassifierOf(attributes)
  const { labels, transform, counts, vectors, weights, rho, a, b, positive } = machine
  const kernel = kernelFunction(machine.kernel)
  const starts = startsOf(counts)
  const decisions = rowsOf(x!, vectors[0].length).map((row): Decision => {
    if (counts.length === 0) {
      const scores = vectors.map((vector) => rho[0] + dot(row, vector))
      return { label: indexOfLargest(scores), scores: transformScores(scores, transform) }
    }
    const kernels = vectors.map((vector) => kernel(row, vector))
    const { votes, scores } = decide(kernels, starts, counts, weights, rho)
    if (a.length > 0)
      return {
        label: indexOfLargest(votes),
        scores: transformScores(probabilitiesOf(scores, labels.length, a, b), transform),
      }
    if (labels.length === 2) return { label: indexOfLargest(votes), scores: twoScores(scores[0], positive, transform) }
    return { label: indexOfLargest(votes), scores: transformScores(scores, transform) }
  })
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
