import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { layers, loadKeras, loadOnnx, sequential } from '../src/index.js'
import { cli, runCli, withFolder } from './support/cli.js'

const net = sequential([layers.dense({ units: 2, activation: 'tanh', inputShape: [3], name: 'only' })])
const onnx = net.toOnnx()

/** One run with `input` on standard input; what it wrote, as bytes and as text. */
function pipe(args: readonly string[], input: Uint8Array | string) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { input })
  return { status, bytes: new Uint8Array(stdout), text: stdout.toString(), stderr: stderr.toString() }
}

test('inspect --json: one line with what the text says', () =>
  withFolder(async (folder) => {
    writeFileSync(join(folder, 'a.onnx'), onnx)
    await net.save(join(folder, 'a.keras'))
    await net.save(join(folder, 'a.weights.h5'))
    const [model] = runCli(cli, ['inspect', 'a.onnx', '--json'], folder).json()
    assert.is(model['format'], 'onnx')
    assert.is(model['parameters'], 8)
    assert.equal(model['outputs'], [{ name: 'only', type: 'float32', shape: ['batch', 2] }])
    const [keras] = runCli(cli, ['inspect', 'a.keras', '--json'], folder).json()
    assert.is(keras['format'], 'keras')
    assert.equal(keras['layers'], [{ name: 'only', className: 'Dense', outputShape: [null, 2], parameters: 8 }])
    const [weights] = runCli(cli, ['inspect', 'a.weights.h5', '--json'], folder).json()
    assert.is(weights['parameters'], 8)
    assert.equal((weights['weights'] as { shape: number[] }[]).map(({ shape }) => shape).sort(), [[2], [3, 2]])
    const refused = runCli(cli, ['inspect', 'a.onnx', '--json', '--costs'], folder)
    assert.is(refused.status, 2)
    assert.match(refused.stderr, /--json goes with the description alone/)
  }))

test('convert --json: what was written', () =>
  withFolder((folder) => {
    writeFileSync(join(folder, 'a.onnx'), onnx)
    const [line] = runCli(cli, ['convert', 'a.onnx', 'b.onnx', '--optimise', '--json'], folder).json()
    assert.equal(Object.keys(line), ['out', 'format', 'nodes', 'bytes'])
    assert.is(line['bytes'], readFileSync(join(folder, 'b.onnx')).length)
  }))

test('- stands for standard input and output: models by what they hold', async () => {
  assert.match(pipe(['inspect', '-'], onnx).text, /8 parameters/)
  const keras = Object.values(await net.toFiles('a.keras'))[0]
  assert.match(pipe(['inspect', '-'], keras).text, /a \.keras file/)
  const written = pipe(['convert', '-', '-', '--to', 'onnx'], keras)
  assert.is(written.status, 0)
  assert.equal((await loadOnnx(written.bytes)).countParams(), 8)
  const h5 = pipe(['convert', '-', '-', '--to', 'h5'], keras).bytes
  const again = await loadKeras(pipe(['convert', '-', '-', '--to', 'keras'], h5).bytes)
  assert.equal(
    again.getWeights().map((weight) => weight.toNumbers()),
    net.getWeights().map((weight) => weight.toNumbers()),
  )
})

test('- is refused where it cannot be, with the way around', () => {
  const cases: readonly (readonly [args: readonly string[], input: Uint8Array | string, message: RegExp])[] = [
    [['inspect', '-'], '', /standard input, which is empty: pipe a file into it/],
    [['inspect', '-'], 'hello', /not an ONNX model/],
    [['convert', '-', '-'], onnx, /- does not say what to write; add --to onnx/],
    [['convert', '-', '-', '--to', 'tfjs'], onnx, /several files; name a folder/],
    [['convert', '-', '-', '--to', 'onnx', '--json'], onnx, /--json would go there, too; name a file/],
  ]
  for (const [args, input, message] of cases) {
    const { status, text, stderr } = pipe(args, input)
    assert.is(status, 2)
    assert.is(text, '')
    assert.match(stderr, message)
  }
})

test('a signal while a file is written leaves the file whole or none, and no temporary one', () =>
  withFolder(async (folder) => {
    const large = sequential([layers.dense({ units: 3000, inputShape: [3000] })])
    writeFileSync(join(folder, 'a.onnx'), large.toOnnx())
    let interrupted = 0
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = spawn(process.execPath, [cli, 'convert', 'a.onnx', 'b.onnx'], { cwd: folder, stdio: 'ignore' })
      const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('exit', (_, by) => resolve(by)))
      const isWriting = () => readdirSync(folder).some((name) => name.endsWith('.tmp'))
      while (child.exitCode === null && child.signalCode === null && !isWriting())
        await new Promise((resolve) => setTimeout(resolve, 1))
      child.kill(signal)
      if ((await ended) === signal) interrupted++
      assert.not(isWriting(), `after ${signal}`)
      const file = join(folder, 'b.onnx')
      if (existsSync(file)) assert.ok(readFileSync(file).length > 36e6)
    }
    if (interrupted === 0) console.log('SKIP the signal came too late each time')
  }))

test.run()
