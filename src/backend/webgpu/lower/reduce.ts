import type { ConstantOf, Node } from '../../../core/ir.js'
import { normalizeAxis, sizeOf } from '../../../core/shape.js'
import { reducedAxes } from '../../../ops/reduction.js'
import { type ReductionPass, reductionPasses } from '../../reduction.js'
import {
  type Dispatch,
  f32Literal,
  gridOf,
  groupIndex,
  groupParameters,
  kernel,
  mapKernel,
  type Place,
} from '../kernel.js'
import type { Tuning } from '../tuning.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'

/** A reduction: what an element contributes, how two results join, and the same for results of an earlier pass. */
interface Operation {
  readonly name: string
  /** Expression of an element `v`. */
  readonly take: string
  /** Expression that joins `a` and `b`. */
  readonly join: string
  /** The builtin that joins what the threads of a subgroup have, and what changes nothing; an element does if absent. */
  readonly subgroup?: { readonly builtin: string; readonly identity?: string }
}

const adding = { builtin: 'subgroupAdd', identity: '0.0' }
const multiplying = { builtin: 'subgroupMul', identity: '1.0' }
const greatest = { builtin: 'subgroupMax' }
const least = { builtin: 'subgroupMin' }

const operations = {
  sum: { name: 'sum', take: 'v', join: 'a + b', subgroup: adding },
  sumSquare: { name: 'sum_square', take: 'v * v', join: 'a + b', subgroup: adding },
  sumAbs: { name: 'sum_abs', take: 'abs(v)', join: 'a + b', subgroup: adding },
  prod: { name: 'prod', take: 'v', join: 'a * b', subgroup: multiplying },
  max: { name: 'max', take: 'v', join: 'max(a, b)', subgroup: greatest },
  min: { name: 'min', take: 'v', join: 'min(a, b)', subgroup: least },
  // Softplus of the distance keeps the greater exponent outside.
  logSumExp: { name: 'log_sum_exp', take: 'v', join: 'max(a, b) + log(1.0 + exp(-abs(a - b)))' },
} as const satisfies Record<string, Operation>

/** Rows of fewer elements are reduced by a thread each. */
const SHORT = 64
/** A workgroup reduces at most so many elements of a row, a thread at most so many of a column. */
const ROW_PART = 4096
const COLUMN_PART = 64
/** With so many sums side by side there is work enough without parts. */
const INDEPENDENT = 16384

function partLengthOf(outer: number, length: number, inner: number): number {
  const whole = Math.max(1, length)
  if (inner === 1) return Math.min(whole, ROW_PART)
  return outer * inner >= INDEPENDENT ? whole : Math.min(whole, COLUMN_PART)
}

const passesOf = ({ inputs, attributes }: Node, constant: ConstantOf): ReductionPass[] => {
  const shape = shapeOf(inputs[0]!)
  const axes = inputs[1] ? constant(inputs[1])?.toNumbers() : undefined
  return reductionPasses(shape, reducedAxes(axes, shape.length, attributes), partLengthOf)
}

const resultBytes = ({ outer, parts, inner }: ReductionPass): number =>
  Math.ceil((outer * parts * inner * 4) / 256) * 256

function passDispatch(
  { outer, length, inner, parts, partLength }: ReductionPass,
  { name, take, join, subgroup }: Operation,
  x: Place,
  y: Place,
  finish: string,
  { rowThreads, subgroups }: Tuning,
): Dispatch[] {
  const declarations = `fn take(v: f32) -> f32 { return ${take}; }
fn join(a: f32, b: f32) -> f32 { return ${join}; }
fn finish(v: f32) -> f32 { return ${finish}; }`
  const results = outer * parts * inner
  const span = (result: string, part: string) => `  let begin = ${part} * ${partLength}u;
  let end = min(begin + ${partLength}u, ${length}u);
  let first = ${result};`
  if (inner === 1 && partLength >= SHORT) {
    const inSubgroups = subgroups ? subgroup : undefined
    const joining = inSubgroups
      ? `  let joined = ${inSubgroups.builtin}(total);
  if (subgroupElect()) { shared_[subgroup] = joined; }
  workgroupBarrier();
  if (local == 0u) {
    var all = shared_[0];
    for (var other = 1u; other < count; other++) { all = join(all, shared_[other]); }
    shared_[0] = all;
  }`
      : `  if (local < count) { shared_[local] = total; }
  for (var half = ${rowThreads / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half && local + half < count) { shared_[local] = join(shared_[local], shared_[local + half]); }
  }`
    return kernel({
      name: `reduce_rows_${name}${inSubgroups ? '_subgroups' : ''}`,
      reads: { x },
      writes: { y },
      workgroupSize: [rowThreads, 1, 1],
      workgroups: gridOf(results),
      enables: inSubgroups ? ['subgroups'] : [],
      text: ({ x, y }) => `${declarations}
var<workgroup> shared_: array<f32, ${rowThreads}>;
fn main(${groupParameters}${inSubgroups ? ', @builtin(subgroup_id) subgroup: u32, @builtin(num_subgroups) count: u32' : ''}) {
  let index = ${groupIndex};
  if (index >= ${results}u) { return; }
${span(`index / ${parts}u * ${length}u`, `index % ${parts}u`)}
  ${inSubgroups ? '' : `let count = min(${rowThreads}u, end - begin);`}
  var total = ${inSubgroups?.identity ?? `take(${x}[first + begin])`};
  if (begin + local < end) {
    total = take(${x}[first + begin + local]);
    for (var k = begin + local + ${rowThreads}u; k < end; k += ${rowThreads}u) { total = join(total, take(${x}[first + k])); }
  }
${joining}
  if (local == 0u) { ${y}[index] = finish(shared_[0]); }
}`,
    })
  }
  return mapKernel({
    name: `reduce_columns_${name}`,
    count: results,
    reads: { x },
    writes: { y },
    declarations,
    body: ({ x, y }) => `  let column = i % ${inner}u;
${span(`i / ${inner * parts}u * ${length * inner}u + column`, `i / ${inner}u % ${parts}u`)}
  var total = take(${x}[first + begin * ${inner}u]);
  for (var k = begin + 1u; k < end; k++) { total = join(total, take(${x}[first + k * ${inner}u])); }
  ${y}[i] = finish(total);`,
  })
}

type Finish = 'mean' | 'sqrt' | 'log'

const reduction = (operation: keyof typeof operations, finish?: Finish): Lowering => ({
  accelerates: ({ inputs }, constant) =>
    inputs[0]!.dtype === 'float32' &&
    elementsOf(inputs[0]!) > 0 &&
    (inputs[1] === undefined || constant(inputs[1]) !== undefined),
  workspace: (node, constant) =>
    passesOf(node, constant)
      .slice(0, -1)
      .reduce((sum, pass) => sum + resultBytes(pass), 0),
  lower(node, { place, workspace, constant, tuning }) {
    const { inputs, outputs } = node
    const passes = passesOf(node, constant)
    const factor = f32Literal(elementsOf(outputs[0]) / elementsOf(inputs[0]!))
    const last = finish === undefined ? 'v' : finish === 'mean' ? `v * ${factor}` : `${finish}(v)`
    let x = place(inputs[0]!)
    let free = 0
    return passes.flatMap((pass, index) => {
      const isLast = index === passes.length - 1
      const y = isLast ? place(outputs[0]) : workspace(free, resultBytes(pass), 'f32')
      free += resultBytes(pass)
      const step: Operation = { ...operations[operation], ...(index > 0 && { take: 'v' }) }
      const dispatches = passDispatch(pass, step, x, y, isLast ? last : 'v', tuning)
      x = y
      return dispatches
    })
  },
})

const argument = (compare: '>' | '<'): Lowering => ({
  accelerates: ({ inputs }) => inputs[0]!.dtype === 'float32' && elementsOf(inputs[0]!) > 0,
  lower({ inputs: [x], outputs: [y], attributes }, { place }) {
    const shape = shapeOf(x!)
    const axis = normalizeAxis(attributes['axis'] as number, shape.length)
    const length = shape[axis] ?? 1
    const inner = sizeOf(shape.slice(axis + 1))
    const operator = attributes['select_last_index'] ? `${compare}=` : compare
    return mapKernel({
      name: compare === '>' ? 'arg_max' : 'arg_min',
      count: elementsOf(y),
      reads: { x: place(x!) },
      writes: { y: place(y) },
      body: ({ x, y }) => `  let first = i / ${inner}u * ${length * inner}u + i % ${inner}u;
  var best = ${x}[first];
  var at = 0;
  for (var k = 1; k < ${length}; k++) {
    let v = ${x}[first + u32(k) * ${inner}u];
    if (v ${operator} best) { best = v; at = k; }
  }
  ${y}[i] = at;`,
    })
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
  ArgMax: argument('>'),
  ArgMin: argument('<'),
} as const satisfies Record<string, Lowering>
