// node models.mjs FOLDER: writes models to FOLDER as ONNX files: the course networks, by the bundles in it, and a network as PyTorch
// exports it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import proto from 'onnx-proto'

const { onnx } = proto
const [folder] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(join(folder, file)).href)
const { setRandomSeed } = await load('index.js')
setRandomSeed(1)
for (const number of [1, 2, 3, 4, 5]) {
  const { default: recipe } = await load(`models/model${number}.js`)
  writeFileSync(join(folder, `model${number}.onnx`), recipe.model().toOnnx())
}

const conv = { group: 1, kernel_shape: [3, 3], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1] }
const pool = { ceil_mode: 0, kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] }
const gemm = { alpha: { f: 1 }, beta: { f: 1 }, transB: 1 }

/** Each node reads what the one before it writes: op, attributes, dims of the weights. */
const nodes = [
  ['Conv', conv, [8, 1, 3, 3], [8]],
  ['Relu', {}],
  ['MaxPool', pool],
  ['Conv', conv, [16, 8, 3, 3], [16]],
  ['Relu', {}],
  ['MaxPool', pool],
  ['Flatten', { axis: 1 }],
  ['Gemm', gemm, [32, 400], [32]],
  ['Tanh', {}],
  ['Gemm', gemm, [10, 32], [10]],
  ['Softmax', { axis: 1 }],
]

const { FLOAT } = onnx.TensorProto.DataType
const types = onnx.AttributeProto.AttributeType
const attribute = ([name, value]) => {
  if (Array.isArray(value)) return { name, type: types.INTS, ints: value }
  return typeof value === 'number' ? { name, type: types.INT, i: value } : { name, type: types.FLOAT, ...value }
}
const value = (name, dims) => ({
  name,
  type: {
    tensorType: {
      elemType: FLOAT,
      shape: { dim: dims.map((dim) => (typeof dim === 'string' ? { dimParam: dim } : { dimValue: dim })) },
    },
  },
})
const tensor = (name, dims) => {
  const size = dims.reduce((product, dim) => product * dim, 1)
  const data = Float32Array.from({ length: size }, (_, i) => Math.sin(i) / 8)
  return { name, dims, dataType: FLOAT, rawData: new Uint8Array(data.buffer) }
}
const names = (index, count) => Array.from({ length: count }, (_, operand) => `layer${index}.${operand}`)

const model = onnx.ModelProto.create({
  irVersion: 8,
  opsetImport: [{ domain: '', version: 17 }],
  graph: {
    name: 'torch_jit',
    input: [value('value0', ['batch', 1, 28, 28])],
    output: [value(`value${nodes.length}`, ['batch', 10])],
    node: nodes.map(([opType, attributes, ...weights], index) => ({
      opType,
      input: [`value${index}`, ...names(index, weights.length)],
      output: [`value${index + 1}`],
      attribute: Object.entries(attributes).map(attribute),
    })),
    initializer: nodes.flatMap(([, , ...weights], index) =>
      names(index, weights.length).map((name, operand) => tensor(name, weights[operand])),
    ),
  },
})
writeFileSync(join(folder, 'model6.onnx'), onnx.ModelProto.encode(model).finish())
