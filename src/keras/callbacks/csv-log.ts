import { readFileIfPresent } from '../../core/files.js'
import { appendFile, writeFileAtomic } from '../../core/write-files.js'
import type { Logs } from '../training/logs.js'
import type { CSVLoggerOptions } from './loggers.js'

const special = new Map([
  [Number.NaN, 'nan'],
  [Number.POSITIVE_INFINITY, 'inf'],
  [Number.NEGATIVE_INFINITY, '-inf'],
])

/** The names of the logs in order; those of validations that are yet to come, too. */
function columnsOf(logs: Logs, validates: boolean): string[] {
  const names = Object.keys(logs).sort()
  const awaited = validates && !names.some((name) => name.startsWith('val_'))
  const measured = names.filter((name) => name !== 'learning_rate')
  return awaited ? [...names, ...measured.map((name) => `val_${name}`)] : names
}

/** Adds the line of an epoch; `validates`: whether logs of validations are to be expected. */
export type CsvLog = (epoch: number, logs: Logs, validates: boolean) => Promise<void>

/** Begins a file, or goes on with it. */
export async function openCsvLog({ filename, separator = ',', append = false }: CSVLoggerOptions): Promise<CsvLog> {
  let columns: readonly string[] | undefined
  const before = append && new TextDecoder().decode((await readFileIfPresent(filename)) ?? new Uint8Array())
  if (before) {
    columns = before.split(/\r?\n/, 1)[0].split(separator).slice(1)
    if (!before.endsWith('\n')) await appendFile(filename, '\n')
  } else await writeFileAtomic(filename, '')
  const line = (fields: readonly string[]) => `${fields.join(separator)}\n`
  return async (epoch, logs, validates) => {
    let text = ''
    if (!columns) {
      columns = columnsOf(logs, validates)
      text = line(['epoch', ...columns])
    }
    const fields = columns.map((name) => (name in logs ? (special.get(logs[name]) ?? String(logs[name])) : 'NA'))
    await appendFile(filename, text + line([String(epoch), ...fields]))
  }
}
