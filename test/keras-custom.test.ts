import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import {
  type CallContext,
  fields,
  type KerasShape,
  Layer,
  layers,
  optimizers,
  registerLayer,
  sequential,
  setRandomSeed,
  type TrainStepFunction,
  type ValuesOf,
} from '../src/keras/index.js'
import { fails } from './support/errors.js'
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

const powerFields = { exponent: fields.number(2), scaleInitializer: fields.initializer('ones') }

/** |x| to a power, times a learned scale. */
class Power extends Layer<ValuesOf<typeof powerFields>> {
  static override readonly fields = powerFields
  protected override build([shape]: readonly KerasShape[]): void {
    this.addOwn('scale', [Number(shape.at(-1))])
    this.addWeight('offset', [1], { initializer: 'zeros', regularizer: 'l2' })
  }
  call([x]: readonly Value[], { emit }: CallContext): Value {
    const [scale, offset] = this.weightsHere.map((weight) => emit.variable(weight))
    return emit.add(emit.mul(emit.pow(emit.abs(x), this.options.exponent), scale), offset)
  }
}
const power = registerLayer('MyPower', Power)

test('a layer of one’s own: options, weights, gradients, ONNX, JSON, summary', async () => {
  const net = around(power({ exponent: 3 }), [[4]])
  shake(net)
  const x = normals(3, 4)
  const [scale, offset] = net.getWeights().map(values)
  const expected = values(x).map((value, i) => Math.abs(value) ** 3 * scale[i % 4] + offset[0])
  assert.ok(far(values((await predictions(net, [x]))[0]), expected) < 1e-4)
  await agreesInOnnx(net, [x], 1e-4)
  await survivesJson(net, [x])
  await slopesAgree(net, [x])
  assert.match(net.summary(null), /my_power \(MyPower\)/)
  assert.is(net.layers[1].getConfig().exponent, 3)
  net.dispose()
  await fails(() => power({ exponent: 'two' as never }), /MyPower: exponent must be a number, got "two"/)
  await fails(
    () => power({ power: 2 } as never),
    /MyPower has no option 'power'; known: exponent, scaleInitializer, name/,
  )
})

const x = normals(12, 3)
const y = normals(12, 2)
const build = (trainStep: TrainStepFunction | undefined, learningRate = 0.1) => {
  setRandomSeed(3)
  const net = sequential([
    layers.dense({ units: 5, activation: 'tanh', inputShape: [3], kernelRegularizer: 'l2' }),
    layers.dropout({ rate: 0.3 }),
    layers.batchNormalization(),
    layers.dense({ units: 2 }),
  ])
  net.compile({ optimizer: optimizers.sgd({ learningRate }), loss: 'mse', metrics: ['mae'], trainStep })
  return net
}

test('a step that writes the compiled loss trains to the same bits as none', async () => {
  const train = async (trainStep: TrainStepFunction | undefined) => {
    const net = build(trainStep)
    const { history } = await net.fit(x, y, { epochs: 3, batchSize: 5, verbose: 0 })
    const weights = net.getWeights().map(values)
    net.dispose()
    return { history, weights }
  }
  assert.equal(await train(({ x, call, loss }) => loss(call(...x))), await train(undefined))
})

test('gradients within a step: by differences, as numbers and through the loss', async () => {
  /** The mean square of the loss's slopes by x, and the weights' slopes of that. */
  const penalty: TrainStepFunction = ({ k, x: [input], call, gradients }) => {
    const outputs = k.sum(call(input)[0])
    const [slope] = gradients(outputs, [input])
    return k.mean(k.square(slope))
  }
  setRandomSeed(4)
  const make = (learningRate: number) => {
    const net = sequential([
      layers.dense({ units: 4, activation: 'tanh', inputShape: [3] }),
      layers.dense({ units: 2, activation: 'sigmoid' }),
    ])
    net.compile({ optimizer: optimizers.sgd({ learningRate }), loss: 'mse', trainStep: penalty })
    return net
  }
  const net = make(1)
  const still = make(0)
  const before = net.getWeights()
  const lossOf = async (weights: readonly Tensor[]) => {
    still.setWeights(weights)
    return (await still.trainOnBatch(x, y)).loss
  }
  // The loss itself: slopes of the sum of outputs by differences of what the model predicts.
  still.setWeights(before)
  const sumOf = async (input: readonly number[]) =>
    values(await still.predict(new Tensor('float32', input, x.dims))).reduce((a, b) => a + b, 0)
  const inputs = values(x)
  let squares = 0
  for (const i of inputs.keys()) {
    const moved = (by: number) => inputs.map((value, k) => (k === i ? value + by : value))
    squares += (((await sumOf(moved(1e-2))) - (await sumOf(moved(-1e-2)))) / 2e-2) ** 2
  }
  const loss = await lossOf(before)
  assert.ok(
    Math.abs(loss - squares / inputs.length) < 1e-3 * loss + 1e-4,
    `${loss}, by differences ${squares / inputs.length}`,
  )
  await net.trainOnBatch(x, y)
  const after = net.getWeights()
  for (const [at, weight] of before.entries())
    for (const place of [0, weight.size - 1]) {
      const moved = (by: number) =>
        before.map((tensor, i) => {
          const data = Float32Array.from(values(tensor))
          if (i === at) data[place] += by
          return new Tensor('float32', data, tensor.dims)
        })
      const slope = ((await lossOf(moved(1e-2))) - (await lossOf(moved(-1e-2)))) / 2e-2
      const taken = values(weight)[place] - values(after[at])[place]
      assert.ok(Math.abs(slope - taken) < 2e-3, `weight ${at}[${place}]: ${taken}, by differences ${slope}`)
    }
  for (const one of [net, still]) one.dispose()
})

test('calls of one step have dropout of their own; the first moves the statistics', async () => {
  const net = build(({ k, x, call }) => {
    const [a, b] = [call(...x)[0], call(...x)[0]]
    return k.mean(k.square(k.sub(a, b)))
  }, 0)
  const { loss } = await net.trainOnBatch(x, y)
  const penalty = values(net.getWeights()[0]).reduce((sum, value) => sum + 0.01 * value ** 2, 0)
  assert.ok(loss > penalty + 1e-4, `two calls differ: ${loss}`)
  net.dispose()
  const after = async (trainStep: TrainStepFunction) => {
    const net = build(trainStep, 0)
    await net.trainOnBatch(x, y)
    const weights = net.getWeights().map(values)
    net.dispose()
    return weights
  }
  const once = await after(({ k, x, call }) => k.mul(k.mean(call(...x)[0]), 0))
  const twice = await after(({ k, x: [input], call }) => {
    const [first] = call(input)
    return k.mul(k.mean(k.add(first, call(k.mul(input, 9))[0])), 0)
  })
  assert.equal(twice, once)
  assert.ok(once[4].some((mean) => mean !== 0))
})

test('what a step does wrong is said', async () => {
  const run = async (trainStep: TrainStepFunction) => {
    const net = build(trainStep)
    try {
      await net.trainOnBatch(x, y)
    } finally {
      net.dispose()
    }
  }
  await fails(
    () => run(({ x, call }) => call(...x)[0]),
    /trainStep must give a scalar, e.g. k.mean\(losses\); got \[12, 2\]/,
  )
  await fails(() => run(({ k, x: [input] }) => k.mean(input)), /trainStep must call the model/)
  await fails(() => run(({ x: [input], call }) => call(input, input)[0]), /calls the model with 2 inputs; it has 1/)
  await fails(
    () =>
      run(({ k, x: [input], y: [target], call, gradients }) => {
        call(input)
        return k.mean(gradients(k.mean(target), [input])[0])
      }),
    /there is no gradient by/,
  )
})

test.run()
