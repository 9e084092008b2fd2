import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { npm } from './packed.js'

const tools = resolve('examples/node_modules')

/** Whether the bundlers and runtimes of examples/ are there: installed on first use. A printed notice says where there is no network. */
export function haveTools(): boolean {
  if (existsSync(join(tools, '.package-lock.json'))) return true
  try {
    npm(resolve('examples'), 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
    return true
  } catch (error) {
    const { message, stderr = '' } = error as Error & { stderr?: string }
    if (!/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT/.test(stderr)) throw new Error(`${message}\n${stderr}`)
    console.log('SKIP examples: their tools cannot be installed without a network')
    return false
  }
}

/** A tool's file below examples/node_modules; undefined, with a printed notice, where this machine has none. */
export function findTool(name: string, ...paths: readonly string[]): string | undefined {
  const found = paths.map((path) => join(tools, path)).find((path) => existsSync(path))
  if (found === undefined) console.log(`SKIP ${name}: examples/node_modules holds no ${paths.join(' or ')}`)
  return found
}

/** Copies the examples to `folder`, with lanewise from its tarball, and the model where each looks for it. */
export function copyExamples(folder: string, tarball: string, model: Uint8Array): void {
  cpSync('examples', folder, { recursive: true, filter: (path) => !/[\\/](node_modules|dist)([\\/]|$)/.test(path) })
  const modules = join(folder, 'node_modules')
  const scoped = readdirSync(tools).filter((name) => name.startsWith('@'))
  for (const scope of scoped) mkdirSync(join(modules, scope), { recursive: true })
  mkdirSync(join(modules, 'lanewise'), { recursive: true })
  const names = readdirSync(tools).filter((name) => !/^[.@]/.test(name) && name !== 'lanewise')
  for (const name of [
    ...names,
    ...scoped.flatMap((scope) => readdirSync(join(tools, scope)).map((n) => join(scope, n))),
  ])
    symlinkSync(join(tools, name), join(modules, name))
  execFileSync('tar', ['xzf', tarball, '-C', join(modules, 'lanewise'), '--strip-components=1'])
  for (const { name } of readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    if (name === 'node_modules') continue
    const isPublic = existsSync(join(folder, name, 'public'))
    writeFileSync(join(folder, name, isPublic ? 'public/model5.onnx' : 'model5.onnx'), model)
  }
}

/** Runs a program to its end; what it wrote to stdout. Throws with all that it wrote. */
export function runTool(cwd: string, program: string, ...values: readonly string[]): string {
  try {
    return execFileSync(program, values, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 120_000 })
  } catch (error) {
    const { stdout, stderr, message } = error as Error & { stdout?: string; stderr?: string }
    throw new Error(`${message}\n${stdout}\n${stderr}`)
  }
}

/** Runs `use` while a server program is up: once its address answers. Its own words are in the error where it is not. */
export async function withServer<T>(
  [program, ...values]: readonly string[],
  cwd: string,
  address: string,
  use: () => Promise<T>,
): Promise<T> {
  const child: ChildProcess = spawn(program, values, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data))
  const ended = new Promise<void>((done) => child.once('exit', () => done()))
  try {
    for (let attempt = 0; ; attempt++) {
      const answers = await fetch(address, { method: 'HEAD' }).then(
        () => true,
        () => false,
      )
      if (answers) break
      if (child.exitCode !== null || attempt === 300) throw new Error(`${program} does not answer`)
      await new Promise((wait) => setTimeout(wait, 100))
    }
    return await use()
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${output}`)
  } finally {
    child.kill()
    await ended
  }
}
