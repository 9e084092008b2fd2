import { concrete, normalizeAxis, sizeOf } from '../../../core/shape.js'
import type { ReductionPass } from '../../reduction.js'
import { activationKinds } from '../activations.js'
import { unary_f32 } from '../gen/elementwise.js'
import type { KernelCall } from '../gen/kernels.js'
import { rare_reduce_f32 } from '../gen/rare-reduce.js'
import { reduce_f32 } from '../gen/reduce.js'
import { argument_f32 } from '../gen/training-argument.js'
import type { Lowering } from './lowering.js'
import { passesOf, resultBytes, unitsOf } from './reduction-passes.js'
import { CHUNK, cut } from './tiles.js'

/** Columns of a unit of the kernels. */
const BLOCK = 1024

/** The operations of `assembly/reduce.ts` and of `assembly/rare/reduce.ts`, by kernel and number. */
const operations = {
  sum: [reduce_f32, 0],
  sumSquare: [reduce_f32, 1],
  max: [reduce_f32, 2],
  sumAbs: [rare_reduce_f32, 0],
  prod: [rare_reduce_f32, 1],
  min: [rare_reduce_f32, 2],
  logSumExp: [rare_reduce_f32, 3],
} as const
type Operation = keyof typeof operations

/** What the passes after the first do with the results of the first. */
const continued = {
  sum: 'sum',
  sumSquare: 'sum',
  sumAbs: 'sum',
  prod: 'prod',
  max: 'max',
  min: 'min',
  logSumExp: 'logSumExp',
} as const

function passCall(pass: ReductionPass, operation: Operation, x: number, y: number): KernelCall {
  const [kernel, number] = operations[operation]
  const { tiles, ...cut } = unitsOf(pass, BLOCK)
  return kernel({ x, y, ...pass, ...cut, operation: number }, tiles)
}

type Finish = 'mean' | 'sqrt' | 'log'

const reduction = (operation: Operation, finish?: Finish): Lowering => ({
  accelerates: ({ inputs }, constant) =>
    inputs[0]!.dtype === 'float32' && (inputs[1] === undefined || constant(inputs[1]) !== undefined),
  workspace: (node, constant) =>
    passesOf(node, constant)
      .slice(0, -1)
      .reduce((sum, pass) => sum + resultBytes(pass, 4), 0),
  lower(node, { address, workspace, constant }) {
    const size = sizeOf(concrete(node.outputs[0].shape))
    if (size === 0) return []
    const y = address(node.outputs[0])
    const passes = passesOf(node, constant)
    let x = address(node.inputs[0]!)
    let free = workspace
    const calls = passes.map((pass, index) => {
      const target = index === passes.length - 1 ? y : free
      const call = passCall(pass, index === 0 ? operation : continued[operation], x, target)
      x = target
      free += resultBytes(pass, 4)
      return call
    })
    if (finish) {
      const { chunk, tiles } = cut(size)
      const kind = activationKinds[finish === 'mean' ? 'scale' : finish]
      const alpha = size / sizeOf(concrete(node.inputs[0]!.shape))
      calls.push(unary_f32({ x: y, y, size, chunk, kind, alpha, beta: 0 }, tiles))
    }
    return calls
  },
})

const argument = (sign: 1 | -1): Lowering => ({
  accelerates: ({ inputs }) => inputs[0]!.dtype === 'float32' && sizeOf(concrete(inputs[0]!.shape)) > 0,
  lower({ inputs, outputs, attributes }, { address }) {
    const shape = concrete(inputs[0]!.shape)
    const axis = normalizeAxis(attributes['axis'] as number, shape.length)
    const length = shape[axis] ?? 1
    const size = sizeOf(shape) / length
    const inner = sizeOf(shape.slice(axis + 1))
    const { chunk, tiles } = cut(size, Math.max(1, Math.ceil(CHUNK / length)))
    const last = attributes['select_last_index'] as number
    return [
      argument_f32({ x: address(inputs[0]!), y: address(outputs[0]), size, chunk, length, inner, sign, last }, tiles),
    ]
  },
})

/** Reductions over constant axes, and ArgMax and ArgMin, of float32. */
export const reduceLowerings = {
  ReduceSum: reduction('sum'),
  ReduceMean: reduction('sum', 'mean'),
  ReduceMax: reduction('max'),
  ReduceMin: reduction('min'),
  ReduceProd: reduction('prod'),
  ReduceSumSquare: reduction('sumSquare'),
  ReduceL1: reduction('sumAbs'),
  ReduceL2: reduction('sumSquare', 'sqrt'),
  ReduceLogSum: reduction('sum', 'log'),
  ReduceLogSumExp: reduction('logSumExp'),
  ArgMax: argument(1),
  ArgMin: argument(-1),
} as const satisfies Record<string, Lowering>
