import type { DType } from '../../../core/dtype.js'
import { concrete, normalizeAxis, sizeOf } from '../../../core/shape.js'
import { wide_reduce } from '../gen/rare-wide-reduce.js'
import { wide_argument } from '../gen/rare-wide-scan.js'
import { type Lowering, SCRATCH_BYTES } from './lowering.js'
import { passesOf, resultBytes, unitsOf } from './reduction-passes.js'
import { isWhole, scalarType } from './scalar-types.js'
import { type WideOperation, wideCall, wideOperations } from './wide.js'
import { BLOCK, wideLines } from './wide-lines.js'

/** What is done to each element (with itself), if anything, and what joins two. */
const operations = {
  sum: [undefined, 'Add'],
  sumSquare: ['Mul', 'Add'],
  sumAbs: ['Abs', 'Add'],
  prod: [undefined, 'Mul'],
  max: [undefined, 'Max'],
  min: [undefined, 'Min'],
} as const satisfies Record<string, readonly [WideOperation | undefined, WideOperation]>

type Reduction = keyof typeof operations

/** What is done to the results of a reduction. */
type Finish = 'mean' | 'sqrt'

/** The type that results are held in until the last pass. */
const wideType = (dtype: DType): DType => (isWhole(dtype) ? (dtype === 'uint64' ? dtype : 'int64') : 'float64')

/** ArgMax and ArgMin of integers and float64. */
const argument = (least: 0 | 1): Lowering => ({
  accelerates: ({ inputs: [x] }) => (isWhole(x!.dtype) || x!.dtype === 'float64') && sizeOf(concrete(x!.shape)) > 0,
  lower({ inputs: [x], outputs: [y], attributes }, { address, scratch }) {
    const shape = concrete(x!.shape)
    const { tiles, ...lines } = wideLines(shape, normalizeAxis(attributes['axis'] as number, shape.length))
    const places = { x: address(x!), y: address(y), scratch: scratch(), scratchBytes: SCRATCH_BYTES }
    const last = attributes['select_last_index'] as number
    return [wide_argument({ ...places, ...lines, type: scalarType(x!.dtype)!, least, last }, tiles)]
  },
})

/** Reductions of integers, exact but for their overflow, and of float64, over constant axes. */
const reduction = (operation: Reduction, finish?: Finish): Lowering => ({
  accelerates: ({ inputs: [x, axes] }, constant) =>
    (x!.dtype === 'float64' || (isWhole(x!.dtype) && finish !== 'sqrt')) &&
    (axes === undefined || constant(axes) !== undefined) &&
    sizeOf(concrete(x!.shape)) > 0,
  workspace: (node, constant) =>
    passesOf(node, constant)
      .slice(0, finish ? undefined : -1)
      .reduce((sum, pass) => sum + resultBytes(pass, 8), 0),
  lower(node, context) {
    const [input, output] = [node.inputs[0]!, node.outputs[0]]
    const [before, join] = operations[operation]
    const wide = wideType(input.dtype)
    const passes = passesOf(node, context.constant)
    let x = context.address(input)
    let free = context.workspace
    const calls = passes.map((pass, index) => {
      const isLast = index === passes.length - 1 && !finish
      const y = isLast ? context.address(output) : free
      const { tiles, ...cut } = unitsOf(pass, BLOCK)
      const types = {
        type: scalarType(index === 0 ? input.dtype : wide)!,
        yType: scalarType(isLast ? output.dtype : wide)!,
        before: index === 0 && before ? wideOperations[before] : -1,
        operation: wideOperations[join],
      }
      const call = wide_reduce(
        { x, y, scratch: context.scratch(), scratchBytes: SCRATCH_BYTES, ...pass, ...cut, ...types },
        tiles,
      )
      x = y
      free += resultBytes(pass, 8)
      return call
    })
    if (!finish) return calls
    const shape = concrete(output.shape)
    const [from, to] = [x, context.address(output)].map((address) => ({ address, shape }))
    const count = sizeOf(concrete(input.shape)) / sizeOf(shape)
    const last = finish === 'mean' ? 'Div' : 'Sqrt'
    return [...calls, ...wideCall(last, wide, from, finish === 'mean' ? count : 0, to, context, output.dtype)]
  },
})

/** Reductions over constant axes, and ArgMax and ArgMin, of integers and float64. */
export const wideReduceLowerings = {
  ReduceSum: reduction('sum'),
  ReduceMean: reduction('sum', 'mean'),
  ReduceMax: reduction('max'),
  ReduceMin: reduction('min'),
  ReduceProd: reduction('prod'),
  ReduceSumSquare: reduction('sumSquare'),
  ReduceL1: reduction('sumAbs'),
  ReduceL2: reduction('sumSquare', 'sqrt'),
  ArgMax: argument(0),
  ArgMin: argument(1),
} as const satisfies Record<string, Lowering>
