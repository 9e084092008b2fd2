import { onnx } from 'onnx-proto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { RandomGenerator } from '../src/core/random.js'
import { runMutants, seedModels, setting } from './support/mutants.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const numbers = [0, 1, -1, 2, 3, 7, -2, 64, 1000, 65536, 2 ** 31 - 1, 2 ** 31, 2 ** 40, -(2 ** 31), 2 ** 53]
const words = ['', 'x', 'NOTSET', 'SAME_UPPER', 'constant', 'linear', 'Relu', 'bilinear', 'forward', '../../x']
const types = [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 16, 21, 99]

/** A change of one place of a model that keeps it a well-formed message. */
type Mutation = (model: onnx.ModelProto, random: RandomGenerator) => void

const pick = <T>(items: readonly T[], random: RandomGenerator): T | undefined =>
  items.length ? items[random.integer(items.length)] : undefined

const nodeOf = (model: onnx.ModelProto, random: RandomGenerator) => pick(model.graph?.node ?? [], random)

const namesOf = (model: onnx.ModelProto): string[] =>
  [
    ...(model.graph?.node ?? []).flatMap((node) => [...(node.input ?? []), ...(node.output ?? [])]),
    ...(model.graph?.initializer ?? []).map(({ name }) => name ?? ''),
  ].concat('')

const mutations: readonly Mutation[] = [
  // An attribute takes another number, list, word or kind, or goes.
  (model, random) => {
    const node = nodeOf(model, random)
    const attribute = node && pick(node.attribute ?? [], random)
    if (!node || !attribute) return
    const kind = random.integer(6)
    if (kind === 0) attribute.i = pick(numbers, random)
    else if (kind === 1)
      attribute.ints = (attribute.ints ?? []).map((value) => (random.integer(2) ? value : pick(numbers, random)!))
    else if (kind === 2) attribute.ints = Array.from({ length: random.integer(7) }, () => pick(numbers, random)!)
    else if (kind === 3) attribute.s = new TextEncoder().encode(pick(words, random))
    else if (kind === 4) attribute.type = random.integer(14)
    else node.attribute = node.attribute!.filter((item) => item !== attribute)
  },
  // A node reads another value, one more, or one less.
  (model, random) => {
    const node = nodeOf(model, random)
    if (!node?.input) return
    const kind = random.integer(3)
    const name = pick(namesOf(model), random)!
    if (kind === 0 && node.input.length) node.input[random.integer(node.input.length)] = name
    else if (kind === 1) node.input.push(name)
    else node.input.pop()
  },
  // A node writes other values.
  (model, random) => {
    const node = nodeOf(model, random)
    if (!node?.output) return
    if (random.integer(2)) node.output.push(`extra${random.integer(3)}`)
    else if (node.output.length) node.output[random.integer(node.output.length)] = pick(namesOf(model), random)!
  },
  // A node becomes another op.
  (model, random) => {
    const node = nodeOf(model, random)
    const other = nodeOf(model, random)
    if (node) node.opType = random.integer(2) ? pick(words, random) : other?.opType
  },
  // An initializer takes other dimensions, another type or other data.
  (model, random) => {
    const tensor = pick(model.graph?.initializer ?? [], random)
    if (!tensor) return
    const kind = random.integer(4)
    if (kind === 0 && tensor.dims?.length) tensor.dims[random.integer(tensor.dims.length)] = pick(numbers, random)!
    else if (kind === 1) tensor.dims = Array.from({ length: random.integer(6) }, () => random.integer(4))
    else if (kind === 2) tensor.dataType = pick(types, random)
    else if (tensor.int64Data?.length)
      tensor.int64Data[random.integer(tensor.int64Data.length)] = pick(numbers, random)!
    else if (tensor.rawData?.length) {
      tensor.rawData = Uint8Array.from(tensor.rawData)
      tensor.rawData[random.integer(tensor.rawData.length)] = random.integer(256)
    }
  },
  // An input takes another shape or type.
  (model, random) => {
    const tensor = pick(model.graph?.input ?? [], random)?.type?.tensorType
    if (!tensor) return
    const dims = tensor.shape?.dim ?? []
    const kind = random.integer(4)
    if (kind === 0) tensor.elemType = pick(types, random)
    else if (kind === 1 && dims.length) dims[random.integer(dims.length)] = { dimValue: pick(numbers, random) }
    else if (kind === 2) tensor.shape = { dim: [...dims, { dimValue: random.integer(4) }] }
    else tensor.shape = { dim: dims.slice(1) }
  },
  // Another opset, a node twice, nodes in another order, a node less.
  (model, random) => {
    const nodes = model.graph?.node
    if (!nodes?.length) return
    const kind = random.integer(4)
    if (kind === 0 && model.opsetImport.length) pick(model.opsetImport, random)!.version = 1 + random.integer(29)
    else if (kind === 1) nodes.push(nodes[random.integer(nodes.length)])
    else if (kind === 2) nodes.reverse()
    else nodes.splice(random.integer(nodes.length), 1)
  },
]

/** One to three changes of the decoded message. */
function mutate(bytes: Uint8Array, random: RandomGenerator): Uint8Array {
  const model = onnx.ModelProto.decode(bytes)
  for (let rounds = 1 + random.integer(3); rounds > 0; rounds--) pick(mutations, random)!(model, random)
  return onnx.ModelProto.encode(model).finish()
}

const count = setting('LANEWISE_FUZZ_MUTANTS', 10_000)
const seed = setting('LANEWISE_FUZZ_SEED', 1)

test('changed models run, or are refused with a LanewiseError', async () => {
  const models = seedModels(60_000)
  if (models.length === 0) return console.log('SKIP changed models: the reference data is absent')
  const { failures, outcomes } = await runMutants(count, seed, models, mutate)
  console.log(`${count} changed models of seed ${seed}: ${[...outcomes].map(([name, n]) => `${n} ${name}`).join(', ')}`)
  assert.equal(failures, [])
})

test.run()
