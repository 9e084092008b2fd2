import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../src/core/random.js'

const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
/** `npm run kill-test` asks for 50. */
const kills = Number(process.env.LANEWISE_KILLS ?? 4)
const training = [
  'train',
  'model3',
  '--synthetic',
  '--limit',
  '1500',
  '--epochs',
  '3',
  '--optimizer',
  'adam',
  '--seed',
  '7',
]
const checkpointing = ['--checkpoint', 'c', '--checkpoint-every', '1', '--batch-size', '100', '--json']

/** Trains in `folder`, from its checkpoint if there is one; killed after `delay` milliseconds. Resolves to whether it was. */
const train = (folder: string, delay: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const files = ['checkpoint.safetensors', 'checkpoint.previous.safetensors']
    const resume = files.some((name) => existsSync(join(folder, 'c', name))) ? ['--resume'] : []
    const child = spawn(process.execPath, [cli, ...training, ...checkpointing, ...resume, '--out', 'm.onnx'], {
      cwd: folder,
    })
    let errors = ''
    child.stderr.on('data', (data) => {
      errors += data
    })
    const timer = Number.isFinite(delay) ? setTimeout(() => child.kill('SIGKILL'), delay) : undefined
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      if (signal === 'SIGKILL') resolve(true)
      else if (code === 0) resolve(false)
      else reject(new Error(errors))
    })
  })

test(`a training that is killed at ${kills} random instants, and resumed each time, ends with the same bits`, async () => {
  const root = mkdtempSync(join(tmpdir(), 'lanewise-kill-'))
  try {
    const folder = (name: string) => {
      mkdirSync(join(root, name))
      return join(root, name)
    }
    const whole = folder('whole')
    const started = Date.now()
    assert.is(await train(whole, Number.POSITIVE_INFINITY), false)
    const duration = Date.now() - started
    const expected = readFileSync(join(whole, 'm.onnx'))
    const seed = Date.now()
    const random = new RandomGenerator(seed)
    let killed = 0
    for (let trial = 0; killed < kills; trial++) {
      const place = folder(`trial-${trial}`)
      // Up to three kills in a row, so that what was resumed is killed, too.
      for (let again = random.integer(3); again >= 0; again--)
        if (await train(place, 100 + random.uniform() * duration)) killed++
        else break
      await train(place, Number.POSITIVE_INFINITY)
      assert.ok(expected.equals(readFileSync(join(place, 'm.onnx'))), `trial ${trial} of seed ${seed}`)
      rmSync(place, { recursive: true })
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
})

test.run()
