import type { Tensor } from '../core/tensor.js'

/** A sample that a classifier took for another class. */
export interface Mistake {
  readonly sample: number
  readonly label: number
  readonly predicted: number
  /** Its scores for the class that it has, and for the one that it was taken for. */
  readonly labelScore: number
  readonly predictedScore: number
}

/**
 * The samples that a classifier was most wrong about: by how far the score of the predicted class is above that of the true
 * one. `labels` are class indices, `scores` [n, classes].
 */
export function worstMistakes(labels: readonly number[], scores: Tensor, most: number): Mistake[] {
  const classes = scores.dims[1]
  const values = scores.data as Float32Array
  const mistakes = labels.flatMap((label, sample): Mistake[] => {
    const row = values.subarray(sample * classes, (sample + 1) * classes)
    const predicted = row.reduce((best, score, index) => (score > row[best] ? index : best), 0)
    if (predicted === label) return []
    return [{ sample, label, predicted, labelScore: row[label], predictedScore: row[predicted] }]
  })
  const margin = ({ predictedScore, labelScore }: Mistake) => predictedScore - labelScore
  return mistakes.sort((a, b) => margin(b) - margin(a) || a.sample - b.sample).slice(0, most)
}
