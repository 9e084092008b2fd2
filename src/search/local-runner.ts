import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { untilFree } from './lock.js'
import type { EpochLine, TrialRecord } from './record.js'
import type { Outcome, TrialJob, TrialRunner } from './runner.js'
import type { Settings, Value } from './settings.js'

/** How long a child may take to end when it is told to, in milliseconds. */
const patience = 5000

/** How long a child whose search was killed may take to its next line, where it ends, in milliseconds. */
const orphanPatience = 60_000

interface LastLine {
  readonly test: TrialRecord['test']
  readonly synthetic?: boolean
}

export interface LocalRunnerOptions {
  /** The program that takes `train …`, and its first arguments. */
  readonly command: readonly string[]
  /** The folder of a trial: checkpoint/ and model.onnx lie there. */
  folderOf(trial: number): string
  /** What sets an option, or a parameter of the model, on the command line. */
  argumentsOf(option: string, value: Value): readonly string[]
  /** Options of this machine; a job's own come first. */
  readonly defaults?: Settings
}

/** Trains each trial in a process of its own. */
export function localRunner({ command, folderOf, argumentsOf, defaults = {} }: LocalRunnerOptions): TrialRunner {
  const checkpointOf = (trial: number) => join(folderOf(trial), 'checkpoint')
  const modelOf = (trial: number) => join(folderOf(trial), 'model.onnx')
  const remove = (path: string) => rm(path, { recursive: true, force: true })

  async function run(job: TrialJob, onEpoch: (line: EpochLine) => void, signal: AbortSignal): Promise<Outcome> {
    if (signal.aborted) return { status: 'stopped' }
    const checkpoint = checkpointOf(job.trial)
    await untilFree(checkpoint, orphanPatience, signal)
    const resumes = job.from > 0 && existsSync(checkpoint)
    if (!resumes) await remove(checkpoint)
    const settings: Settings = { ...defaults, ...job.options, epochs: job.epochs }
    const args = [
      ...['train', job.model, '--json', '--out', modelOf(job.trial)],
      ...['--checkpoint', checkpoint, ...(resumes ? ['--resume'] : [])],
      ...Object.entries(settings).flatMap(([name, value]) => argumentsOf(name, value)),
    ]
    const range = { from: resumes ? job.from : 0, to: job.epochs }
    const { outcome, gap } = await train([...command, ...args], range, onEpoch, signal)
    if (!gap) return outcome
    // The checkpoint is of a later epoch than was told, as its training outlived a search: the figures in between are lost.
    if (resumes) return run({ ...job, from: 0 }, onEpoch, signal)
    return { status: 'failed', error: `the training did not tell each of its ${job.epochs} epochs` }
  }

  return {
    run,
    async release(trial, keep) {
      await remove(checkpointOf(trial))
      if (!keep) await remove(modelOf(trial))
    },
  }
}

/** A line of the training; undefined for what a model's own module prints. */
function parseLine(text: string): EpochLine | LastLine | undefined {
  try {
    const line = JSON.parse(text) as object | null
    return typeof line === 'object' && line !== null && ('epoch' in line || 'test' in line)
      ? (line as EpochLine | LastLine)
      : undefined
  } catch {
    return undefined
  }
}

/** One child, from start to end. `gap`: it did not tell each epoch after `from` up to `to`. */
function train(
  [program, ...args]: readonly string[],
  { from, to }: { readonly from: number; readonly to: number },
  onEpoch: (line: EpochLine) => void,
  signal: AbortSignal,
): Promise<{ outcome: Outcome; gap: boolean }> {
  return new Promise((resolve, reject) => {
    // A group of its own: Ctrl-C on the terminal reaches the search alone, which then ends its children.
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    let errors = ''
    let next = from + 1
    let gap = false
    let last: LastLine | undefined
    let timer: NodeJS.Timeout | undefined
    const end = () => {
      child.kill('SIGTERM')
      timer ??= setTimeout(() => child.kill('SIGKILL'), patience)
    }
    signal.addEventListener('abort', end, { once: true })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-8000)
    })
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = parseLine(text)
      if (!line || gap || signal.aborted) return
      if ('test' in line) last = line
      else if (line.epoch === next || (next === from + 1 && line.epoch < next)) {
        next = line.epoch + 1
        onEpoch(line)
      } else {
        gap = true
        end()
      }
    })
    child.on('error', reject)
    child.on('close', (code, killedBy) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      const outcome = (): Outcome => {
        if (signal.aborted) return { status: 'stopped' }
        if (code === 0 && last)
          return { status: 'done', test: last.test, notes: notesOf(errors, last, args.includes('--synthetic')) }
        const reason = errors.trim().split('\n').slice(-12).join('\n')
        return { status: 'failed', error: reason || `the training ended by ${killedBy ?? `status ${code}`}` }
      }
      const result = outcome()
      resolve({ outcome: result, gap: gap || (result.status === 'done' && next <= to) })
    })
  })
}

const notesOf = (errors: string, { synthetic }: LastLine, asked: boolean): string[] | undefined => {
  const notes = errors
    .split('\n')
    .filter((line) => line.startsWith('note: '))
    .map((line) => line.slice(6))
  if (synthetic && !asked) notes.push('the data set was not found: trained on synthetic digits')
  return notes.length > 0 ? notes : undefined
}
