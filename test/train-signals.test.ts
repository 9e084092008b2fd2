import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runCli, withFolder } from './support/cli.js'

const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
const training = ['train', 'model3', '--synthetic', '--limit', '2000', '--optimizer', 'adam', '--seed', '7', '--json']

const linesOf = (text: string) => text.split('\n').length - 1

/** Trains in `folder` and, when the second epoch has been told (the first one is kept by then), does `act`; gives how the process ended. */
const trainUntil = (folder: string, args: readonly string[], act: (pid: number) => void) =>
  new Promise<{ status: number | null; epochs: number; stderr: string }>((resolve) => {
    const child = spawn(process.execPath, [cli, ...training, ...args], { cwd: folder })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      const before = linesOf(stdout)
      stdout += data
      if (before < 2 && linesOf(stdout) >= 2) act(child.pid!)
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    child.on('close', (status) => resolve({ status, epochs: linesOf(stdout), stderr }))
  })

test('Ctrl-C ends a training after its step, with a checkpoint that goes on to the same bits', () =>
  withFolder(async (folder) => {
    const whole = runCli(cli, [...training, '--epochs', '6', '--out', 'whole.onnx'], folder)
    assert.is(whole.status, 0, whole.stderr)
    const options = ['--epochs', '6', '--out', 'm.onnx', '--checkpoint', 'c']
    const { status, epochs, stderr } = await trainUntil(folder, options, (pid) => process.kill(pid, 'SIGINT'))
    assert.is(status, 130, stderr)
    assert.ok(epochs < 6)
    assert.match(stderr, /stopped by SIGINT after \d epochs?.*--resume goes on from c/)
    assert.not.ok(existsSync(join(folder, 'm.onnx')))
    assert.equal(
      readdirSync(join(folder, 'c')).filter((name) => !/^checkpoint(\.previous)?\.safetensors$/.test(name)),
      [],
    )
    const rest = runCli(cli, [...training, ...options, '--resume'], folder)
    assert.is(rest.status, 0, rest.stderr)
    assert.equal(readFileSync(join(folder, 'm.onnx')), readFileSync(join(folder, 'whole.onnx')))
  }))

test('SIGTERM without a checkpoint says that nothing was saved', () =>
  withFolder(async (folder) => {
    const { status, stderr } = await trainUntil(folder, ['--epochs', '100'], (pid) => process.kill(pid, 'SIGTERM'))
    assert.is(status, 143)
    assert.match(stderr, /nothing was saved, as --checkpoint <folder> would have/)
  }))

test('a folder of checkpoints is one training’s: another is refused, what a killed one left is cleared', () =>
  withFolder(async (folder) => {
    let second: ReturnType<typeof runCli> | undefined
    const options = ['--epochs', '100', '--checkpoint', 'c']
    const first = await trainUntil(folder, options, (pid) => {
      second = runCli(cli, [...training, ...options, '--resume'], folder)
      process.kill(pid, 'SIGKILL')
    })
    assert.is(first.status, null)
    assert.is(second!.status, 2)
    assert.match(second!.stderr, /another training uses this folder \(process \d+/)
    writeFileSync(join(folder, 'c/checkpoint.safetensors.99999.tmp'), 'half')
    const rest = runCli(cli, [...training, '--epochs', '1', '--checkpoint', 'c', '--resume'], folder)
    assert.is(rest.status, 0, rest.stderr)
    assert.equal(
      readdirSync(join(folder, 'c')).filter((name) => !name.startsWith('checkpoint')),
      [],
    )
    assert.not.ok(readdirSync(join(folder, 'c')).some((name) => name.endsWith('.tmp')))
  }))

test.run()
