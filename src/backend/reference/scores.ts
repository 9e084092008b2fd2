import type { PostTransform } from '../../ops/classical.js'

const logistic = (value: number): number => 1 / (1 + Math.exp(-value))

/** The normal quantile by Winitzki's approximation of the inverse error function (2008, a = 0.147), as runtimes have it. */
function probit(value: number): number {
  const x = 2 * value - 1
  const log = Math.log((1 - x) * (1 + x))
  if (log === Number.NEGATIVE_INFINITY) return 0
  const half = 2 / (Math.PI * 0.147) + 0.5 * log
  return Math.SQRT2 * Math.sign(x) * Math.sqrt(-half + Math.sqrt(half * half - log / 0.147))
}

function normalized(values: readonly number[]): number[] {
  const sum = values.reduce((a, b) => a + b, 0)
  return values.map((value) => (sum === 0 ? 0.5 : value / sum))
}

/** One row of scores under what ai.onnx.ml's `post_transform` says. */
export function transformScores(scores: readonly number[], transform: PostTransform): readonly number[] {
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  switch (transform) {
    case 'NONE':
      return scores
    case 'LOGISTIC':
      return scores.map(logistic)
    case 'PROBIT':
      return scores.map(probit)
    case 'SOFTMAX':
      return normalized(scores.map((score) => Math.exp(score - largest)))
    case 'SOFTMAX_ZERO':
      // Scores near 0 stay near 0.
      return normalized(
        scores.map((score) => (Math.abs(score) > 1e-7 ? Math.exp(score - largest) : score * Math.exp(-largest))),
      )
  }
}

/**
 * Both scores of a decision between two classes that has one: by probability where weights are positive, else by sign.
 * The transforms that look at a whole row leave them as they are, as in onnxruntime.
 */
export function twoScores(score: number, positiveWeights: boolean, transform: PostTransform): readonly number[] {
  if (transform === 'PROBIT') return transformScores([score], transform)
  if (transform === 'LOGISTIC') return transformScores([-score, score], transform)
  return positiveWeights ? [1 - score, score] : [-score, score]
}

export const indexOfLargest = (values: readonly number[]): number =>
  values.reduce((best, value, index) => (value > values[best] ? index : best), 0)
