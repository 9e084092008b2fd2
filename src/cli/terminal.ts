import { LanewiseError } from '../core/errors.js'
import type { Tensor } from '../core/tensor.js'

/** A picture in characters: two pixels a cell, upper and lower half. `image` is [.., height, width, 1], from 0 (dark, and below) to 1 (light, and above). */
export function drawImage(image: Tensor): string {
  const [height, width] = image.dims.slice(-3, -1)
  const pixels = image.data as Float32Array
  const ramp = ' .:-=+*#%@'
  const shade = (light: number) => ramp[Math.max(0, Math.min(9, Math.floor(light * 10)))]
  const at = (y: number, x: number) => (y < height ? pixels[y * width + x] : 0)
  const rows: string[] = []
  for (let y = 0; y < height; y += 2) {
    let row = ''
    for (let x = 0; x < width; x++) row += shade((at(y, x) + at(y + 1, x)) / 2)
    rows.push(row)
  }
  return rows.join('\n')
}

/** Whether all values lie in [0, 1], but for rounding. */
export const areProbabilities = (scores: Float32Array): boolean =>
  scores.every((score) => score >= -1e-5 && score <= 1 + 1e-5)

const shownScores = 3

/** The highest classes by falling score, one a line: probabilities with a bar, other scores as they are. */
export function drawScores(scores: Float32Array, nameOf: (label: number) => string = String): string {
  const areShares = areProbabilities(scores)
  const bar = (score: number) =>
    `${'█'.repeat(Math.max(0, Math.round(score * 30))).padEnd(30)} ${(100 * score).toFixed(2)} %`
  const rows = Array.from(scores, (score, label) => ({ score, label }))
    .sort((a, b) => b.score - a.score)
    .slice(0, shownScores)
    .map(({ score, label }) => ({ score, name: nameOf(label) }))
  const width = Math.max(...rows.map(({ name }) => name.length))
  return rows
    .map(({ score, name }) => `${name.padEnd(width)}  ${areShares ? bar(score) : score.toPrecision(6)}`)
    .join('\n')
}

export const argMax = (scores: Float32Array): number =>
  scores.reduce((best, score, index) => (score > scores[best] ? index : best), 0)

/** A command-line number. Throws INVALID_ARGUMENT unless it is one in [low, high]; `whole` asks for an integer. */
export function parseNumber(name: string, text: string, low: number, high: number, whole = true): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `${name} ${text}: expected ${whole ? 'a whole number' : 'a number'} from ${low} to ${high}`,
    )
  return value
}

/** What runs slower than it could, one line a note, beside the output; the first few of many. */
export function printNotes(notes: readonly string[]): void {
  for (const note of notes.slice(0, 5)) process.stderr.write(`note: ${note}\n`)
  if (notes.length > 5)
    process.stderr.write(`note: and ${notes.length - 5} more; lanewise inspect --stage backend shows every step\n`)
}

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
