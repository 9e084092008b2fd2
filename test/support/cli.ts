import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'

/** The bundled command line. */
export const cli = join(process.env['LANEWISE_TEST_BUILD'] ?? '', 'cli.js')

/** What one run of the command line left. */
export interface CliResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** The lines of stdout as JSON. Throws where they are not. */
  json(): Record<string, unknown>[]
}

/** Runs the bundled command line at `cli` with `args`, in `cwd`. */
export function runCli(cli: string, args: readonly string[], cwd: string): CliResult {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { cwd, encoding: 'utf8' })
  const json = () =>
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { status, stdout, stderr, json }
}

/** Runs `use` with a temporary folder, which is deleted afterwards. */
export async function withFolder(use: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-'))
  try {
    await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs a command that must fail: its status, an explanation, and no files but those that `folder` had. */
export function refused(folder: string, status: number, message: RegExp, ...args: string[]) {
  const before = readdirSync(folder, { recursive: true }).sort()
  const result = runCli(cli, args, folder)
  assert.is(result.status, status, `${args.join(' ')}: ${result.stderr}`)
  assert.match(result.stderr, message)
  assert.not.match(result.stderr, /\n\s+at /, 'no stack trace')
  assert.equal(readdirSync(folder, { recursive: true }).sort(), before)
}
