import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeKeras, type KerasSymbol, rowOf } from '../scripts/keras-table.js'

const row = (symbol: KerasSymbol) => rowOf([symbol])

test('docs/keras.md is what the code says', () => {
  const page = readFileSync('docs/keras.md', 'utf8').split('\n')
  const now = describeKeras().split('\n')
  const changed = now.filter((line) => !page.includes(line))
  assert.ok(page.join('\n') === now.join('\n'), `npm run docs:keras writes it anew; now:\n${changed.join('\n')}`)
})

test('the table of Keras finds what is there, and tells what is not', () => {
  assert.equal(row({ module: 'layers', name: 'Nonsense' }), { names: ['Nonsense'], here: '–', differs: [] })
  assert.equal(row({ module: 'layers', name: 'Conv2D', needs: ['filters', 'kernel_size'] }).here, '`layers.conv2d`')
  const conv = { module: 'layers', name: 'Conv1D', needs: ['filters', 'kernel_size'] } as const
  assert.equal(row({ ...conv, defaults: { use_bias: true, kernel_initializer: 'glorot_uniform' } }).differs, [])
  const { differs } = row({ ...conv, defaults: { use_bias: false, nonsense: 1, kernel_initializer: 'zeros' } })
  assert.equal(differs.slice(0, 2), ['without `nonsense`', '`useBias` is true, in Keras false'])
  assert.match(differs[2], /^`kernelInitializer` is .*GlorotUniform.*, in Keras "zeros"$/)
  const adam = { module: 'optimizers', name: 'Adam', defaults: { beta_1: 0.9, epsilon: 1e-7, nonsense: 0 } } as const
  assert.equal(row(adam), { names: ['Adam'], here: '`optimizers.adam`', differs: ['without `nonsense`'] })
  const stopping = { module: 'callbacks', name: 'EarlyStopping', defaults: { patience: 0, nonsense: 0 } } as const
  assert.equal(row(stopping).differs, ['without `nonsense`'])
  const relu = { module: 'activations', name: 'relu', needs: ['x'], defaults: { threshold: 0, nonsense: 0 } } as const
  assert.equal(row(relu).differs, ['without `nonsense`'])
})

test.run()
