import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Value } from '../src/core/ir.js'
import { RandomGenerator, uniforms } from '../src/core/random.js'
import { Tensor } from '../src/core/tensor.js'
import { Layer, layers, loadLayers } from '../src/index.js'
import type { CallContext } from '../src/keras/layers/context.js'
import { beta, dirichlet, permutation } from '../src/keras/layers/random-distributions.js'
import { around, far, inSteps, inTraining, predictions, survivesJson, values } from './support/layers.js'

const rare = await loadLayers()
const random = new RandomGenerator(33)
const range = (length: number): number[] => Array.from({ length }, (_, i) => i)
const images = new Tensor(
  'float32',
  Float32Array.from({ length: 3 * 8 * 7 * 3 }, () => Math.floor(256 * random.uniform())),
  [3, 8, 7, 3],
)

/** A layer that gives what it draws. */
class Draws extends Layer<object> {
  static override readonly fields = {}
  draw: (context: CallContext) => Value = () => {
    throw new Error('draws nothing')
  }
  call(_: readonly Value[], context: CallContext): Value {
    return context.emit.cast(this.draw(context), 'float32')
  }
}
const drawn = async (draw: (context: CallContext) => Value, step = 0) =>
  values(await inTraining(Object.assign(new Draws({}), { draw }), new Tensor('float32', [0], [1, 1]), step))

/** The largest distance of the numbers' distribution from `below` (Kolmogorov and Smirnov). */
const distance = (numbers: readonly number[], below: (x: number) => number): number => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return Math.max(...sorted.map((x, i) => Math.abs((i + 0.5) / sorted.length - below(x))))
}
const many = 8000
/** Exceeded by chance once in ten thousand times. */
const bound = 2.23 / Math.sqrt(many)

test('beta numbers have the distribution of their parameter', async () => {
  const of = (alpha: number) => drawn((context) => beta(context, many, context.emit.scalar(alpha), 9))
  assert.ok(distance(await of(1), (x) => x) < bound)
  assert.ok(distance(await of(0.5), (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))) < bound)
  assert.ok(distance(await of(2), (x) => x * x * (3 - 2 * x)) < bound)
  // Of a tiny parameter, nearly all are 0 or 1, either as often.
  const tiny = await of(1e-6)
  assert.ok(tiny.every((x) => x >= 0 && x <= 1))
  assert.ok(Math.abs(tiny.filter((x) => x > 0.5).length / many - 0.5) < 4 * (0.5 / Math.sqrt(many)))
})

test('numbers of the Dirichlet distribution add up to 1; each alone is a beta number', async () => {
  const draw = Object.assign(new Draws({}), {
    draw: (context: CallContext) => dirichlet(context, 3, context.emit.scalar(1), 9),
  })
  const sets = (await inSteps(draw, new Tensor('float32', [0], [1, 1]), range(500))).flatMap(values)
  const firsts = sets.filter((_, i) => i % 3 === 0)
  range(500).forEach((i) => {
    assert.ok(Math.abs(sets[3 * i] + sets[3 * i + 1] + sets[3 * i + 2] - 1) < 1e-5)
  })
  assert.ok(distance(firsts, (x) => 1 - (1 - x) ** 2) < 2.23 / Math.sqrt(500))
})

test('a permutation has each place once, and every first one as often', async () => {
  const firsts = new Array<number>(5).fill(0)
  const draw = Object.assign(new Draws({}), { draw: (context: CallContext) => permutation(context, 5, 9) })
  for (const order of await inSteps(draw, new Tensor('float32', [0], [1, 1]), range(500))) {
    assert.equal([...values(order)].sort(), range(5))
    firsts[values(order)[0]]++
  }
  for (const count of firsts) assert.ok(Math.abs(count - 100) < 4 * Math.sqrt(500 * 0.2 * 0.8), firsts.join())
})

/** The changes in Keras's order that are the same for all images at a strength of [0.2, 0.2]. */
const factor = [0.2, 0.2]
const certain: Readonly<Record<string, () => Layer>> = {
  shear: () => rare.randomShear(),
  translation: () => layers.randomTranslation({ heightFactor: factor, widthFactor: factor }),
  rotation: () => layers.randomRotation({ factor }),
  brightness: () => layers.randomBrightness({ factor }),
  degeneration: () => rare.randomColorDegeneration({ factor }),
  contrast: () => layers.randomContrast({ factor: [0.2, 0] }),
  sharpness: () => rare.randomSharpness({ factor }),
  posterization: () => rare.randomPosterization({ factor: 1 }),
  solarization: () => rare.solarization(),
  autoContrast: () => rare.autoContrast(),
  equalization: () => rare.equalization(),
}
const randOrder = [
  ...['shear', 'translation', 'rotation', 'brightness', 'degeneration', 'contrast', 'sharpness'],
  ...['posterization', 'solarization', 'autoContrast', 'equalization'],
]
const mixOrder = ['shear', 'translation', 'rotation', 'posterization', 'solarization', 'autoContrast', 'equalization']
/** These draw for each image, whatever their strength. */
const uncertain = ['shear', 'contrast', 'solarization']

async function after(names: readonly string[]): Promise<Tensor> {
  let y = images
  for (const name of names) y = await inTraining(certain[name](), y)
  return y
}

test('randAugment does two of its changes, one after the other', async () => {
  const steps = range(24)
  const changed = await inSteps(rare.randAugment({ factor, seed: 9 }), images, steps)
  const seen = new Set<string>()
  for (const step of steps) {
    const names = Array.from(uniforms(2, 9, 0, step), (u) => randOrder[Math.floor(11 * u)])
    assert.ok(far(values(changed[step]), values(images)) > 1)
    if (names.some((name) => uncertain.includes(name))) continue
    for (const name of names) seen.add(name)
    assert.ok(far(values(changed[step]), values(await after(names))) < 0.1, names.join())
  }
  assert.ok(seen.size >= 6, [...seen].join())
})

test('augMix mixes images with changed ones', async () => {
  const steps = range(24)
  const layer = rare.augMix({ factor, numChains: 1, chainDepth: 2, allOps: false, seed: 9 })
  const changed = await inSteps(layer, images, steps)
  const seen = new Set<string>()
  const shares: number[] = []
  for (const step of steps) {
    // The streams before have the shares of chains (4) and that of the image (8).
    const names = Array.from(uniforms(2, 9, 12, step), (u) => mixOrder[Math.floor(8 * u)]).filter(
      (name) => name !== undefined,
    )
    if (names.some((name) => uncertain.includes(name))) continue
    for (const name of names) seen.add(name)
    const [x, y, mixed] = [values(images), values(await after(names)), values(changed[step])]
    const widest = range(x.length).reduce((a, b) => (Math.abs(x[b] - y[b]) > Math.abs(x[a] - y[a]) ? b : a))
    const share = x[widest] === y[widest] ? 1 : (mixed[widest] - y[widest]) / (x[widest] - y[widest])
    assert.ok(share >= 0 && share <= 1)
    shares.push(share)
    const expected = x.map((value, i) => share * value + (1 - share) * y[i])
    assert.ok(far(mixed, expected) < 0.2, names.join())
  }
  assert.ok(seen.size >= 4, [...seen].join())
  assert.ok(new Set(shares).size > 4)
})

const policies: Readonly<Record<string, (options?: object) => Layer>> = {
  randAugment: (options) => rare.randAugment(options),
  augMix: (options) => rare.augMix(options),
}

for (const [name, make] of Object.entries(policies))
  test(`${name}: nothing in inference; the same bits on any thread count; within the range of values`, async () => {
    const net = around(make(), [[8, 7, 3]])
    assert.equal(values((await predictions(net, [images]))[0]), values(images))
    await survivesJson(net, [images])
    net.dispose()
    const [one, other] = (await inSteps(make(), images, [7, 8])).map(values)
    const [again] = await inSteps(make(), images, [7], 2)
    assert.equal(values(again), one)
    assert.not.equal(other, one)
    assert.ok([...one, ...other].every((value) => value > -0.01 && value < 255.01))
    assert.throws(() => make({ factor: 2 }), /factor must be/)
  })

test('randAugment of no change changes nothing; options in Keras’s names', async () => {
  assert.equal(values(await inTraining(rare.randAugment({ numOps: 0 }), images)), values(images))
  const { num_ops, factor, interpolation } = rare.randAugment().getConfig()
  assert.equal([num_ops, factor, interpolation], [2, [0, 0.5], 'bilinear'])
  const { num_chains, chain_depth, all_ops, alpha } = rare.augMix({ numChains: 2 }).getConfig()
  assert.equal([num_chains, chain_depth, all_ops, alpha], [2, 3, true, 1])
  assert.throws(() => rare.augMix({ alpha: 0 }), /alpha must be a positive number/)
  assert.throws(() => rare.randAugment({ numOps: -1 }), /numOps must be/)
})

test.run()
