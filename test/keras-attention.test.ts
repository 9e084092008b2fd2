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
