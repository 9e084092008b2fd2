import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { layerFromConfig, sequential } from '../src/keras/index.js'
import { bidirectional, dense, inputLayer, lstm, lstmCell, rnn, timeDistributed } from '../src/layers.js'

test('wrappers make layers again in a page that has read no config', () => {
  const inner = rnn({ cell: [lstmCell({ units: 2 }), lstmCell({ units: 3 })], returnSequences: true })
  const net = sequential([
    inputLayer({ shape: [4, 5] }),
    bidirectional({ layer: lstm({ units: 3, returnSequences: true }) }),
    bidirectional({ layer: inner }),
    timeDistributed({ layer: dense({ units: 2 }) }),
  ])
  assert.equal(net.outputs[0].shape, [null, 4, 2])
})

test('a serialised layer is an option of a wrapper, before any config was read', () => {
  const layer = { class_name: 'SimpleRNN', config: { units: 3 } }
  assert.is(bidirectional({ layer }).forwardLayer.className, 'SimpleRNN')
  assert.throws(
    () => timeDistributed({ layer: { class_name: 'Fork', config: {} } }),
    (error: unknown) =>
      error instanceof LanewiseError && /'Fork' is not supported; supported: .*dense/.test(error.message),
  )
  assert.is(layerFromConfig(layer).className, 'SimpleRNN')
})

test.run()
