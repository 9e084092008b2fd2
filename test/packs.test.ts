import { join, resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { coreKernels, referenceKernels, tableState } from '../src/backend/reference/table.js'
import { otherTypes } from '../src/backend/wasm/lower/other-types.js'
import { volumes } from '../src/backend/wasm/lower/over-volumes.js'
import { findCases, verifyCase } from '../src/cli/cases.js'
import type { Node } from '../src/core/ir.js'
import { Tensor } from '../src/core/tensor.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { exportModel } from '../src/onnx/export.js'
import { loadModel } from '../src/onnx/source.js'
import { withDefaults } from '../src/ops/definition.js'
import { coreOperators, definitionOf, operators } from '../src/ops/index.js'
import { halves } from '../src/optimise/index.js'
import { packs } from '../src/packs/gen/packs.js'
import { loadOperators, packOf } from '../src/packs/index.js'
import { InferenceSession } from '../src/session.js'
import { cases } from './cases/index.js'

const folder = join(resolve(process.env['LANEWISE_DATA'] || '../shared/data'), 'onnx-backend/node')

/** For each pack, a conformance case of one node, with its op. */
const examples: Readonly<Record<keyof typeof packs, readonly [op: string, name: string]>> = {
  arithmetic: ['BitShift', 'test_bitshift_left_uint8'],
  attention: ['Attention', 'test_attention_3d'],
  classical: ['ai.onnx.ml.TreeEnsemble', 'test_ai_onnx_ml_tree_ensemble_single_tree'],
  control: ['If', 'test_if'],
  einsum: ['Einsum', 'test_einsum_sum'],
  indexing: ['TopK', 'test_top_k'],
  labels: ['ai.onnx.ml.LabelEncoder', 'test_ai_onnx_ml_label_encoder_string_int'],
  normalization: ['LayerNormalization', 'test_layer_normalization_2d_axis0'],
  quantized: ['QuantizeLinear', 'test_quantizelinear'],
  recurrent: ['LSTM', 'test_lstm_defaults'],
  resize: ['Resize', 'test_resize_downsample_scales_cubic_align_corners'],
  signal: ['DFT', 'test_dft'],
  text: ['StringSplit', 'test_string_split_basic'],
  training: ['ConvTranspose', 'test_convtranspose'],
  vision: ['RoiAlign', 'test_roialign_aligned_false'],
}

test('a Keras CNN holds core ops only: it loads no pack', async () => {
  await loadModel(join(folder, '../../bench/model5.onnx'))
  assert.equal(Object.keys(operators), Object.keys(coreOperators))
})

test('volumes and floats of 16 bits come with the first session that holds some', async () => {
  const builder = new GraphBuilder('volume')
  const x = builder.input('x', 'float32', [1, 1, 3, 3, 3])
  const w = builder.constant(new Tensor('float32', new Float32Array(27).fill(1), [1, 1, 3, 3, 3]))
  const [y] = builder.emit('Conv', [x, w])
  const [half] = builder.emit('Cast', [y], { to: 10 })
  const [root] = builder.emit('Sqrt', [half])
  builder.output(builder.emit('Cast', [root], { to: 1 })[0], 'y')
  const session = await InferenceSession.create(exportModel(builder.build()))
  const { y: result } = await session.run({ x: new Tensor('float32', new Float32Array(27).fill(3), [1, 1, 3, 3, 3]) })
  assert.equal((result as Tensor).toNumbers(), [9])
  volumes()
  halves()
  await session.release()
})

test('lowerings of integers come with the first session that computes on some', async () => {
  const session = await sessionOf('Div', 'int64', false)
  const { y } = await session.run({ x: new Tensor('int64', [-7n, 8n, 13n], [3]) })
  assert.equal(Array.from(y.toNumbers()), [-1, 2, 3])
  otherTypes()
  await session.release()
})

/** A session of y = x op 4; 4 is a sum of constants where it is to be folded. */
async function sessionOf(op: string, dtype: 'float32' | 'int64', folds: boolean): Promise<InferenceSession> {
  for (const loaded of Object.keys(referenceKernels))
    if (!Object.hasOwn(coreKernels, loaded)) delete referenceKernels[loaded]
  tableState.complete = false
  const builder = new GraphBuilder('computing')
  const x = builder.input('x', dtype, [3])
  const constant = () => builder.constant(Tensor.scalar(2, dtype))
  const [sum] = builder.emit('Add', [constant(), constant()])
  const c = folds ? sum : builder.constant(Tensor.scalar(4, dtype))
  const [y] = builder.emit(op, [x, c], op === 'Mod' ? { fmod: 1 } : {})
  builder.output(y, 'y')
  return InferenceSession.create(exportModel(builder.build()))
}

test('reference kernels of core ops come once a plan folds such an op', async () => {
  const session = await sessionOf('Mul', 'float32', true)
  assert.not.ok(Object.hasOwn(referenceKernels, 'Add'))
  const { y } = await session.run({ x: new Tensor('float32', [1, 2, 3], [3]) })
  assert.equal(Array.from(y.toNumbers()), [4, 8, 12])
  assert.ok(Object.hasOwn(referenceKernels, 'Add'))
  await session.release()
})

test('reference kernels of core ops come once a plan holds what wasm has no kernel for', async () => {
  const session = await sessionOf('Mod', 'float32', false)
  assert.not.ok(Object.hasOwn(referenceKernels, 'Mod'))
  const { y } = await session.run({ x: new Tensor('float32', [1, 4, 6], [3]) })
  assert.equal(Array.from(y.toNumbers()), [1, 0, 2])
  assert.ok(Object.hasOwn(referenceKernels, 'Mod'))
  await session.release()
})

for (const [pack, [op, name]] of Object.entries(examples))
  test(`${pack}: a model with ${op} loads it, and none of the others`, async () => {
    assert.is(packOf(op), pack)
    const loaded = new Set(Object.keys(operators))
    assert.not.ok(loaded.has(op), `${op} is loaded before a model asks for it`)
    const [item] = await findCases(join(folder, name))
    const verdict = await verifyCase(item, { backend: 'wasm', threads: 1 })
    assert.is(verdict.status, 'pass', JSON.stringify(verdict))
    const added = Object.keys(operators).filter((key) => !loaded.has(key))
    assert.equal(added.sort(), packs[pack as keyof typeof packs].ops.split(' ').sort())
  })

test('an op lies in the core or in one pack', () => {
  const names = [Object.keys(coreOperators), ...Object.values(packs).map(({ ops }) => ops.split(' '))].flat()
  assert.is(new Set(names).size, names.length)
})

test('what decompositions write is core, in the pack of the op, or among what that pack writes', async () => {
  await loadOperators()
  let seen = 0
  for (const { op, inputs, attributes = {}, outputs = 1 } of cases) {
    const { decompose } = definitionOf(op)
    if (!decompose) continue
    const builder = new GraphBuilder(op)
    const values = inputs.map((input, index) => {
      if (!input) return undefined
      const { dtype = 'float32', shape, values } = input
      return values ? builder.constant(new Tensor(dtype, values, shape)) : builder.input(`input${index}`, dtype, shape)
    })
    const node = { op, name: op, inputs: values, outputs: [], attributes: withDefaults(definitionOf(op), attributes) }
    try {
      decompose(builder, { ...node, outputs: new Array(outputs).fill(values[0]) } as unknown as Node)
    } catch {
      // Rules look at the types of a node's outputs, which are not inferred here.
      continue
    }
    for (const written of builder.build().nodes) {
      const [pack, own] = [packOf(written.op), packOf(op)]
      const named = own && (await packs[own].load()).writes?.includes(written.op)
      assert.ok(pack === undefined || pack === own || named, `${op} (${own}) writes ${written.op} (${pack})`)
      seen++
    }
  }
  assert.ok(seen > 200, `only ${seen} nodes were written`)
})

test.run()
