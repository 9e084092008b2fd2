import { readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import { readFileIfPresent } from '../core/files.js'
import { writeFileAtomic } from '../core/write-files.js'
import type { SearchConfig } from './config.js'
import { lockFolder } from './lock.js'
import { newRecord, type TrialRecord } from './record.js'
import type { Settings } from './settings.js'

/** The name of a trial's folder. */
export const trialFolder = (trial: number): string => `trial-${String(trial).padStart(4, '0')}`

const configFile = 'search.json'
const recordFile = 'trial.json'
const text = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

/** A search on disk: its configuration, a lock, and a folder for each trial with its record. All files are whole or not there. */
export class SearchStore {
  readonly folder: string
  readonly records: TrialRecord[]
  readonly #unlock: () => Promise<void>
  readonly #writes = new Map<string, Promise<void>>()

  private constructor(folder: string, records: TrialRecord[], unlock: () => Promise<void>) {
    this.folder = folder
    this.records = records
    this.#unlock = unlock
  }

  /**
   * Takes `folder` for a search; `resume`: for the one that it holds. Throws INVALID_ARGUMENT if it holds one and is not
   * to be resumed, holds another, or is in use; DATA_NOT_FOUND if there is none to resume; IO_ERROR if it cannot be written.
   */
  static async open(
    folder: string,
    config: SearchConfig,
    trials: readonly Settings[],
    resume: boolean,
  ): Promise<SearchStore> {
    if (resume && !(await readFileIfPresent(join(folder, configFile))))
      throw new LanewiseError('DATA_NOT_FOUND', `--resume: there is no search in ${folder}`)
    const unlock = await lockFolder(folder, 'search')
    try {
      await claim(folder, { config, trials }, resume)
      const records = await Promise.all(trials.map((settings, i) => readRecord(folder, i + 1, settings)))
      return new SearchStore(folder, records, unlock)
    } catch (error) {
      await unlock()
      await rmdir(folder).catch(() => {})
      throw error
    }
  }

  folderOf(trial: number): string {
    return join(this.folder, trialFolder(trial))
  }

  /** Keeps a record, on disk too, once the promise is fulfilled. Records of one trial are written in order. Throws IO_ERROR. */
  save(record: TrialRecord): Promise<void> {
    this.records[record.trial - 1] = record
    return this.#write(join(this.folderOf(record.trial), recordFile), text(record))
  }

  /** Writes a file of the search itself. Throws IO_ERROR. */
  write(name: string, content: string): Promise<void> {
    return this.#write(join(this.folder, name), content)
  }

  #write(path: string, content: string): Promise<void> {
    const before = this.#writes.get(path) ?? Promise.resolve()
    const written = before.then(() => writeFileAtomic(path, content))
    this.#writes.set(
      path,
      written.catch(() => {}),
    )
    return written
  }

  /** Waits for what is being written and lets the folder go. */
  async close(): Promise<void> {
    await Promise.all(this.#writes.values())
    await this.#unlock()
  }
}

/** Makes the locked folder this search's, if it is empty or holds the same search. */
async function claim(folder: string, search: object, resume: boolean): Promise<void> {
  const path = join(folder, configFile)
  const found = await readFileIfPresent(path)
  if (found && !resume)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `${folder} holds a search: add --resume to go on with it, or name another folder with --out`,
    )
  if (found) return checkSame(folder, parse(path, found) as Identity, JSON.parse(JSON.stringify(search)) as Identity)
  if ((await readdir(folder)).length > 1)
    throw new LanewiseError('INVALID_ARGUMENT', `${folder} holds other files: name another folder with --out`)
  await writeFileAtomic(path, text(search))
}

function parse(path: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new LanewiseError('INVALID_DATA', `${path} is damaged: ${(cause as Error).message}`, { cause })
  }
}

interface Identity {
  readonly config: Record<string, unknown>
  readonly trials: unknown
}

function checkSame(folder: string, kept: Identity, asked: Identity): void {
  const differs = (name: string) => JSON.stringify(kept.config[name]) !== JSON.stringify(asked.config[name])
  const different = Object.keys({ ...kept.config, ...asked.config }).filter(differs)
  if (different.length === 0 && JSON.stringify(kept.trials) !== JSON.stringify(asked.trials)) different.push('space')
  if (different.length > 0)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `the search in ${folder} has another ${different.join(', ')}: restore the configuration, or name another folder with --out`,
    )
}

/** Throws INVALID_DATA for a record that is of no use. */
async function readRecord(folder: string, trial: number, settings: Settings): Promise<TrialRecord> {
  const path = join(folder, trialFolder(trial), recordFile)
  const bytes = await readFileIfPresent(path)
  if (!bytes) return newRecord(trial, settings)
  const record = parse(path, bytes) as TrialRecord
  if (record?.trial !== trial || !Array.isArray(record.epochs) || typeof record.reached !== 'number')
    throw new LanewiseError(
      'INVALID_DATA',
      `${path} is not the record of trial ${trial}: delete it, and the trial is trained anew`,
    )
  return record
}
