import { rareValues } from '../parts.js'
import { Loss, type LossOptions } from './loss.js'

export interface OverlapOptions extends LossOptions {
  /** The axes that are summed over; all unless given, for one number a batch. */
  readonly axis?: number | readonly number[] | null
}

export interface TverskyOptions extends OverlapOptions {
  /** What false negatives cost. */
  readonly alpha?: number
  /** What false positives cost. */
  readonly beta?: number
}

export interface CircleOptions extends LossOptions {
  readonly gamma?: number
  readonly margin?: number
  /** Whether a sample is left out of its own class. */
  readonly removeDiagonal?: boolean
}

export const structured = {
  dice: (options: OverlapOptions = {}) =>
    new Loss('Dice', options.name ?? 'dice', (...batch) => rareValues().dice(options.axis)(...batch), options, {
      config: { axis: options.axis ?? null },
    }),
  tversky: (options: TverskyOptions = {}) =>
    new Loss('Tversky', options.name ?? 'tversky', (...batch) => rareValues().tversky(options)(...batch), options, {
      config: { alpha: options.alpha ?? 0.5, beta: options.beta ?? 0.5, axis: options.axis ?? null },
    }),
  circle: (options: CircleOptions = {}) =>
    new Loss('Circle', options.name ?? 'circle', (...batch) => rareValues().circle(options)(...batch), options, {
      asGiven: true,
      mask: (_, values, emit) => emit.cast(emit.greater(values, 0), 'float32'),
      config: {
        gamma: options.gamma ?? 80,
        margin: options.margin ?? 0.4,
        remove_diagonal: options.removeDiagonal ?? true,
      },
    }),
  ctc: (options: LossOptions = {}) =>
    new Loss('CTC', options.name ?? 'ctc', (...batch) => rareValues().ctc(...batch), options, { asGiven: true }),
} as const
