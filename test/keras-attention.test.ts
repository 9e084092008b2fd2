import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Tensor } from '../src/core/tensor.js'
import { input, layers, model } from '../src/keras/index.js'
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

const [batch, queries, keys, width] = [2, 3, 4, 6]
const query = normals(batch, queries, width)
const value = normals(batch, keys, width)
const key = normals(batch, keys, width)

const at = (tensor: Tensor, ...place: readonly number[]) =>
  values(tensor)[place.reduce((index, position, axis) => index * tensor.dims[axis] + position, 0)]
const range = (length: number) => Array.from({ length }, (_, i) => i)
const sum = (length: number, of: (i: number) => number) => range(length).reduce((total, i) => total + of(i), 0)

function softmax(scores: readonly number[]): number[] {
  const shares = scores.map((score) => Math.exp(score - Math.max(...scores)))
  const total = shares.reduce((a, b) => a + b, 0)
  return shares.map((share) => share / total)
}

/** Vaswani et al., 2017, number by number: `few` heads of keys and values for `many` of the queries. */
function withHeads(
  weights: readonly Tensor[],
  [many, few, size]: readonly [number, number, number],
  seen: (b: number, q: number, k: number) => boolean = () => true,
): number[] {
  const [wq, bq, wk, bk, wv, bv, wo, bo] = weights
  const project = (x: Tensor, b: number, t: number, w: Tensor, bias: Tensor, h: number, d: number) =>
    sum(width, (i) => at(x, b, t, i) * at(w, i, h, d)) + at(bias, h, d)
  return range(batch).flatMap((b) =>
    range(queries).flatMap((q) => {
      const heads = range(many).map((h) => {
        const shared = Math.floor((h * few) / many)
        const scores = range(keys).map((k) =>
          seen(b, q, k)
            ? sum(size, (d) => project(query, b, q, wq, bq, h, d) * project(key, b, k, wk, bk, shared, d)) /
              Math.sqrt(size)
            : Number.NEGATIVE_INFINITY,
        )
        const shares = softmax(scores)
        return range(size).map((d) => sum(keys, (k) => shares[k] * project(value, b, k, wv, bv, shared, d)))
      })
      return range(width).map((o) => at(bo, o) + sum(many, (h) => sum(size, (d) => heads[h][d] * at(wo, h, d, o))))
    }),
  )
}

const entries = () => [
  input({ shape: [queries, width] }),
  input({ shape: [keys, width] }),
  input({ shape: [keys, width] }),
]

for (const [name, heads, make] of [
  ['multiHeadAttention', [2, 2, 3], () => layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })],
  [
    'groupQueryAttention',
    [4, 2, 3],
    () => layers.groupQueryAttention({ numQueryHeads: 4, numKeyValueHeads: 2, headDim: 3 }),
  ],
] as const)
  test(`${name} by its formula, its gradients, in ONNX and JSON`, async () => {
    const inputs = entries()
    const net = model({ inputs, outputs: make().apply(inputs) })
    shake(net)
    const x = [query, value, key]
    const [y] = await predictions(net, x)
    assert.equal(y.dims, [batch, queries, width])
    assert.ok(far(values(y), withHeads(net.getWeights(), heads)) < 1e-5)
    await agreesInOnnx(net, x)
    await survivesJson(net, x)
    await slopesAgree(net, x, 5e-3, 3)
    net.dispose()
  })

test('multiHeadAttention over one of two axes: each row of the other is a sequence of its own', async () => {
  const [rows, steps] = [3, 4]
  for (const [axis, causal] of [
    [2, false],
    [-2, true],
    [1, false],
  ] as const) {
    const inner = axis === 1 ? [steps, rows] : [rows, steps]
    const entry = input({ shape: [...inner, width] })
    const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3, attentionAxes: axis })
    const options = { value: entry, useCausalMask: causal, returnAttentionScores: true }
    const [y, scores] = layer.applyAll(entry, options)
    const net = model({ inputs: entry, outputs: [y, scores] })
    shake(net)
    const x = normals(batch, ...inner, width)
    const [output, shares] = await predictions(net, [x])
    assert.equal(output.dims, [batch, ...inner, width])
    assert.equal(shares.dims, [batch, rows, 2, steps, steps])

    const alone = input({ shape: [steps, width] })
    const same = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })
    const [z, own] = same.applyAll(alone, { value: alone, useCausalMask: causal, returnAttentionScores: true })
    const single = model({ inputs: alone, outputs: [z, own] })
    single.setWeights(net.getWeights())
    for (let row = 0; row < rows; row++) {
      const place = (b: number, t: number, i: number) => (axis === 1 ? [b, t, row, i] : [b, row, t, i])
      const taken = (from: Tensor) =>
        range(batch).flatMap((b) => range(steps).flatMap((t) => range(width).map((i) => at(from, ...place(b, t, i)))))
      const [part, weight] = await predictions(single, [new Tensor('float32', taken(x), [batch, steps, width])])
      assert.ok(far(taken(output), values(part)) < 1e-5)
      const seen = range(batch).flatMap((b) =>
        range(2 * steps * steps).map((i) => values(shares)[(b * rows + row) * 2 * steps * steps + i]),
      )
      assert.ok(far(seen, values(weight)) < 1e-5)
    }
    await agreesInOnnx(net, [x])
    await survivesJson(net, [x])
    if (axis === 2) await slopesAgree(net, [x], 5e-3, 3)
    net.dispose()
    single.dispose()
  }
  const entry = input({ shape: [3, 4, width] })
  assert.throws(
    () => layers.multiHeadAttention({ numHeads: 2, keyDim: 3, attentionAxes: 3 }).apply(entry, { value: entry }),
    /attentionAxes lie between the batch and the features of/,
  )
})

test('multiHeadAttention over all of two axes: masks by places, scores by places', async () => {
  const entry = input({ shape: [2, 2, width] })
  const given = input({ shape: [2, 2, 2, 2], dtype: 'bool' })
  const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })
  const [y, scores] = layer.applyAll(entry, { value: entry, attentionMask: given, returnAttentionScores: true })
  const net = model({ inputs: [entry, given], outputs: [y, scores] })
  shake(net)
  const x = normals(batch, 2, 2, width)
  const allowed = Uint8Array.from({ length: batch * 16 }, (_, i) => (i % 5 !== 2 ? 1 : 0))
  const [output, shares] = await predictions(net, [x, new Tensor('bool', allowed, [batch, 2, 2, 2, 2])])
  assert.equal(shares.dims, [batch, 2, 2, 2, 2, 2])

  const alone = input({ shape: [4, width] })
  const mask = input({ shape: [4, 4], dtype: 'bool' })
  const same = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })
  const single = model({ inputs: [alone, mask], outputs: same.apply(alone, { value: alone, attentionMask: mask }) })
  single.setWeights(net.getWeights())
  const [flat] = await predictions(single, [
    new Tensor('float32', values(x), [batch, 4, width]),
    new Tensor('bool', allowed, [batch, 4, 4]),
  ])
  assert.ok(far(values(output), values(flat)) < 1e-6)
  net.dispose()
  single.dispose()
})

test('multiHeadAttention: causal masks, masks given and masks that tensors carry', async () => {
  const inputs = entries()
  const given = input({ shape: [queries, keys], dtype: 'bool' })
  const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })
  const options = [{ useCausalMask: true }, { attentionMask: given }]
  const net = model({
    inputs: [...inputs, given],
    outputs: options.map((option) => layer.apply(inputs[0], { value: inputs[1], key: inputs[2], ...option })),
  })
  shake(net)
  const allowed = Array.from({ length: batch * queries * keys }, (_, i) => (i % 5 !== 2 ? 1 : 0))
  const mask = new Tensor('bool', Uint8Array.from(allowed), [batch, queries, keys])
  const x = [query, value, key, mask]
  const [causal, masked] = await predictions(net, x)
  assert.ok(
    far(
      values(causal),
      withHeads(net.getWeights(), [2, 2, 3], (_, q, k) => k <= q),
    ) < 1e-5,
  )
  const seen = (b: number, q: number, k: number) => allowed[(b * queries + q) * keys + k] === 1
  assert.ok(far(values(masked), withHeads(net.getWeights(), [2, 2, 3], seen)) < 1e-5)
  await agreesInOnnx(net, x)
  await survivesJson(net, x)
  net.dispose()
})

test('multiHeadAttention leaves out the steps that an embedding masks', async () => {
  const words = input({ shape: [keys] })
  const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })
  const table = layers.embedding({ inputDim: 5, outputDim: width, maskZero: true }).apply(words)
  const long = model({ inputs: words, outputs: layer.apply(table, { value: table }) })
  const few = input({ shape: [2] })
  const fewRows = layers.embedding({ inputDim: 5, outputDim: width }).apply(few)
  const short = model({
    inputs: few,
    outputs: layers.multiHeadAttention({ numHeads: 2, keyDim: 3 }).apply(fewRows, { value: fewRows }),
  })
  shake(long)
  short.setWeights(long.getWeights())
  const [padded] = await predictions(long, [new Tensor('float32', [3, 1, 0, 0], [1, keys])])
  const [plain] = await predictions(short, [new Tensor('float32', [3, 1], [1, 2])])
  assert.ok(far(values(padded).slice(0, 2 * width), values(plain)) < 1e-5)
  long.dispose()
  short.dispose()
})

test('attention scores come as the second output', async () => {
  const inputs = entries()
  const layer = layers.multiHeadAttention({ numHeads: 2, keyDim: 3 })
  const outputs = layer.applyAll([...inputs], { returnAttentionScores: true })
  assert.equal(outputs[1].shape, [null, 2, queries, keys])
  const net = model({ inputs, outputs })
  const [, scores] = await predictions(net, [query, value, key])
  for (let row = 0; row < batch * 2 * queries; row++)
    assert.ok(Math.abs(sum(keys, (k) => values(scores)[row * keys + k]) - 1) < 1e-5)
  net.dispose()
})

/** Luong's and Bahdanau's attention without heads. */
function plain(score: (b: number, q: number, k: number) => number): number[] {
  return range(batch).flatMap((b) =>
    range(queries).flatMap((q) => {
      const shares = softmax(range(keys).map((k) => score(b, q, k)))
      return range(width).map((i) => sum(keys, (k) => shares[k] * at(value, b, k, i)))
    }),
  )
}
const dot = (b: number, q: number, k: number) => sum(width, (i) => at(query, b, q, i) * at(key, b, k, i))
const mixed = (b: number, q: number, k: number, scale: (i: number) => number, inner = 1) =>
  sum(width, (i) => scale(i) * Math.tanh(inner * (at(query, b, q, i) + at(key, b, k, i))))

for (const [name, make, score] of [
  ['attention', () => layers.attention(), () => dot],
  [
    'attention with a scale',
    () => layers.attention({ useScale: true }),
    ([scale]: readonly Tensor[]) =>
      (b: number, q: number, k: number) =>
        at(scale) * dot(b, q, k),
  ],
  [
    'attention by concatenation',
    () => layers.attention({ scoreMode: 'concat', useScale: true }),
    ([scale, weight]: readonly Tensor[]) =>
      (b: number, q: number, k: number) =>
        at(weight) * mixed(b, q, k, () => 1, at(scale)),
  ],
  [
    'additiveAttention',
    () => layers.additiveAttention(),
    ([scale]: readonly Tensor[]) =>
      (b: number, q: number, k: number) =>
        mixed(b, q, k, (i) => at(scale, i)),
  ],
] as const)
  test(`${name} by its formula, its gradients, in ONNX and JSON`, async () => {
    const net = around(make(), [
      [queries, width],
      [keys, width],
      [keys, width],
    ])
    shake(net)
    const x = [query, value, key]
    const [y] = await predictions(net, x)
    assert.ok(far(values(y), plain(score(net.getWeights()))) < 1e-5)
    await agreesInOnnx(net, x)
    await survivesJson(net, x)
    if (net.weights.length > 0) await slopesAgree(net, x, 5e-3, 3)
    net.dispose()
  })

test.run()
