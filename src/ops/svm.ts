import { LanewiseError } from '../core/errors.js'
import type { Attributes } from '../core/ir.js'
import { labelsOf, type PostTransform, postTransformOf, type SvmKernel, svmKernelOf } from './classical.js'
import { intAttribute, intsAttribute } from './definition.js'
import { floatsOf } from './forest.js'

/** The function between a row and a support vector: that of `name` with the attribute kernel_params. */
interface KernelFunction {
  readonly name: SvmKernel
  readonly gamma: number
  readonly coefficient: number
  readonly degree: number
}

interface Machine {
  readonly kernel: KernelFunction
  /** Support vectors; rows of weights where the machine is linear. */
  readonly vectors: readonly (readonly number[])[]
  readonly rho: readonly number[]
  readonly transform: PostTransform
}

/** rho, and the sum over vectors of their weight times the kernel function. */
export interface SvmRegressor extends Machine {
  readonly weights: readonly number[]
  /** Whether the score becomes 1 where it is positive, else -1. */
  readonly oneClass: boolean
}

export interface SvmClassifier extends Machine {
  readonly labels: readonly (number | string)[]
  /** Support vectors of each class, which follow each other; empty where each class has one linear function. */
  readonly counts: readonly number[]
  /** [classes - 1, vectors]: a vector's weight against each other class, in order. */
  readonly weights: readonly (readonly number[])[]
  /** Whether no weight is negative. */
  readonly positive: boolean
  /** Of each pair of classes, what makes a probability of its decision; empty without. */
  readonly a: readonly number[]
  readonly b: readonly number[]
}

/** `values` in rows; `count` of them. Throws INVALID_MODEL where that does not come out even. */
function cut(values: readonly number[], count: number, what: string): readonly number[][] {
  const width = values.length / count
  if (!Number.isInteger(width))
    throw new LanewiseError('INVALID_MODEL', `${values.length} ${what} do not make ${count} rows`)
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width))
}

const linear: KernelFunction = { name: 'LINEAR', gamma: 0, coefficient: 0, degree: 0 }

function kernelOf(attributes: Attributes): KernelFunction {
  const [gamma = 0, coefficient = 0, degree = 0] = floatsOf(attributes, 'kernel_params')
  return { name: svmKernelOf(attributes), gamma, coefficient, degree }
}

/** What an SVMRegressor's attributes say. Throws INVALID_MODEL. */
export function svmRegressorOf(attributes: Attributes): SvmRegressor {
  const coefficients = floatsOf(attributes, 'coefficients')
  const supports = intAttribute(attributes, 'n_supports')
  return {
    kernel: supports > 0 ? kernelOf(attributes) : linear,
    vectors: supports > 0 ? cut(floatsOf(attributes, 'support_vectors'), supports, 'support vectors') : [coefficients],
    weights: supports > 0 ? coefficients : [1],
    rho: floatsOf(attributes, 'rho'),
    transform: postTransformOf(attributes),
    oneClass: intAttribute(attributes, 'one_class') === 1,
  }
}

/** What an SVMClassifier's attributes say. Throws INVALID_MODEL. */
export function svmClassifierOf(attributes: Attributes): SvmClassifier {
  const labels = labelsOf(attributes)
  const counts = intsAttribute(attributes, 'vectors_per_class') ?? []
  const total = counts.reduce((a, b) => a + b, 0)
  const coefficients = floatsOf(attributes, 'coefficients')
  const [rho, a, b] = ['rho', 'prob_a', 'prob_b'].map((name) => floatsOf(attributes, name))
  const shared = { labels, rho, a, b, transform: postTransformOf(attributes) }
  const positive = coefficients.every((weight) => weight >= 0)
  if (total === 0) {
    const vectors = cut(coefficients, labels.length, 'coefficients')
    return { ...shared, kernel: linear, counts: [], vectors, weights: [], positive }
  }
  if (counts.length !== labels.length || labels.length < 2)
    throw new LanewiseError(
      'INVALID_MODEL',
      `vectors_per_class has ${counts.length} entries for ${labels.length} labels`,
    )
  return {
    ...shared,
    kernel: kernelOf(attributes),
    counts,
    vectors: cut(floatsOf(attributes, 'support_vectors'), total, 'support vectors'),
    weights: cut(coefficients, labels.length - 1, 'coefficients'),
    positive,
  }
}

/** Where the vectors of each class begin. */
export const startsOf = (counts: readonly number[]): readonly number[] =>
  counts.map((_, index) => counts.slice(0, index).reduce((sum, count) => sum + count, 0))

/** Bounds of the probability of a pair, as libsvm has them. */
export const LEAST_PROBABILITY = 1e-7

/**
 * How class probabilities are found from those of pairs: Wu, Lin and Weng, "Probability estimates for multi-class
 * classification by pairwise coupling" (2004), algorithm 2, as libsvm has it: up to how many rounds, and how near.
 */
export const couplingOf = (classes: number) => ({ rounds: Math.max(100, classes), near: 0.005 / classes })
