import { LanewiseError } from '../core/errors.js'
import { checkOptions } from '../core/options.js'
import { addressOf, readSource, type Source } from '../core/source.js'
import { Tensor } from '../core/tensor.js'
import { parseNpy } from './npy.js'

const nameOf = (source: Source, otherwise: string) => addressOf(source) ?? otherwise

/** See datasets.ts. */
export async function npz(source: Source): Promise<Record<string, Tensor>> {
  const name = nameOf(source, 'the .npz file')
  const bytes = await readSource(source)
  const { isZip, ZipArchive } = await import('./zip.js')
  if (!isZip(bytes)) throw new LanewiseError('INVALID_DATA', `${name}: not a .npz file`)
  const archive = new ZipArchive(bytes, name)
  return Object.fromEntries(
    archive.names.map((member) => [
      member.replace(/\.npy$/, ''),
      parseNpy(archive.need(member), `${name}, member '${member}'`),
    ]),
  )
}

/** See datasets.ts. */
export const npy = async (source: Source): Promise<Tensor> =>
  parseNpy(await readSource(source), nameOf(source, 'the .npy file'))

export interface CsvOptions {
  /** The column of the targets, by name or number (from 0, from the end where negative); the last unless given; null: none. */
  readonly label?: string | number | null
  /** The columns of the inputs; all others unless given. */
  readonly features?: readonly (string | number)[]
  readonly delimiter?: string
  /** Whether the first line has the columns' names; true unless given. */
  readonly header?: boolean
  /** What an empty field of the inputs counts as; refused unless given. */
  readonly missing?: number
}

const csvOptions: Readonly<Record<keyof CsvOptions, true>> = {
  label: true,
  features: true,
  delimiter: true,
  header: true,
  missing: true,
}

export interface CsvTable {
  /** float32 [rows, features]. */
  readonly x: Tensor
  /** float32 [rows], or class numbers, int32, where the column has texts; undefined where there is no label. */
  readonly y: Tensor | undefined
  readonly featureNames: readonly string[]
  /** The texts of the label's column in alphabetical order; undefined for numbers. */
  readonly classNames: readonly string[] | undefined
}

const decimal = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$|^\s*(nan|[-+]?inf(inity)?)\s*$/i

function numberOf(text: string): number | undefined {
  if (!decimal.test(text)) return undefined
  const word = text.trim().toLowerCase().replace('infinity', 'inf')
  if (word === 'nan') return Number.NaN
  return /inf$/.test(word) ? (word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY) : Number(text)
}

/** See datasets.ts. */
export async function csv(source: Source, options: CsvOptions = {}): Promise<CsvTable> {
  checkOptions('csv', options, csvOptions)
  const name = nameOf(source, 'the CSV file')
  const { label = -1, delimiter = ',', header = true, missing } = options
  const { parse } = await import('./parse-csv.js')
  let rows: string[][]
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readSource(source))
    rows = parse(text, { delimiter, bom: true, skip_empty_lines: true })
  } catch (cause) {
    if (cause instanceof LanewiseError) throw cause
    const reason = cause instanceof TypeError ? 'it is not UTF-8 text; save it as such' : (cause as Error).message
    throw new LanewiseError('INVALID_DATA', `${name}: ${reason}`, { cause })
  }
  const names = header ? (rows.shift() ?? []).map((text) => text.trim()) : (rows[0] ?? []).map((_, i) => String(i))
  if (rows.length === 0) throw new LanewiseError('INVALID_DATA', `${name}: it has no rows`)
  const column = (which: string | number): number => {
    const index = typeof which === 'string' ? names.indexOf(which) : which < 0 ? names.length + which : which
    if (index >= 0 && index < names.length) return index
    throw new LanewiseError('INVALID_ARGUMENT', `${name}: there is no column ${which}; there are ${names.join(', ')}`)
  }
  const target = label === null ? undefined : column(label)
  const features = options.features?.map(column) ?? names.map((_, i) => i).filter((index) => index !== target)
  const x = new Float32Array(rows.length * features.length)
  rows.forEach((row, r) => {
    features.forEach((index, f) => {
      const value = row[index].trim() === '' ? missing : numberOf(row[index])
      if (value === undefined)
        throw new LanewiseError(
          'INVALID_DATA',
          `${name}: row ${r + 1}, column '${names[index]}': ${row[index].trim() === '' ? 'nothing is there; say what counts, with missing' : `'${row[index].slice(0, 40)}' is not a number`}`,
        )
      x[r * features.length + f] = value
    })
  })
  const empty = target === undefined ? -1 : rows.findIndex((row) => row[target].trim() === '')
  if (empty >= 0)
    throw new LanewiseError('INVALID_DATA', `${name}: row ${empty + 1} has no label in column '${names[target!]}'`)
  return {
    x: new Tensor('float32', x, [rows.length, features.length]),
    ...targetsOf(target === undefined ? undefined : rows.map((row) => row[target].trim())),
    featureNames: features.map((index) => names[index]),
  }
}

function targetsOf(texts: readonly string[] | undefined): Pick<CsvTable, 'y' | 'classNames'> {
  if (!texts) return { y: undefined, classNames: undefined }
  const numbers = texts.map(numberOf)
  if (numbers.every((value) => value !== undefined))
    return { y: new Tensor('float32', Float32Array.from(numbers), [texts.length]), classNames: undefined }
  const classNames = [...new Set(texts)].sort()
  const places = new Map(classNames.map((text, i) => [text, i]))
  const y = Int32Array.from(texts, (text) => places.get(text)!)
  return { y: new Tensor('int32', y, [texts.length]), classNames }
}
