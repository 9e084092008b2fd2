import { Option } from 'commander'
import { LanewiseError } from '../core/errors.js'
import type { BackendOptions } from '../environment.js'
import { parseClassNames } from './class-names.js'
import { parseNumber } from './terminal.js'

/** What `--backend` takes. */
export type BackendChoice = NonNullable<BackendOptions['backend']>

const backends: readonly BackendChoice[] = ['wasm', 'webgpu', 'auto', 'reference']

/** A name from a list. Throws INVALID_ARGUMENT for any other, with the list. */
export const oneOf =
  <T extends string>(option: string, known: readonly T[]) =>
  (text: string): T => {
    const found = known.find((name) => name === text)
    if (found !== undefined) return found
    throw new LanewiseError('INVALID_ARGUMENT', `${option} ${text}: give one of ${known.join(', ')}`)
  }

/** The range of a number that an option takes. */
export interface Range {
  readonly low: number
  readonly high: number
  readonly whole: boolean
}

/** An option whose value is a number in `range`; any other throws INVALID_ARGUMENT. `flags` is as in `--epochs <n>`. */
export const numberOption = (flags: string, description: string, { low, high, whole }: Range): Option =>
  new Option(flags, description).argParser((text: string) => parseNumber(flags.split(' ')[0], text, low, high, whole))

const whole = (low: number, high: number): Range => ({ low, high, whole: true })

export const ranges = {
  threads: whole(1, 64),
  batch: whole(1, 65536),
  samples: whole(1, 1e9),
} as const

/** The options that several commands have. */
export const threads = numberOption('--threads <n>', 'threads (default: one a core, at most 8)', ranges.threads)
export const backend = new Option(
  '--backend <name>',
  `what computes: ${backends.join(', ')} (default: wasm)`,
).argParser(oneOf('--backend', backends))
export const dataDir = new Option(
  '--data-dir <folder>',
  'where MNIST lies (default: LANEWISE_DATA, ../shared/data, the cache, a download)',
)
export const synthetic = new Option('--synthetic', 'digits drawn by a program instead of MNIST')
export const data = new Option(
  '--data <name>',
  'mnist; a folder of images in subfolders named after their classes (or of such folders train and test); a .csv file; a .npz file',
).default('mnist')

export const classNames = new Option(
  '--class-names <list>',
  'the classes in the order of their numbers, divided by commas (default: as the model or the data say)',
).argParser(parseClassNames)

/** The option of a page that a command writes. Throws INVALID_ARGUMENT for a name that is no page's. */
export const report = (holds: string): Option =>
  new Option('--report <file>', `page to write, ends in .html: ${holds}`).argParser((path: string) => {
    if (/\.html?$/i.test(path)) return path
    throw new LanewiseError('INVALID_ARGUMENT', `--report ${path}: a report is a page; end its name in .html`)
  })

/** The end of a command's help: lines to copy, without the `lanewise` before each. */
export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  lanewise ${line}`).join('\n')}`
