import * as ort from 'onnxruntime-web'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { onnxTypeCode } from '../src/core/dtype.js'
import { encode } from '../src/onnx/encode.js'
import { encodeTensor } from '../src/onnx/tensors.js'
import { InferenceSession } from '../src/session.js'
import { attributeProto, fed, given, held, type Operand, type RowAttribute, scalar } from './support/rows.js'

// onnxruntime runs these ops on GPUs alone: it is given what they mean in ONNX's own.

ort.env.wasm.numThreads = 1
ort.env.logLevel = 'error'

type Node = readonly [
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes?: Readonly<Record<string, RowAttribute>>,
]

interface Case {
  readonly op: string
  readonly operands: Readonly<Record<string, Operand>>
  readonly node: Node
  /** What computes the same outputs. */
  readonly same: readonly Node[]
}

function modelOf(operands: Case['operands'], nodes: readonly Node[], outputs: readonly string[]): Uint8Array {
  const entries = Object.entries(operands)
  return encode('ModelProto', {
    irVersion: 8,
    opsetImport: [
      { domain: '', version: 18 },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: 'one',
      node: nodes.map(([op, input, output, attributes = {}]) => ({
        opType: op.replace('com.microsoft.', ''),
        domain: op.startsWith('com.') ? 'com.microsoft' : '',
        input: [...input],
        output: [...output],
        attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
      })),
      initializer: entries.flatMap(([name, { tensor, constant }]) => (constant ? [encodeTensor(tensor, name)] : [])),
      input: entries.flatMap(([name, { tensor, constant }]) => {
        const shape = { dim: tensor.dims.map((dimValue) => ({ dimValue })) }
        return constant ? [] : [{ name, type: { tensorType: { elemType: onnxTypeCode[tensor.type], shape } } }]
      }),
      output: outputs.map((name) => ({ name, type: { tensorType: { elemType: 1 } } })),
    },
  })
}

const ints = (...values: number[]) => ({ ints: values })
/** GroupNorm of x [2, 3, 4, 8] in 4 groups, channels last: over each group of 2 channels, by InstanceNormalization. */
const groupNorm = (x: string, y: string): readonly Node[] => [
  ['Transpose', [x], ['first'], { perm: ints(0, 3, 1, 2) }],
  ['Reshape', ['first', 'grouped'], ['groups']],
  ['InstanceNormalization', ['groups', 'ones', 'zeros'], ['normal'], { epsilon: { f: 1e-5 } }],
  ['Reshape', ['normal', 'ungrouped'], ['whole']],
  ['Transpose', ['whole'], ['last'], { perm: ints(0, 2, 3, 1) }],
  ['Mul', ['last', 'scale'], ['scaled']],
  ['Add', ['scaled', 'shift'], [y]],
]
const list = (...values: number[]): Operand => given(values, 'int64')
const normOperands = {
  x: fed([2, 3, 4, 8]),
  scale: held([8]),
  shift: held([8]),
  grouped: list(2, 4, 24),
  ungrouped: list(2, 8, 3, 4),
  ones: held([4], 'float32', 1, 1),
  zeros: held([4], 'float32', 0, 0),
}

const cases: readonly Case[] = [
  {
    op: 'GroupNorm',
    operands: normOperands,
    node: ['com.microsoft.GroupNorm', ['x', 'scale', 'shift'], ['y'], { groups: { i: 4 }, activation: { i: 0 } }],
    same: groupNorm('x', 'y'),
  },
  {
    op: 'GroupNorm with Swish',
    operands: normOperands,
    node: ['com.microsoft.GroupNorm', ['x', 'scale', 'shift'], ['y'], { groups: { i: 4 }, activation: { i: 1 } }],
    same: [...groupNorm('x', 'n'), ['Sigmoid', ['n'], ['s']], ['Mul', ['n', 's'], ['y']]],
  },
  ...[
    [2, 3, 4, 8],
    [2, 1, 1, 8],
    [2, 8],
  ].map(
    (dims): Case => ({
      op: `SkipGroupNorm, a skip [${dims}]`,
      operands: {
        ...normOperands,
        skip: fed(dims),
        bias: held([8]),
        row: list(2, dims.length > 2 ? dims[1] : 1, dims.length > 2 ? dims[2] : 1, 8),
      },
      node: [
        'com.microsoft.SkipGroupNorm',
        ['x', 'scale', 'shift', 'skip', 'bias'],
        ['y', 'sum'],
        { groups: { i: 4 }, activation: { i: 0 } },
      ],
      same: [
        ['Reshape', ['skip', 'row'], ['r']],
        ['Add', ['x', 'r'], ['t']],
        ['Add', ['t', 'bias'], ['sum']],
        ...groupNorm('sum', 'y'),
      ],
    }),
  ),
  {
    op: 'BiasAdd',
    operands: { x: fed([2, 3, 8]), bias: held([8]), skip: fed([2, 3, 8]) },
    node: ['com.microsoft.BiasAdd', ['x', 'bias', 'skip'], ['y']],
    same: [['Sum', ['x', 'bias', 'skip'], ['y']]],
  },
  {
    op: 'BiasSplitGelu',
    operands: { x: fed([2, 3, 8]), bias: held([8]), root: scalar(Math.SQRT1_2), one: scalar(1), half: scalar(0.5) },
    node: ['com.microsoft.BiasSplitGelu', ['x', 'bias'], ['y']],
    same: [
      ['Add', ['x', 'bias'], ['sum']],
      ['Split', ['sum'], ['left', 'right'], { axis: { i: -1 }, num_outputs: { i: 2 } }],
      ['Mul', ['right', 'root'], ['r']],
      ['Erf', ['r'], ['e']],
      ['Add', ['e', 'one'], ['p']],
      ['Mul', ['p', 'half'], ['h']],
      ['Mul', ['h', 'right'], ['g']],
      ['Mul', ['left', 'g'], ['y']],
    ],
  },
  {
    op: 'NhwcConv',
    operands: { x: fed([1, 6, 5, 4]), w: held([6, 3, 3, 2]), bias: held([6]) },
    node: ['com.microsoft.NhwcConv', ['x', 'w', 'bias'], ['y'], { group: { i: 2 }, pads: ints(1, 1, 1, 1) }],
    same: [
      ['Transpose', ['x'], ['first'], { perm: ints(0, 3, 1, 2) }],
      ['Transpose', ['w'], ['v'], { perm: ints(0, 3, 1, 2) }],
      ['Conv', ['first', 'v', 'bias'], ['c'], { group: { i: 2 }, pads: ints(1, 1, 1, 1) }],
      ['Transpose', ['c'], ['y'], { perm: ints(0, 2, 3, 1) }],
    ],
  },
]

for (const { op, operands, node, same } of cases)
  test(`as onnxruntime-web computes its meaning: ${op}`, async () => {
    const outputs = node[2]
    const fedOnes = Object.entries(operands).filter(([, { constant }]) => !constant)
    const reference = await ort.InferenceSession.create(modelOf(operands, same, outputs))
    const expected = await reference.run(
      Object.fromEntries(
        fedOnes.map(([name, { tensor }]) => [
          name,
          new ort.Tensor('float32', tensor.data as Float32Array, tensor.dims),
        ]),
      ),
    )
    const session = await InferenceSession.create(modelOf(operands, [node], outputs), { threads: 1 })
    const results = await session.run(Object.fromEntries(fedOnes.map(([name, { tensor }]) => [name, tensor])))
    await session.release()
    for (const output of outputs) {
      assert.equal(results[output].dims, [...expected[output].dims])
      results[output].toNumbers().forEach((element, i) => {
        const wanted = Number(expected[output].data[i])
        assert.ok(Math.abs(element - wanted) <= 2e-5 + 2e-4 * Math.abs(wanted), `${output} ${i}: ${element}, ${wanted}`)
      })
    }
  })

test.run()
