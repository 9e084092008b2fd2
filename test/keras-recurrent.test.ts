import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { input, type Layer, layers, model } from '../src/keras/index.js'
import {
  agreesInOnnx,
  around,
  far,
  normals,
  predictions,
  shake,
  slopesAgree,
  survivesJson,
  values,
} from './support/layers.js'

const [batch, steps, features, units] = [3, 4, 2, 3]
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

type Rows = readonly (readonly number[])[]
const rowsOf = (tensor: Tensor): Rows => {
  const width = tensor.dims.at(-1)!
  const all = values(tensor)
  return Array.from({ length: all.length / width }, (_, i) => all.slice(i * width, (i + 1) * width))
}
const times = (x: readonly number[], matrix: Rows) =>
  matrix[0].map((_, column) => x.reduce((sum, value, row) => sum + value * matrix[row][column], 0))
const plus = (...lists: Rows) => lists[0].map((_, i) => lists.reduce((sum, list) => sum + list[i], 0))
const gate = (x: readonly number[], index: number) => x.slice(index * units, (index + 1) * units)

/** One step of one sample: [h, c …] to the next, by the formulas of Keras's documentation. */
type Step = (x: readonly number[], states: Rows, weights: readonly Tensor[]) => Rows

const steps1: Readonly<Record<string, Step>> = {
  simpleRNN: (x, [h], [kernel, recurrent, bias]) => [
    plus(times(x, rowsOf(kernel)), times(h, rowsOf(recurrent)), values(bias)).map(Math.tanh),
  ],
  lstm: (x, [h, c], [kernel, recurrent, bias]) => {
    const z = plus(times(x, rowsOf(kernel)), times(h, rowsOf(recurrent)), values(bias))
    const [i, f, o] = [0, 1, 3].map((index) => gate(z, index).map(sigmoid))
    const next = gate(z, 2).map((value, at) => f[at] * c[at] + i[at] * Math.tanh(value))
    return [next.map((value, at) => o[at] * Math.tanh(value)), next]
  },
  gruAfter: (x, [h], [kernel, recurrent, bias]) => {
    const [inputBias, stateBias] = rowsOf(bias)
    const a = plus(times(x, rowsOf(kernel)), inputBias)
    const b = plus(times(h, rowsOf(recurrent)), stateBias)
    const [z, r] = [0, 1].map((index) => plus(gate(a, index), gate(b, index)).map(sigmoid))
    return [h.map((old, at) => z[at] * old + (1 - z[at]) * Math.tanh(gate(a, 2)[at] + r[at] * gate(b, 2)[at]))]
  },
  gruBefore: (x, [h], [kernel, recurrent, bias]) => {
    const a = plus(times(x, rowsOf(kernel)), values(bias))
    const b = times(h, rowsOf(recurrent))
    const [z, r] = [0, 1].map((index) => plus(gate(a, index), gate(b, index)).map(sigmoid))
    const reset = h.map((value, at) => r[at] * value)
    const candidate = plus(gate(a, 2), gate(times(reset, rowsOf(recurrent)), 2)).map(Math.tanh)
    return [h.map((old, at) => z[at] * old + (1 - z[at]) * candidate[at])]
  },
}

interface Walk {
  readonly backwards?: boolean
  /** Whether step `t` of sample `b` counts. */
  readonly counts?: (b: number, t: number) => boolean
  readonly initial?: readonly Tensor[]
}

/** All outputs [batch, steps, units] in the order in which the layer meets them, and the last states [batch, units]. */
function walk(step: Step, states: number, x: Tensor, weights: readonly Tensor[], options: Walk = {}) {
  const xs = rowsOf(x)
  const samples = Array.from({ length: batch }, (_, b) => {
    let now: Rows = Array.from({ length: states }, (_, i) =>
      options.initial ? rowsOf(options.initial[i])[b] : new Array<number>(units).fill(0),
    )
    let output: readonly number[] = new Array<number>(units).fill(0)
    const outputs = Array.from({ length: steps }, (_, count) => {
      const t = options.backwards ? steps - 1 - count : count
      if (options.counts?.(b, t) ?? true) {
        now = step(xs[b * steps + t], now, weights)
        output = now[0]
      }
      return output
    })
    return { outputs, states: now }
  })
  return {
    outputs: samples.flatMap(({ outputs }) => outputs.flat()),
    last: samples.flatMap(({ outputs }) => outputs.at(-1)!),
    states: Array.from({ length: states }, (_, i) => samples.flatMap(({ states: own }) => own[i])),
  }
}

const all = { returnSequences: true, returnState: true } as const
const kinds: readonly (readonly [string, number, (options?: object) => Layer])[] = [
  ['simpleRNN', 1, (options) => layers.simpleRNN({ units, ...options })],
  ['lstm', 2, (options) => layers.lstm({ units, ...options })],
  ['gruAfter', 1, (options) => layers.gru({ units, ...options })],
  ['gruBefore', 1, (options) => layers.gru({ units, resetAfter: false, ...options })],
]
const cellsOf: Readonly<Record<string, () => Layer>> = {
  simpleRNN: () => layers.simpleRNNCell({ units }),
  lstm: () => layers.lstmCell({ units }),
  gruAfter: () => layers.gruCell({ units }),
  gruBefore: () => layers.gruCell({ units, resetAfter: false }),
}

for (const [name, states, make] of kinds) {
  const step = steps1[name]
  const x = normals(batch, steps, features)

  for (const backwards of [false, true])
    test(`${name}${backwards ? ' backwards' : ''}: outputs and states by the formulas, one op in ONNX`, async () => {
      const net = around(make({ ...all, goBackwards: backwards }), [[null, features]])
      shake(net)
      const expected = walk(step, states, x, net.getWeights(), { backwards })
      const [y, ...after] = await predictions(net, [x])
      assert.ok(far(values(y), expected.outputs) < 1e-5)
      after.forEach((state, i) => {
        assert.ok(far(values(state), expected.states[i]) < 1e-5)
      })
      await agreesInOnnx(net, [x])
      await survivesJson(net, [x])
      net.dispose()
    })

  test(`${name}: gradients of all weights`, async () => {
    const net = around(make({ returnSequences: true }), [[steps, features]])
    shake(net)
    await slopesAgree(net, [x])
    net.dispose()
  })

  test(`${name}: initial states, and the cell run by rnn()`, async () => {
    const initial = Array.from({ length: states }, () => normals(batch, units))
    const sequence = input({ shape: [steps, features] })
    const starts = initial.map(() => input({ shape: [units] }))
    const layer = make()
    const written = layers.rnn({ cell: cellsOf[name]() })
    const net = model({
      inputs: [sequence, ...starts],
      outputs: [layer.apply(sequence, { initialState: starts }), written.apply(sequence, { initialState: starts })],
    })
    shake(net)
    const weights = layer.weights.map((weight) => weight.read() as Tensor)
    written.weights.forEach((weight, i) => {
      weight.write(weights[i])
    })
    const expected = walk(step, states, x, weights, { initial })
    const outputs = await predictions(net, [x, ...initial])
    for (const output of outputs) assert.ok(far(values(output), expected.last) < 1e-5)
    await agreesInOnnx(net, [x, ...initial])
    await survivesJson(net, [x, ...initial])
    net.dispose()
  })

  test(`${name}: masked steps leave states and outputs as they were`, async () => {
    const padded = new Tensor('float32', Float32Array.from(values(x)), x.dims)
    const counts = (b: number, t: number) => !(b === 0 && t > 1) && !(b === 2 && t === 0)
    for (let b = 0; b < batch; b++)
      for (let t = 0; t < steps; t++)
        if (!counts(b, t))
          (padded.data as Float32Array).fill(0, (b * steps + t) * features, (b * steps + t + 1) * features)
    const sequence = input({ shape: [steps, features] })
    const masked = layers.masking().apply(sequence)
    const net = model({ inputs: sequence, outputs: make(all).applyAll(masked) })
    shake(net)
    const expected = walk(step, states, padded, net.getWeights(), { counts })
    const [y, ...after] = await predictions(net, [padded])
    assert.ok(far(values(y), expected.outputs) < 1e-5)
    after.forEach((state, i) => {
      assert.ok(far(values(state), expected.states[i]) < 1e-5)
    })
    await agreesInOnnx(net, [padded])
    await slopesAgree(net, [padded], 5e-3, 3)
    net.dispose()
  })

  test(`${name}: a stateful layer goes on where the batch before ended`, async () => {
    const layer = make({ stateful: true, returnSequences: true })
    const net = around(layer, [[steps, features]], {}, batch)
    const weights = layer.weights.filter(({ trainable }) => trainable).map((weight) => weight.read() as Tensor)
    const first = walk(step, states, x, weights)
    const initial = first.states.map((state) => new Tensor('float32', state, [batch, units]))
    const second = walk(step, states, x, weights, { initial })
    for (const expected of [first, second]) {
      const [y] = await predictions(net, [x])
      assert.ok(far(values(y), expected.outputs) < 1e-5)
    }
    ;(layer as unknown as { resetStates(): void }).resetStates()
    const [again] = await predictions(net, [x])
    assert.ok(far(values(again), first.outputs) < 1e-5)
    net.dispose()
  })
}

test('bidirectional merges both directions in the order of time', async () => {
  const x = normals(batch, steps, features)
  const merges: Readonly<Record<string, (a: number, b: number) => number>> = {
    sum: (a, b) => a + b,
    mul: (a, b) => a * b,
    ave: (a, b) => (a + b) / 2,
  }
  for (const mergeMode of ['sum', 'mul', 'ave', 'concat', null] as const) {
    const layer = layers.bidirectional({ layer: layers.lstm({ units, returnSequences: true }), mergeMode })
    const net = around(layer, [[steps, features]])
    shake(net)
    const weights = net.getWeights()
    assert.is(weights.length, 6)
    const forward = walk(steps1.lstm, 2, x, weights.slice(0, 3)).outputs
    const met = walk(steps1.lstm, 2, x, weights.slice(3), { backwards: true }).outputs
    const backward = met.map((_, i) => {
      const [b, t, u] = [Math.floor(i / (steps * units)), Math.floor(i / units) % steps, i % units]
      return met[(b * steps + (steps - 1 - t)) * units + u]
    })
    const outputs = await predictions(net, [x])
    if (mergeMode === null) {
      assert.ok(far(values(outputs[0]), forward) < 1e-5)
      assert.ok(far(values(outputs[1]), backward) < 1e-5)
    } else if (mergeMode === 'concat') {
      const rows = rowsOf(outputs[0])
      assert.ok(
        far(
          rows.flatMap((row) => row.slice(0, units)),
          forward,
        ) < 1e-5,
      )
      assert.ok(
        far(
          rows.flatMap((row) => row.slice(units)),
          backward,
        ) < 1e-5,
      )
    } else
      assert.ok(
        far(
          values(outputs[0]),
          forward.map((value, i) => merges[mergeMode](value, backward[i])),
        ) < 1e-5,
      )
    await agreesInOnnx(net, [x])
    await survivesJson(net, [x])
    if (mergeMode === 'concat') await slopesAgree(net, [x], 5e-3, 3)
    net.dispose()
  }
})

test('bidirectional over a mask: padding at the end does not reach the backward layer', async () => {
  const x = normals(batch, steps, features)
  ;(x.data as Float32Array).fill(0, 2 * features, 4 * features)
  const short = new Tensor('float32', values(x).slice(0, 2 * features), [1, 2, features])
  const whole = (length: number) => {
    const sequence = input({ shape: [length, features] })
    const layer = layers.bidirectional({ layer: layers.gru({ units }) })
    return model({ inputs: sequence, outputs: layer.apply(layers.masking().apply(sequence)) })
  }
  const [long, brief] = [whole(steps), whole(2)]
  shake(long)
  brief.setWeights(long.getWeights())
  const [a] = await predictions(long, [x])
  const [b] = await predictions(brief, [short])
  assert.ok(far(values(a).slice(0, 2 * units), values(b)) < 1e-5)
  await agreesInOnnx(long, [x])
  long.dispose()
  brief.dispose()
})

test('cells one above the other are layers one after the other', async () => {
  const x = normals(batch, steps, features)
  const sequence = input({ shape: [steps, features] })
  const cells = [layers.lstmCell({ units }), layers.gruCell({ units: 2 })]
  const stacked = layers.rnn({ cell: cells, returnSequences: true, returnState: true })
  const [first, second] = [
    layers.lstm({ units, returnSequences: true }),
    layers.gru({ units: 2, returnSequences: true }),
  ]
  const net = model({ inputs: sequence, outputs: [...stacked.applyAll(sequence), second.apply(first.apply(sequence))] })
  shake(net)
  const weights = [...first.weights, ...second.weights].map((weight) => weight.read() as Tensor)
  assert.is(stacked.weights.length, weights.length)
  stacked.weights.forEach((weight, i) => {
    weight.write(weights[i])
  })
  const outputs = await predictions(net, [x])
  assert.is(outputs.length, 5)
  assert.ok(far(values(outputs[0]), values(outputs[4])) < 1e-5)
  await agreesInOnnx(net, [x])
  await survivesJson(net, [x])
  net.dispose()
})

test('dropout of a recurrent layer drops the same inputs in all steps, only while training', async () => {
  for (const options of [{ dropout: 0.5 }, { recurrentDropout: 0.5 }]) {
    const net = around(layers.lstm({ units, ...options, seed: 3 }), [[steps, features]])
    const x = normals(batch, steps, features)
    const expected = walk(steps1.lstm, 2, x, net.getWeights()).last
    assert.ok(far(values((await predictions(net, [x]))[0]), expected) < 1e-5)
    net.compile({ optimizer: 'sgd', loss: 'mse' })
    const logs = await net.trainOnBatch(x, new Tensor('float32', expected, [batch, units]))
    assert.ok(logs.loss > 1e-4, `the loss of a layer with dropout against its own output is ${logs.loss}`)
    net.dispose()
  }
})

test('timeDistributed applies its layer step by step, with the weights of one', async () => {
  const x = normals(batch, steps, 4, 4, 1)
  const net = around(layers.timeDistributed({ layer: layers.conv2d({ filters: 2, kernelSize: 3 }) }), [
    [steps, 4, 4, 1],
  ])
  const single = around(layers.conv2d({ filters: 2, kernelSize: 3 }), [[4, 4, 1]])
  single.setWeights(net.getWeights())
  const [y] = await predictions(net, [x])
  const [each] = await predictions(single, [x.reshape([batch * steps, 4, 4, 1])])
  assert.equal(y.dims, [batch, steps, 2, 2, 2])
  assert.ok(far(values(y), values(each)) < 1e-6)
  await agreesInOnnx(net, [x])
  await survivesJson(net, [x])
  net.dispose()
  single.dispose()
})

test('recurrent layers are written with the keys, weights and names of Keras', () => {
  const net = around(layers.lstm({ units, name: 'memory' }), [[steps, features]])
  assert.equal(
    net.weights.map(({ name, shape }) => `${name} ${shape}`),
    ['memory/lstm_cell/kernel 2,12', 'memory/lstm_cell/recurrent_kernel 3,12', 'memory/lstm_cell/bias 12'],
  )
  const bias = values(net.getWeights()[2])
  assert.equal(bias, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])
  const { config } = net.getLayer('memory').serialize()
  assert.equal(
    Object.keys(config).sort(),
    (
      'activation activity_regularizer bias_constraint bias_initializer bias_regularizer dropout dtype go_backwards ' +
      'kernel_constraint kernel_initializer kernel_regularizer name recurrent_activation recurrent_constraint ' +
      'recurrent_dropout recurrent_initializer recurrent_regularizer return_sequences return_state seed stateful ' +
      'trainable unit_forget_bias units unroll use_bias zero_output_for_mask'
    ).split(' '),
  )
})

test('misspelt options and shapes that do not fit are refused', () => {
  const refused = (work: () => unknown, message: RegExp) => {
    try {
      work()
    } catch (error) {
      return assert.match((error as Error).message, message)
    }
    assert.unreachable(`no error like ${message}`)
  }
  refused(
    () => layers.lstm({ units, returnSequence: true } as never),
    /LSTM has no option 'returnSequence'; known: .*returnSequences/,
  )
  refused(() => around(layers.gru({ units }), [[5]]), /takes sequences \(batch, steps, features\), got \(None, 5\)/)
  refused(() => around(layers.lstm({ units, stateful: true }), [[steps, features]]), /batchShape/)
  refused(() => layers.bidirectional({ layer: layers.dense({ units }) }), /recurrent layer, got Dense/)
  refused(() => around(layers.rnn({ cell: layers.dense({ units }) as never }), [[steps, features]]), /is no cell/)
})

test.run()
