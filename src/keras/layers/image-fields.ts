import { invalid } from '../config.js'
import { absent, choice, dataFormat, type Field, flag, neededCount, number, only, seed } from './fields.js'

export const interpolations = ['nearest', 'bilinear', 'bicubic', 'lanczos3', 'lanczos5'] as const
export type Interpolation = (typeof interpolations)[number]
const sizeFields = { height: neededCount, width: neededCount }

export const resizingFields = {
  ...sizeFields,
  interpolation: choice(interpolations, 'bilinear'),
  cropToAspectRatio: flag(false),
  padToAspectRatio: flag(false),
  fillMode: only('constant'),
  fillValue: number(0),
  antialias: flag(false),
  dataFormat,
}

export const centerCropFields = { ...sizeFields, dataFormat }

export type FactorLike = number | readonly number[]

/** From where to where a random number goes, and how the option was given. */
export interface Range {
  readonly low: number
  readonly high: number
  readonly given: FactorLike
}

interface FactorRules {
  readonly least: number
  readonly most: number
  /** What a single number stands for. */
  readonly single: (factor: number) => readonly [number, number]
  /** Whether Keras's config keeps the number as it was given. */
  readonly kept?: boolean
}

/** A number, or [lower, upper]. */
export const factor = ({ least, most, single, kept }: FactorRules): Field<FactorLike, Range, true> => ({
  needed: true,
  read(value, what) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value]
    const fits = typeof value === 'number' || list.length === 2
    if (!fits || list.some((item) => typeof item !== 'number' || !(item >= least && item <= most)))
      throw invalid(
        `${what} must be a number or [lower, upper] within [${least}, ${most}], got ${JSON.stringify(value)}`,
      )
    const [a, b] = typeof value === 'number' ? single(value) : (list as [number, number])
    return { low: Math.min(a, b), high: Math.max(a, b), given: value }
  },
  write: ({ low, high, given }) => (kept ? given : [low, high]),
})

export const bothWays = (value: number) => [-Math.abs(value), Math.abs(value)] as const
export const randomFields = { seed, dataFormat, boundingBoxFormat: absent }

export const valueRange: Field<readonly number[], readonly number[]> = {
  needed: false,
  fallback: [0, 255],
  read(value, what) {
    if (!Array.isArray(value) || value.length !== 2 || !(value[0] < value[1]))
      throw invalid(`${what} must be [lowest, highest], got ${JSON.stringify(value)}`)
    return value
  },
  write: (value) => value,
}

export const fillModes = ['reflect', 'wrap', 'constant', 'nearest'] as const
export const samplings = ['nearest', 'bilinear'] as const

export const affineFields = {
  fillMode: choice(fillModes, 'reflect'),
  interpolation: choice(samplings, 'bilinear'),
  fillValue: number(0),
  ...randomFields,
}
const share = factor({ least: -1, most: 1, single: bothWays })
const move = factor({ least: -1, most: 1, single: bothWays, kept: true })

const flipModes = ['horizontal_and_vertical', 'horizontal', 'vertical'] as const
export const flipFields = { mode: choice(flipModes, 'horizontal_and_vertical'), ...randomFields }

export const rotationFields = { factor: share, ...affineFields }

export const zoomFields = {
  heightFactor: move,
  /** As much as the height, unless given. */
  widthFactor: {
    needed: false as const,
    fallback: null,
    read: (value: FactorLike | null, what: string, rank: number) =>
      value === null ? null : move.read(value, what, rank),
    write: (range: Range | null) => range?.given ?? null,
  },
  ...affineFields,
}

export const translationFields = { heightFactor: move, widthFactor: move, ...affineFields }

export const randomCropFields = { height: neededCount, width: neededCount, ...randomFields }

const contrastField = factor({ least: 0, most: 1, single: (value) => [value, value] })

export const contrastFields = {
  /** How much less and more than 1: [lower, upper], or one number for both. */
  factor: {
    ...contrastField,
    read(value: FactorLike, what: string, rank: number): Range {
      contrastField.read(value, what, rank)
      const [less, more] = typeof value === 'number' ? [value, value] : value
      return { low: 1 - less, high: 1 + more, given: [less, more] }
    },
    write: ({ given }: Range) => given,
  },
  valueRange,
  ...randomFields,
}

export const brightnessFields = { factor: share, valueRange, ...randomFields }
