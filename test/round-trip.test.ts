import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onnx } from 'onnx-proto'
import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { castTensor } from '../src/backend/reference/cast.js'
import { evaluate } from '../src/backend/reference/evaluate.js'
import { mismatch } from '../src/cli/mismatch.js'
import { subgraphsOf } from '../src/core/subgraph.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { toFloat16, withFloat16Weights } from '../src/graph/float16.js'
import { entriesOf } from '../src/onnx/about.js'
import { decode } from '../src/onnx/decode.js'
import { encode } from '../src/onnx/encode.js'
import { exportModel } from '../src/onnx/export.js'
import { importModel } from '../src/onnx/import.js'
import { decodeTensor } from '../src/onnx/tensors.js'
import { simplify } from '../src/optimise/simplify.js'
import { InferenceSession } from '../src/session.js'
import { dataRoot } from './support/conformance.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

const folder = join(dataRoot, 'keras-onnx')
const foldersIn = (root: string): string[] =>
  existsSync(root)
    ? readdirSync(root)
        .filter((name) => existsSync(join(root, name, 'model.onnx')))
        .sort()
    : []
const names = foldersIn(folder)
if (names.length === 0) console.log('SKIP round trips: no keras-onnx in the reference data')
const worldFolder = join(dataRoot, 'models')
const worldNames = foldersIn(worldFolder)
if (worldNames.length === 0) console.log('SKIP round trips: no models in the reference data')

const tensorIn = (path: string): Tensor => decodeTensor(decode('TensorProto', readFileSync(path)))

const feedsOf = (name: string, inputs: readonly string[]) =>
  Object.fromEntries(
    inputs.map((input, index) => {
      const tensor = tensorIn(join(folder, name, 'test_data_set_0', `input_${index}.pb`))
      return [input, new ort.Tensor(tensor.type as 'float32', tensor.data as Float32Array, tensor.dims)]
    }),
  )

test('metadata of a graph and of its nodes, and those of subgraphs, are kept', () => {
  const branch = (name: string) => ({
    name,
    node: [
      {
        opType: 'Neg',
        name: `${name}Neg`,
        input: ['x'],
        output: [`${name}Y`],
        metadataProps: entriesOf({ inner: name }),
      },
    ],
    output: [{ name: `${name}Y`, type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'n' }] } } } }],
  })
  const { GRAPH } = onnx.AttributeProto.AttributeType
  const bytes = encode('ModelProto', {
    irVersion: 10,
    opsetImport: [{ domain: '', version: 18 }],
    metadataProps: entriesOf({ who: 'model' }),
    graph: {
      name: 'g',
      docString: 'of the graph',
      metadataProps: entriesOf({ who: 'graph' }),
      input: [
        { name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'n' }] } } } },
        { name: 'c', type: { tensorType: { elemType: 9, shape: { dim: [] } } } },
      ],
      output: [{ name: 'y', type: { tensorType: { elemType: 1, shape: { dim: [{ dimParam: 'n' }] } } } }],
      node: [
        { opType: 'Relu', name: 'r', input: ['x'], output: ['t'], docString: 'of the node' },
        {
          opType: 'If',
          name: 'i',
          input: ['c'],
          output: ['y'],
          metadataProps: entriesOf({ 'pkg.torch.onnx.name_scopes': "['', 'a']", second: '' }),
          attribute: [
            { name: 'then_branch', type: GRAPH, g: branch('then') },
            { name: 'else_branch', type: GRAPH, g: branch('else') },
          ],
        },
      ],
    },
  })
  const first = importModel(bytes)
  const second = importModel(exportModel(first))
  for (const graph of [first, second]) {
    assert.equal(graph.metadata, { who: 'model' })
    assert.equal(graph.origin?.graph, { doc: 'of the graph', metadata: { who: 'graph' } })
    const [relu, choice] = graph.nodes
    assert.equal(relu.about, { doc: 'of the node', metadata: {} })
    assert.equal(choice.about?.metadata, { 'pkg.torch.onnx.name_scopes': "['', 'a']", second: '' })
    const bodies = subgraphsOf(choice).map(([, body]) => body.nodes[0].about?.metadata)
    assert.equal(bodies, [{ inner: 'then' }, { inner: 'else' }])
  }
  assert.is(importModel(exportModel(first, { strip: true })).nodes[0].about, undefined)
})

/** The largest difference of the outputs that onnxruntime-web gives for two forms of a model; undefined if it cannot load the first. */
async function difference(name: string, before: Uint8Array, after: Uint8Array): Promise<number | undefined> {
  const first = await ort.InferenceSession.create(before).catch(() => undefined)
  if (!first) return undefined
  const second = await ort.InferenceSession.create(after)
  assert.equal(second.inputNames, first.inputNames)
  assert.equal(second.outputNames, first.outputNames)
  const feeds = feedsOf(name, first.inputNames)
  const [expected, actual] = [await first.run(feeds), await second.run(feeds)]
  const largest = first.outputNames.map((output) => {
    assert.equal(actual[output].dims, expected[output].dims)
    const wanted = expected[output].data as Float32Array
    return Math.max(...Array.from(actual[output].data as Float32Array, (value, i) => Math.abs(value - wanted[i])))
  })
  await Promise.all([first.release(), second.release()])
  return Math.max(...largest)
}

for (const [form, write, bound] of [
  ['as it is', (bytes) => exportModel(importModel(bytes)), 1e-5],
  ['simplified', (bytes) => exportModel(simplify(importModel(bytes), { evaluate }), { strip: true }), 1e-4],
  ['with weights in float16', (bytes) => exportModel(withFloat16Weights(importModel(bytes))), 5e-2],
  ['in float16 inside', (bytes) => exportModel(toFloat16(importModel(bytes), { keepIoTypes: true })), 5e-2],
] as const satisfies readonly (readonly [string, (bytes: Uint8Array) => Uint8Array, number])[])
  test(`Keras's exports go in and out ${form}, and onnxruntime-web agrees`, async () => {
    const left: string[] = []
    for (const name of names) {
      const bytes = new Uint8Array(readFileSync(join(folder, name, 'model.onnx')))
      const most = await difference(name, bytes, write(bytes))
      if (most === undefined) left.push(name)
      else assert.ok(most <= bound, `${name}: ${most}`)
    }
    if (left.length) console.log(`SKIP round trips that onnxruntime-web cannot load to begin with: ${left.join(', ')}`)
  })

/** Ops that lanewise writes in others at import, or at opset 18. */
const rewritten = new Set(
  'Gelu FusedGemm EmbedLayerNormalization Attention SkipLayerNormalization FastGelu Erfc'.split(' '),
)

/** What a file says besides its computation. */
function described(bytes: Uint8Array) {
  const model = onnx.ModelProto.decode(bytes)
  const graph = model.graph as onnx.GraphProto
  const { producerName, producerVersion, domain, modelVersion, docString } = model
  const constants = new Set(graph.initializer.map(({ name }) => name))
  const port = ({ name, type }: onnx.IValueInfoProto) => ({
    name,
    /** The names of sizes; '' where there is none. */
    dims: type?.tensorType?.shape?.dim?.map((dim) => dim.dimParam ?? ''),
  })
  return {
    model: {
      producerName,
      producerVersion,
      domain,
      modelVersion: Number(modelVersion),
      docString,
      graphName: graph.name,
      graphDoc: graph.docString,
      metadata: model.metadataProps.map(({ key, value }) => [key, value]),
    },
    inputs: graph.input.filter(({ name }) => !constants.has(name)).map(port),
    outputs: graph.output.map(port),
    nodes: graph.node.map(({ name, opType, docString }) => ({
      name: name ?? '',
      opType: opType ?? '',
      docString: docString ?? '',
    })),
  }
}

test('models in float16 through and through give the same in onnxruntime-web and here', async () => {
  const small = names.filter((name) => readFileSync(join(folder, name, 'model.onnx')).length < 1e6)
  for (const name of small) {
    const original = new Uint8Array(readFileSync(join(folder, name, 'model.onnx')))
    const bytes = exportModel(toFloat16(importModel(original)))
    const peer = await ort.InferenceSession.create(bytes).catch((error) => error as Error)
    if (peer instanceof Error) assert.unreachable(`${name}: ${peer.message}`)
    const session = await InferenceSession.create(bytes)
    const feeds = Object.entries(feedsOf(name, session.inputNames)).map(([input, { type, data, dims }]) => {
      const tensor = new Tensor(type as 'float32', data as Float32Array, dims)
      return [input, type === 'float32' ? castTensor(tensor, 'float16') : tensor] as const
    })
    const own = await session.run(Object.fromEntries(feeds))
    const theirs = await (peer as ort.InferenceSession).run(
      Object.fromEntries(
        feeds.map(([input, { type, data, dims }]) => [
          input,
          new ort.Tensor(type as 'float32', data as Float32Array, dims),
        ]),
      ),
    )
    for (const output of session.outputNames) {
      const { type, data, dims } = theirs[output]
      assert.is(type, 'float16', name)
      const expected = new Tensor('float16', new Uint16Array(data as Uint16Array), dims)
      assert.is(mismatch(own[output], expected), undefined, `${name}: ${output}`)
    }
    await session.release()
    await (peer as ort.InferenceSession).release()
  }
})

test('what ONNX has on no float16 stays in float32, between casts', () => {
  const k = new GraphBuilder()
  const x = k.input('x', 'float32', ['n', 4])
  const [quantized, scale, zero] = k.emit('DynamicQuantizeLinear', [k.relu(x)])
  k.output(k.exp(k.op('DequantizeLinear', [quantized, scale, zero])), 'y')
  k.output(x, 'z')
  const graph = importModel(exportModel(toFloat16(k.build())))
  assert.equal(
    graph.nodes.map(({ op, outputs }) => `${op} ${outputs[0].dtype}`).join(', '),
    'Relu float16, Cast float32, DynamicQuantizeLinear uint8, DequantizeLinear float32, Cast float16, Exp float16, Identity float16, Identity float16',
  )
  assert.equal(
    [...graph.inputs, ...graph.outputs].map(({ name, dtype }) => `${name} ${dtype}`),
    ['x float16', 'y float16', 'z float16'],
  )
})

test('doc strings, producer, domain, version, metadata, names of nodes and sizes are kept', () => {
  for (const [root, list] of [
    [folder, names],
    [worldFolder, worldNames],
  ] as const)
    for (const name of list) {
      const bytes = readFileSync(join(root, name, 'model.onnx'))
      let written: Uint8Array
      try {
        written = exportModel(importModel(bytes))
      } catch (error) {
        if (!/the file was not given|has no form in opset/.test((error as Error).message)) throw error
        continue
      }
      const [before, after] = [described(bytes), described(written)]
      assert.equal(after.model, { ...before.model, producerName: before.model.producerName || 'lanewise' }, name)
      const inputNames = (form: typeof after) => form.inputs.map((input) => input.name)
      assert.equal(inputNames(after), inputNames(before), name)
      const kept = new Map(after.nodes.map((node) => [node.name, node]))
      for (const node of before.nodes) {
        const same = kept.get(node.name)
        // Constants become initializers; ops of other domains are written in ONNX's own.
        if (!node.name || node.opType === 'Constant') continue
        if (same?.opType === node.opType) assert.is(same.docString, node.docString, `${name}: ${node.name}`)
        else if (same === undefined) assert.ok(rewritten.has(node.opType), `${name} lost ${node.opType} '${node.name}'`)
      }
      before.outputs.forEach((output, index) => {
        output.dims?.forEach((dim, axis) => {
          // Inference may know a size that the file only names.
          const written = after.outputs[index].dims?.[axis]
          if (dim && written) assert.is(written, dim, `${name}: ${output.name}`)
        })
      })
    }
})

test('names, dimensions and metadata are kept', () => {
  for (const name of names) {
    const bytes = readFileSync(join(folder, name, 'model.onnx'))
    const first = importModel(bytes)
    const second = importModel(exportModel(first))
    assert.equal(second.inputs, first.inputs, name)
    assert.equal(
      second.outputs.map((value) => value.name),
      first.outputs.map((value) => value.name),
      name,
    )
    assert.equal(second.metadata, first.metadata, name)
    assert.is(second.name, first.name)
  }
})

test.run()
