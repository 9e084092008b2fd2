import { invalid } from '../config.js'

export interface ConfusionOptions {
  /** Ascending. A prediction is positive for the thresholds below it. */
  readonly thresholds: readonly number[]
  /** Whether thresholds lie at k / (count - 1), so that a prediction's place among them follows by arithmetic. */
  readonly even?: boolean
  /** Only the k highest predictions of a sample may be positive. */
  readonly topK?: number | null
  readonly classId?: number | null
  /** Counts for each label of the last axis apart. */
  readonly multiLabel?: boolean
  readonly labelWeights?: readonly number[] | null
  readonly fromLogits?: boolean
}

/** Below every threshold. */
export const lowest = -1e10

/** Thresholds at k / (count - 1), the outer ones moved by `margin` beyond 0 and 1. */
export function evenThresholds(count: number, margin = 0): number[] {
  if (!Number.isInteger(count) || count < 2) throw invalid(`numThresholds must be an integer above 1, got ${count}`)
  const inner = Array.from({ length: count - 2 }, (_, i) => (i + 1) / (count - 1))
  return [-margin, ...inner, 1 + margin]
}

/** `thresholds` as a list, ascending, and the place of each in the order that was given. Throws INVALID_ARGUMENT. */
export function sortThresholds(
  thresholds: number | readonly number[] | null | undefined,
  fallback: number,
): { sorted: readonly number[]; places: readonly number[] } {
  const list = typeof thresholds === 'number' ? [thresholds] : (thresholds ?? [fallback])
  const wrong = thresholds === null || thresholds === undefined ? undefined : list.find((t) => !(t >= 0 && t <= 1))
  if (wrong !== undefined) throw invalid(`thresholds must lie in [0, 1], got ${wrong}`)
  const sorted = [...list].sort((a, b) => a - b)
  return { sorted, places: list.map((threshold) => sorted.indexOf(threshold)) }
}
