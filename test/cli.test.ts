import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { encode } from 'fast-png'
import { encode as encodeJpeg } from 'jpeg-js'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { sliceRows } from '../src/data/labels.js'
import { formatNpy, parseNpy } from '../src/data/npy.js'
import { syntheticDigits } from '../src/data/synthetic.js'
import { cli, refused, runCli, withFolder } from './support/cli.js'

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const small = ['--synthetic', '--limit', '640', '--epochs', '2', '--seed', '3']
const testImages = 4000

/** A trained model5, shared by the tests that only read it. */
let modelFile: string | undefined
const trained = (folder: string): string => {
  const path = join(folder, 'm.onnx')
  if (modelFile) {
    writeFileSync(path, Buffer.from(modelFile, 'base64'))
    return path
  }
  const result = runCli(cli, ['train', 'model5', '--optimizer', 'adam', ...small, '--out', 'm.onnx'], folder)
  assert.is(result.status, 0, result.stderr)
  modelFile = readFileSync(path, 'base64')
  return path
}

test('bench: times, and the steps of a profile', () =>
  withFolder((folder) => {
    const args = ['bench', trained(folder), '--batch', '3', '--seconds', '0.1', '--threads', '1']
    const lines = runCli(cli, [...args, '--profile', '--json'], folder).json()
    const { medianMs, minMs, runs, ...rest } = lines[0] as Record<string, number>
    assert.ok(runs >= 1)
    assert.equal(rest, { model: trained(folder), backend: 'wasm', threads: 1, batch: 3 })
    assert.ok(minMs > 0 && minMs <= medianMs)
    const steps = lines.slice(1) as { op: string; ms: number }[]
    const trace = join(folder, 'trace.json')
    assert.match(runCli(cli, [...args, '--trace', trace], folder).stdout, /wrote .*trace\.json/)
    const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as {
      traceEvents: { ph: string; name: string; ts: number; dur: number }[]
    }
    const slices = traceEvents.filter(({ ph }) => ph === 'X')
    assert.is(slices.length, steps.length)
    slices.slice(1).forEach(({ ts }, i) => {
      assert.ok(Math.abs(ts - slices[i].ts - slices[i].dur) < 1e-6, 'one after the other')
    })
    assert.ok(steps.some(({ op }) => op === 'lanewise.ConvNhwc'))
    assert.ok(steps.every(({ ms }) => ms >= 0))
    assert.match(runCli(cli, [...args, '--profile'], folder).stdout, /GFLOP\/s .* for lanewise.ConvNhwc/)
    const long = ['bench', trained(folder), '--batch', '1000', '--threads', '1', '--seconds', '0.01', '--json']
    assert.is(runCli(cli, long, folder).json()[0]['runs'], 1, 'a run that is longer than the time is the only one')
    refused(folder, 2, /--batch 0/, 'bench', 'm.onnx', '--batch', '0')
  }))

test('--backend auto asks no driver where there is no GPU: standard error stays empty', () =>
  withFolder((folder) => {
    const gpu = ['/dev/dri', '/dev/nvidiactl', '/dev/dxg'].some(existsSync) || process.platform !== 'linux'
    if (gpu) return console.log('SKIP there may be a GPU')
    const { VK_ICD_FILENAMES: _, VK_DRIVER_FILES: __, ...env } = process.env
    const args = [cli, 'bench', trained(folder), '--seconds', '0.01', '--backend', 'auto']
    const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    assert.match(stdout, /batch 1, wasm/)
    assert.is(stderr, '')
  }))

test('compare: two backends agree, or the first node that differs is named', () =>
  withFolder((folder) => {
    const args = ['compare', trained(folder), '--backends', 'wasm,reference']
    const agreed = runCli(cli, args, folder)
    assert.is(agreed.status, 0, agreed.stderr)
    assert.match(agreed.stdout, /they agree within 0.001/)
    const strict = runCli(cli, [...args, '--tolerance', '0', '--json'], folder)
    assert.is(strict.status, 1, 'sums in another order differ in their last bits')
    const verdict = strict.json().at(-1)!
    assert.is(verdict['agrees'], false)
    const differing = strict.json().find(({ worst }) => (worst as number) > 0)!
    assert.is(verdict['first'], differing['node'])
    refused(folder, 2, /--backends wasm,tpu/, 'compare', 'm.onnx', '--backends', 'wasm,tpu')
  }))

test('train --json: one line an epoch, a last line with the test result; the file is there', () =>
  withFolder((folder) => {
    const args = ['train', 'model5', '--optimizer', 'adam', '--validation-split', '0.1', ...small]
    const result = runCli(cli, [...args, '--out', 'm.onnx', '--json'], folder)
    assert.is(result.status, 0, result.stderr)
    const lines = result.json()
    assert.is(lines.length, 3)
    lines.slice(0, 2).forEach((line, i) => {
      assert.equal(Object.keys(line), ['epoch', 'loss', 'accuracy', 'valLoss', 'valAccuracy', 'seconds', 'msPerStep'])
      assert.is(line.epoch, i + 1)
      for (const value of Object.values(line)) assert.type(value, 'number')
      assert.ok((line.msPerStep as number) * 5 <= (line.seconds as number) * 1000)
    })
    assert.ok((lines[1].loss as number) < (lines[0].loss as number))
    const last = lines[2] as { test: { loss: number; accuracy: number }; out: string; synthetic: boolean }
    assert.equal(Object.keys(last), ['test', 'out', 'synthetic'])
    assert.equal(Object.keys(last.test), ['loss', 'accuracy'])
    assert.ok(last.test.accuracy > 0.5, `${last.test.accuracy}`)
    assert.is(last.out, 'm.onnx')
    assert.equal(readdirSync(folder), ['m.onnx'])
  }))

test('train: text for people, without escape codes when piped', () =>
  withFolder((folder) => {
    const { status, stdout, stderr } = runCli(cli, ['train', 'model1', ...small], folder)
    assert.is(status, 0, stderr)
    assert.match(stdout, /Total params: 23,860/)
    assert.match(stdout, /Epoch 2\/2\n\d+\/\d+ ━+ .*ms\/step - loss: /)
    assert.match(stdout, /test: loss .*SYNTHETIC/)
    for (const control of ['\r', '\u001b']) assert.not.ok(stdout.includes(control))
  }))

test('evaluate, onnxruntime-web and the training agree about the exported model', () =>
  withFolder(async (folder) => {
    const path = trained(folder)
    const [line] = runCli(cli, ['evaluate', path, '--synthetic', '--json'], folder).json()
    const { loss, accuracy } = line.test as { loss: number; accuracy: number }
    const { x, y } = syntheticDigits(testImages, 2)
    const session = await ort.InferenceSession.create(readFileSync(path))
    const labels = y.toNumbers()
    let correct = 0
    for (let start = 0; start < testImages; start += 500) {
      const batch = sliceRows(x, start, start + 500)
      const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', batch.data as Float32Array, batch.dims) }
      const scores = (await session.run(feeds))[session.outputNames[0]].data as Float32Array
      for (let row = 0; row < 500; row++) {
        const values = scores.subarray(10 * row, 10 * row + 10)
        if (values.indexOf(Math.max(...values)) === labels[start + row]) correct++
      }
    }
    assert.is(accuracy, correct / testImages)
    const repeated = runCli(cli, ['train', 'model5', '--optimizer', 'adam', ...small, '--json'], folder)
      .json()
      .at(-1)!
    const measured = repeated.test as { loss: number; accuracy: number }
    assert.is(measured.accuracy, accuracy)
    assert.ok(Math.abs(measured.loss - loss) < 1e-5, `${measured.loss} and ${loss}`)
  }))

test('predict: a sample, a picture, an array', () =>
  withFolder((folder) => {
    const path = trained(folder)
    const sample = runCli(cli, ['predict', path, '--sample', '5', '--synthetic', '--json'], folder).json()[0]
    const image = sliceRows(syntheticDigits(testImages, 2).x, 5, 6)
    assert.is(sample.label, syntheticDigits(testImages, 2).y.toNumbers()[5])
    writeFileSync(join(folder, 'x.npy'), formatNpy(image))
    const array = runCli(cli, ['predict', path, '--input', 'x.npy', '--json'], folder).json()[0]
    assert.equal(array.scores, sample.scores)
    const pixels = Uint8Array.from(image.data as Float32Array, (value) => Math.round(255 * value))
    writeFileSync(join(folder, 'd.png'), encode({ width: 28, height: 28, data: pixels, channels: 1, depth: 8 }))
    const picture = runCli(cli, ['predict', path, '--image', 'd.png'], folder)
    assert.is(picture.status, 0, picture.stderr)
    assert.is(picture.stdout.split('\n').filter((line) => line.length === 28).length, 14, picture.stdout)
    assert.match(picture.stdout, /prediction: \d/)
    const rgba = {
      width: 28,
      height: 28,
      data: Buffer.from([...pixels].flatMap((value) => [value, value, value, 255])),
    }
    writeFileSync(join(folder, 'd.jpg'), encodeJpeg(rgba, 100).data)
    const jpeg = runCli(cli, ['predict', path, '--image', 'd.jpg', '--json', '--threads', '1'], folder)
    const [{ prediction }] = runCli(cli, ['predict', path, '--image', 'd.png', '--json'], folder).json()
    assert.is(jpeg.json()[0].prediction, prediction, jpeg.stderr)
  }))

test('run: .npy in, .npy out', () =>
  withFolder((folder) => {
    const path = trained(folder)
    const x = sliceRows(syntheticDigits(20, 2).x, 0, 20)
    writeFileSync(join(folder, 'x.npy'), formatNpy(x))
    const result = runCli(cli, ['run', path, '--input', 'x.npy', '--output-dir', 'out', '--json'], folder)
    assert.is(result.status, 0, result.stderr)
    const [{ output, dims, file }] = result.json()
    assert.equal(dims, [20, 10])
    const y = parseNpy(new Uint8Array(readFileSync(join(folder, file as string))))
    assert.equal(y.dims, [20, 10])
    const printed = runCli(cli, ['run', path, '--input', 'x.npy', '--json'], folder).json()[0]
    assert.is(printed.output, output)
    assert.equal((printed.data as number[]).map(Math.fround), y.toNumbers())
  }))

test('paths with spaces and umlauts, folders that are made, and file URLs', () =>
  withFolder((folder) => {
    const options = ['--synthetic', '--limit', '50', '--epochs', '1']
    const [model, report, state] = ['neu er/mödel 1.onnx', 'neu er/bericht ß.html', 'ständ e']
    const files = ['--out', model, '--report', report, '--checkpoint', state]
    const first = runCli(cli, ['train', 'model1', ...options, ...files], folder)
    assert.is(first.status, 0, first.stderr)
    for (const file of [model, report, `${state}/checkpoint.safetensors`])
      assert.ok(statSync(join(folder, file)).size > 0)
    const { href } = pathToFileURL(join(folder, model))
    const tuned = ['--checkpoint', 'tuned', '--out', 'again.onnx']
    for (const step of [options, [...options.slice(0, -1), '2', '--resume']]) {
      const again = runCli(cli, ['train', href, ...step, ...tuned], folder)
      assert.is(again.status, 0, again.stderr)
    }
    for (const path of [model, `./${model}`, join(folder, model), href])
      assert.match(runCli(cli, ['inspect', path], folder).stdout, /23,860 parameters/, path)
    const made = join(folder, 'nét.mjs')
    const index = new URL('../index.js', import.meta.url).href
    writeFileSync(
      made,
      `import { layers, sequential } from '${index}'\nexport default () => sequential([layers.dense({ units: 10, activation: 'softmax', inputShape: [784] })])`,
    )
    for (const path of ['nét.mjs', pathToFileURL(made).href])
      assert.is(runCli(cli, ['train', path, ...options], folder).status, 0, path)
    refused(folder, 2, /there is no model 'fïle.onnx'/, 'train', 'fïle.onnx')
  }))

test('inspect: a description, and every stage', () =>
  withFolder((folder) => {
    const path = trained(folder)
    assert.match(runCli(cli, ['inspect', path], folder).stdout, /108,870 parameters/)
    for (const stage of ['graph', 'optimised', 'plan', 'backend']) {
      const { status, stdout } = runCli(cli, ['inspect', path, '--stage', stage], folder)
      assert.is(status, 0)
      assert.ok(stdout.split('\n').length > 5, `${stage}: ${stdout}`)
    }
  }))

test('convert: float16 through and through, inside, or of the weights; onnxruntime-web takes each', () =>
  withFolder(async (folder) => {
    const path = trained(folder)
    const size = statSync(path).size
    const { x } = syntheticDigits(1, 4)
    const original = await ort.InferenceSession.create(readFileSync(path))
    const [input, output] = [original.inputNames[0], original.outputNames[0]]
    const feed = new ort.Tensor('float32', x.data as Float32Array, x.dims)
    const expected = (await original.run({ [input]: feed }))[output].data as Float32Array
    for (const [name, flags, type] of [
      ['through.onnx', ['--float16'], 'float16'],
      ['inside.onnx', ['--float16', '--keep-io-types', '--optimise', '--strip'], 'float32'],
      ['weights.onnx', ['--float16-weights'], 'float32'],
    ] as const) {
      const result = runCli(cli, ['convert', path, name, ...flags], folder)
      assert.is(result.status, 0, result.stderr)
      const bytes = readFileSync(join(folder, name))
      assert.ok(bytes.length < 0.6 * size, `${name}: ${bytes.length} of ${size} bytes`)
      const session = await ort.InferenceSession.create(bytes)
      const [metadata] = session.inputMetadata
      assert.is(metadata.isTensor && metadata.type, type)
      if (type === 'float32') {
        const given = (await session.run({ [input]: feed }))[output].data as Float32Array
        given.forEach((value, index) => {
          assert.ok(Math.abs(value - expected[index]) < 2e-2, `${name} ${index}: ${value}, ${expected[index]}`)
        })
      }
      await session.release()
    }
    await original.release()
    refused(folder, 2, /--keep-io-types goes with --float16/, 'convert', path, 'x.onnx', '--keep-io-types')
    refused(folder, 2, /choose one/, 'convert', path, 'x.onnx', '--float16', '--float16-weights')
  }))

test('doctor, and doctor --json', () =>
  withFolder((folder) => {
    const [found] = runCli(cli, ['doctor', '--json'], folder).json()
    assert.is(found.backend, 'wasm')
    assert.ok((found.threads as number) >= 1)
    assert.ok(Array.isArray(found.notes))
    const { stdout, stderr, status } = runCli(cli, ['doctor'], folder)
    assert.is(status, 0)
    assert.is(stderr, '')
    assert.match(stdout, new RegExp(`^threads +${found.threads}$`, 'm'))
    assert.match(stdout, /^WebGPU +\S/m)
  }))

test('bad usage: status 2 and a line that says what is wrong', () =>
  withFolder((folder) => {
    refused(folder, 2, /Usage: lanewise/)
    refused(folder, 2, /--backend gpu: give one of wasm, webgpu, auto, reference/, 'run', 'm.onnx', '--backend', 'gpu')
    refused(folder, 2, /m\.txt does not say what to write; end it in \.onnx/, 'train', 'model1', '--out', 'm.txt')
    refused(folder, 2, /--stage all: give one of graph/, 'inspect', 'm.onnx', '--stage', 'all')
    for (const args of [['trian'], ['trian', '--help'], ['help', 'trian']])
      refused(folder, 2, /unknown command 'trian'; the commands are train, search/, ...args)
    refused(folder, 2, /missing required argument 'model'/, 'train')
    refused(folder, 2, /unknown option '--epoch'/, 'train', 'model1', '--epoch', '3')
    refused(folder, 2, /no model 'model9'.*model1/, 'train', 'model9')
    refused(
      folder,
      2,
      /--report r\.pdf: a report is a page; end its name in \.html/,
      'train',
      'model1',
      '--report',
      'r.pdf',
    )
    refused(folder, 2, /unknown optimizer 'adamm'/, 'train', 'model1', '--synthetic', '--optimizer', 'adamm')
    refused(folder, 2, /--data cifar/, 'train', 'model1', '--data', 'cifar')
    refused(folder, 2, /--epochs ten/, 'train', 'model1', '--epochs', 'ten')
    refused(folder, 2, /--batch-size 0/, 'train', 'model1', '--batch-size', '0')
    refused(folder, 2, /--validation-split 2/, 'train', 'model1', '--validation-split', '2')
    refused(folder, 2, /no MNIST in/, 'train', 'model1', '--data-dir', 'nowhere', '--out', 'm.onnx')
    refused(folder, 2, /no file none.onnx/, 'evaluate', 'none.onnx', '--synthetic')
    refused(folder, 2, /give one of --image, --input and --sample/, 'predict', 'none.onnx')
  }))

test('--help: every command says what its arguments are, and its examples name options that there are', () =>
  withFolder((folder) => {
    const helpOf = (...command: string[]) => {
      const { status, stdout } = runCli(cli, [...command, '--help'], folder)
      assert.is(status, 0)
      assert.match(stdout, /Usage: lanewise/)
      return stdout
    }
    const commands = [...helpOf().matchAll(/^ {2}(\w+) .*\[options\]/gm)].map(([, name]) => name)
    assert.ok(commands.length >= 11, commands.join())
    for (const command of commands) {
      const help = helpOf(command)
      const [, lines] = help.split('\nExamples:\n')
      assert.ok(lines, `${command} has examples`)
      for (const line of lines.trim().split('\n')) {
        assert.match(line, new RegExp(`^ *lanewise ${command}( |$)`))
        for (const [flag] of line.matchAll(/--[a-z0-9-]+/g)) assert.match(help, new RegExp(`^ {2}${flag} `, 'm'), line)
      }
      if (/ <\w/.test(help.split('\n')[0])) assert.match(help, /\nArguments:\n/, command)
    }
  }))

test('bad input: truncated data and models, wrong shapes', () =>
  withFolder((folder) => {
    const names = ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1']
    mkdirSync(join(folder, 'data'))
    for (const name of names) writeFileSync(join(folder, 'data', `${name}-ubyte`), Uint8Array.of(0, 0, 8, 3, 0, 0))
    const train = ['train', 'model1', '--out', 'm.onnx']
    refused(folder, 2, /-ubyte.*truncated/s, ...train, '--data-dir', 'data')
    const path = trained(folder)
    copyFileSync(path, join(folder, 'cut.onnx'))
    truncateSync(join(folder, 'cut.onnx'), statSync(path).size >> 1)
    refused(folder, 2, /cut.onnx.*truncated/s, 'evaluate', 'cut.onnx', '--synthetic')
    refused(folder, 2, /cut.onnx.*truncated/s, 'inspect', 'cut.onnx')
    writeFileSync(join(folder, 'x.npy'), formatNpy(Tensor.zeros('float32', [1, 27, 28, 1])))
    refused(folder, 2, /\[1, 27, 28, 1\]/, 'run', 'm.onnx', '--input', 'x.npy', '--output-dir', 'out')
    refused(folder, 2, /no input 'nope'/, 'run', 'm.onnx', '--input', 'nope=x.npy')
    writeFileSync(join(folder, 'x.npy'), formatNpy(Tensor.full('float32', [1, 28, 28, 1], Number.NaN)))
    refused(folder, 1, /row 0 of '.*' is not finite \(NaN, /, 'predict', 'm.onnx', '--input', 'x.npy')
    writeFileSync(join(folder, 'x.npy'), formatNpy(Tensor.zeros('float32', [0, 28, 28, 1])))
    refused(folder, 2, /m\.onnx gave \[0, 10\]: the input has no rows/, 'predict', 'm.onnx', '--input', 'x.npy')
    writeFileSync(join(folder, 'x.npy'), formatNpy(Tensor.zeros('float64', [1, 28, 28, 1])))
    refused(folder, 2, /float64/, 'run', 'm.onnx', '--input', 'x.npy')
    truncateSync(join(folder, 'x.npy'), 200)
    refused(folder, 2, /x\.npy/, 'run', 'm.onnx', '--input', 'x.npy')
    writeFileSync(join(folder, 'd.png'), 'not a picture')
    refused(folder, 2, /d\.png/, 'predict', 'm.onnx', '--image', 'd.png')
    writeFileSync(join(folder, 'net.json'), '{"class_name": "Sequential"')
    refused(folder, 2, /JSON/, 'train', 'net.json', '--synthetic')
    writeFileSync(join(folder, 'net.mjs'), 'export default 5')
    refused(folder, 2, /default export/, 'train', 'net.mjs', '--synthetic')
    writeFileSync(join(folder, 'net.mjs'), 'let a\nthrow new Error("boom")')
    refused(folder, 2, /net\.mjs does not load: boom \(.*net\.mjs:2:7/, 'train', 'net.mjs', '--synthetic')
  }))

test.run()
