import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { runCli, withFolder } from './support/cli.js'
import { writeDigits } from './support/digits.js'

const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
const index = new URL('../index.js', import.meta.url).href

const config = {
  model: 'model3',
  train: { dataDir: 'digits', limit: 64, batchSize: 16 },
  strategy: 'grid',
  epochs: 2,
  seed: 5,
  space: { optimizer: ['adam', 'nothing'], learningRate: [0.01] },
}

const write = (folder: string, name: string, value: object) => {
  writeDigits(join(folder, 'digits'), 100, 50)
  writeFileSync(join(folder, name), JSON.stringify(value))
}

test('search trains by child processes, reports a trial that fails, and leaves results, a plot and the best model', () =>
  withFolder((folder) => {
    write(folder, 'c.json', config)
    const { status, stdout, stderr } = runCli(cli, ['search', 'c.json', '--workers', '2'], folder)
    assert.is(status, 0, stderr)
    assert.match(stdout, /trial 2 FAILED {2}optimizer nothing {2}learningRate 0.01: .*optimizer.*'?nothing/)
    assert.match(stdout, / 1 {2}trial 1 .*optimizer adam/)
    assert.match(stdout, /best model: c\/trial-0001\/model\.onnx/)
    assert.is(stderr, '')
    for (const control of ['\r', '\u001b']) assert.not.ok(stdout.includes(control))
    assert.equal(readdirSync(join(folder, 'c')).sort(), [
      'results.json',
      'results.svg',
      'search.json',
      'trial-0001',
      'trial-0002',
    ])
    assert.equal(readdirSync(join(folder, 'c/trial-0001')).sort(), ['model.onnx', 'trial.json'])
    const results = JSON.parse(readFileSync(join(folder, 'c/results.json'), 'utf8'))
    assert.equal([results.complete, results.failed, results.best.trial], [true, [2], 1])

    // The same training by hand.
    const byHand = [
      ...[
        'train',
        'model3',
        '--data-dir',
        'digits',
        '--limit',
        '64',
        '--batch-size',
        '16',
        '--epochs',
        '2',
        '--seed',
        '5',
      ],
      ...['--optimizer', 'adam', '--learning-rate', '0.01', '--validation-split', '0.1', '--out', 'm.onnx', '--json'],
    ]
    const lines = runCli(cli, byHand, folder).json()
    assert.is(results.trials[0].epochs[1].valLoss, lines[1].valLoss)
    assert.equal(results.trials[0].test, lines[2].test)
    assert.ok(readFileSync(join(folder, 'c/trial-0001/model.onnx')).equals(readFileSync(join(folder, 'm.onnx'))))

    const again = runCli(cli, ['search', 'c.json', '--resume', '--retry-failed', '--json'], folder)
    assert.equal(
      again.json().map(({ event, trial }) => [event, trial]),
      [
        ['start', 2],
        ['end', 2],
        ['results', undefined],
      ],
    )
  }))

/** Starts a search, in a folder named as the signal, and sends it `signal` when `count` epochs are over. */
const interrupted = (folder: string, signal: NodeJS.Signals, count: number) =>
  new Promise<{ code: number | null; killed: string | null; last: Record<string, unknown> }>((resolve) => {
    const child = spawn(process.execPath, [cli, 'search', 'c.json', '--out', signal, '--workers', '2', '--json'], {
      cwd: folder,
    })
    let text = ''
    let sent = false
    child.stdout.on('data', (data) => {
      text += data
      if (sent || text.split('"event":"epoch"').length <= count) return
      sent = true
      child.kill(signal)
    })
    child.on('close', (code, killed) =>
      resolve({ code, killed, last: JSON.parse(text.trimEnd().split('\n').at(-1)!) as Record<string, unknown> }),
    )
  })

const long = {
  ...config,
  epochs: 20,
  space: { optimizer: ['adam'], learningRate: [0.01], seed: [1, 2] },
}

test('search --resume goes on to the same results after Ctrl-C, and after the end of its process', () =>
  withFolder(async (folder) => {
    write(folder, 'c.json', long)
    const search = (...args: string[]) => {
      const { status, stderr } = runCli(cli, ['search', 'c.json', '--workers', '2', ...args], folder)
      assert.is(status, 0, stderr)
    }
    search('--out', 'whole')
    const read = (name: string) => JSON.parse(readFileSync(join(folder, name, 'results.json'), 'utf8'))
    const lossesOf = ({ trials }: { trials: { epochs: { valLoss: number }[] }[] }) =>
      trials.map(({ epochs }) => epochs.map(({ valLoss }) => valLoss))
    const whole = read('whole')
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const { code, killed, last } = await interrupted(folder, signal, 10)
      if (signal === 'SIGINT') {
        assert.is(code, 130)
        assert.equal([last['event'], last['complete']], ['results', false])
      } else assert.is(killed, 'SIGKILL')
      assert.is(existsSync(join(folder, signal, 'lock')), signal === 'SIGKILL')
      search('--resume', '--out', signal)
      const results = read(signal)
      assert.equal(results.ranking, whole.ranking)
      assert.equal(lossesOf(results), lossesOf(whole))
      const model = whole.best.model
      assert.ok(readFileSync(join(folder, signal, model)).equals(readFileSync(join(folder, 'whole', model))))
    }
  }))

test('search trains a module of one’s own, found from the config’s folder; the folder may move', () =>
  withFolder((folder) => {
    mkdirSync(join(folder, 'here'))
    const network = `import { layers, sequential } from ${JSON.stringify(index)}
export default {
  name: 'net', description: 'net', batchSize: 10, epochs: 1,
  model: () => sequential([layers.dense({ units: 10, activation: 'softmax', inputShape: [784] })]),
  compile: () => ({ loss: 'categoricalCrossentropy', metrics: ['accuracy'] }),
}`
    writeFileSync(join(folder, 'here/net.mjs'), network)
    const { trials, epochs } = { trials: 2, epochs: 1 }
    const own = {
      ...config,
      model: 'net.mjs',
      strategy: 'random',
      trials,
      epochs,
      space: { seed: { integer: [1, 9] } },
    }
    write(join(folder, 'here'), 'c.json', own)
    const first = runCli(cli, ['search', 'here/c.json', '--json'], folder)
    assert.is(first.status, 0, first.stderr)
    assert.equal((first.json().at(-1)!['ranking'] as unknown[]).length, 2)
    renameSync(join(folder, 'here'), join(folder, 'there'))
    const again = runCli(cli, ['search', 'there/c.json', '--resume', '--json'], folder)
    assert.equal(
      again.json().map(({ event }) => event),
      ['results'],
    )
  }))

test('search varies the sizes of a model: in its JSON, and in a module', () =>
  withFolder((folder) => {
    const dense = (units: unknown, activation: string) => ({ class_name: 'Dense', config: { units, activation } })
    const template = {
      class_name: 'Sequential',
      config: {
        layers: [
          { class_name: 'InputLayer', config: { batch_shape: [null, 28, 28, 1] } },
          { class_name: 'Flatten', config: {} },
          { $repeat: '$depth', layers: [dense('$units', 'relu')] },
          dense(10, 'softmax'),
        ],
      },
    }
    writeFileSync(join(folder, 'net.json'), JSON.stringify(template))
    const space = { $units: [4, 8], $depth: { integer: [0, 1] } }
    write(folder, 'sizes.json', { ...config, model: 'net.json', epochs: 1, space })
    const { status, stderr } = runCli(cli, ['search', 'sizes.json', '--workers', '2'], folder)
    assert.is(status, 0, stderr)
    const { trials } = JSON.parse(readFileSync(join(folder, 'sizes/results.json'), 'utf8'))
    assert.equal(
      trials.map(({ settings }: { settings: object }) => settings),
      [
        { $units: 4, $depth: 0 },
        { $units: 4, $depth: 1 },
        { $units: 8, $depth: 0 },
        { $units: 8, $depth: 1 },
      ],
    )
    const values = trials.map(({ epochs }: { epochs: { valLoss: number }[] }) => epochs[0].valLoss)
    assert.is(values[0], values[2])
    assert.is(new Set(values).size, 3)
    const set = ['--set', 'units=8', '--set', 'depth=1']
    const train = ['train', 'net.json', '--data-dir', 'digits', '--limit', '64', '--batch-size', '16', '--seed', '5']
    const common = [...train, '--epochs', '1', '--validation-split', '0.1', '--json']
    assert.is(runCli(cli, [...common, ...set], folder).json()[0].valLoss, values[3])

    const network = `import { layers, sequential } from ${JSON.stringify(index)}
export default ({ units }) => sequential([
  layers.flatten({ inputShape: [28, 28, 1] }), layers.dense({ units, activation: 'relu' }), layers.dense({ units: 10, activation: 'softmax' }),
])`
    writeFileSync(join(folder, 'net.mjs'), network)
    assert.is(runCli(cli, [...common.with(1, 'net.mjs'), '--set', 'units=8'], folder).json()[0].valLoss, values[3])
    write(folder, 'typo.json', { ...config, model: 'net.mjs', space: { $units: [4], $unit: [4] } })
    write(folder, 'named.json', { ...config, model: 'model3', space: { $units: [4] } })
    for (const [file, message] of [
      ['typo.json', /net\.mjs has no parameter \$unit\b/],
      ['named.json', /model3 has no parameter \$units; it has none/],
    ] as const) {
      const refused = runCli(cli, ['search', file], folder)
      assert.is(refused.status, 2, refused.stderr)
      assert.match(refused.stderr, message)
    }
  }))

test('search --dry-run lists the trials and makes nothing; bad input is named', () =>
  withFolder((folder) => {
    write(folder, 'c.json', config)
    const args = ['search', 'c.json', '--dry-run']
    assert.match(runCli(cli, args, folder).stdout, /grid: 2 trials, 4 epochs in all\n +1 {2}optimizer adam/)
    assert.equal(runCli(cli, [...args, '--json'], folder).json()[1], {
      trial: 2,
      settings: { optimizer: 'nothing', learningRate: 0.01 },
    })
    write(folder, 'wrong.json', { ...config, space: { batchSize: [0] } })
    write(folder, 'lost.json', { ...config, model: 'net.mjs' })
    write(folder, 'files.json', { ...config, train: { out: 'x' } })
    write(folder, 'data.json', { ...config, train: { data: 'pictures' } })
    for (const [file, message] of [
      ['wrong.json', /wrong\.json: space\.batchSize\[0\]: expected a whole number from 1 to 65536, got 0/],
      ['lost.json', /no model '.*net\.mjs'/],
      ['data.json', /there is no data set at .*pictures/],
      ['files.json', /train: 'out' is not known here/],
      ['none.json', /there is no file none\.json/],
    ] as const) {
      const { status, stderr } = runCli(cli, ['search', file], folder)
      assert.is(status, 2, stderr)
      assert.match(stderr, message)
    }
    assert.equal(readdirSync(folder).sort(), ['c.json', 'data.json', 'digits', 'files.json', 'lost.json', 'wrong.json'])
  }))

test.run()
