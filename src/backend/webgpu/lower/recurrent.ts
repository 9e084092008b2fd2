import type { Node, Value } from '../../../core/ir.js'
import { activationNames, type CellKind, directionsOf, gruCell, lstmCell, rnnCell } from '../../../ops/recurrent.js'
import type { Unary } from '../../activations.js'
import { type Dispatch, gridOf, groupIndex, groupParameters, kernel, mapKernel, type Place } from '../kernel.js'
import type { Tuning } from '../tuning.js'
import { coordinates } from '../wgsl/index.js'
import { type CellForm, type CellSpec, cellText, gateLanes, rowsOfGroup } from '../wgsl/recurrent.js'
import { type GemmSizes, gemm, gemmWorkspace } from './gemm.js'
import { elementsOf, type Lowering, type LoweringContext, shapeOf } from './lowering.js'
import { elementIn, productOperands } from './matmul.js'

/** The activations of recurrent ops that have kernels: those without parameters. */
const unaries: Readonly<Record<string, Unary['name']>> = {
  relu: 'relu',
  sigmoid: 'sigmoid',
  softplus: 'softplus',
  softsign: 'softsign',
  tanh: 'tanh',
}

/** A recurrent node: its sizes, operands and cell. */
interface Recurrent {
  readonly spec: CellSpec
  readonly kind: CellKind
  readonly batchFirst: boolean
  /** Of each direction, whether it runs from the last step to the first. */
  readonly reverse: readonly boolean[]
  readonly steps: number
  readonly batch: number
  readonly width: number
  readonly hidden: number
  readonly x: Value
  readonly weight: Value
  readonly recurrent: Value
  readonly bias: Value | undefined
  readonly lengths: Value | undefined
  readonly initial: readonly (Value | undefined)[]
  readonly peepholes: Value | undefined
  readonly outputs: readonly Value[]
}

function formOf(kind: CellKind, linear: boolean): CellForm {
  if (kind === lstmCell) return 'lstm'
  if (kind === gruCell) return linear ? 'gru' : 'gruReset'
  return 'rnn'
}

function recurrentOf({ attributes, inputs, outputs }: Node, kind: CellKind): Recurrent {
  const [x, weight, recurrent] = inputs as readonly [Value, Value, Value]
  const batchFirst = attributes['layout'] === 1
  const [first, second, width] = shapeOf(x)
  const names = activationNames(attributes, kind.defaults).slice(0, kind.defaults.length)
  return {
    spec: {
      form: formOf(kind, attributes['linear_before_reset'] === 1),
      activations: names.map((name) => ({ name: unaries[name], alpha: 0, beta: 0 })),
      clip: (attributes['clip'] as number | undefined) || undefined,
      ofGates: kind.ofGates,
      coupled: attributes['input_forget'] === 1,
    },
    kind,
    batchFirst,
    reverse: directionsOf(attributes).map((direction) => direction === 'reverse'),
    steps: batchFirst ? second : first,
    batch: batchFirst ? first : second,
    width,
    hidden: shapeOf(recurrent)[2],
    x,
    weight,
    recurrent,
    bias: inputs[3],
    lengths: inputs[4],
    initial: [inputs[5], inputs[6]].slice(0, kind.states),
    peepholes: inputs[7],
    outputs,
  }
}

/** Two directions may differ in their activations; kernels have one text for both. */
function accelerates(node: Node, kind: CellKind): boolean {
  const { attributes, inputs } = node
  const floats = inputs.every((input, index) => !input || input.dtype === (index === 4 ? 'int32' : 'float32'))
  const names = activationNames(attributes, kind.defaults)
  const count = kind.defaults.length
  return (
    floats &&
    elementsOf(inputs[0]!) > 0 &&
    elementsOf(inputs[2]!) > 0 &&
    names.every((name, index) => Object.hasOwn(unaries, name) && name === names[index % count])
  )
}

/** Threads of the kernel that runs all steps, one a unit; undefined where a workgroup has too few. */
function loopThreads({ hidden }: Recurrent, { workgroupThreads }: Tuning): number | undefined {
  const threads = Math.ceil(hidden / 16) * 16
  return threads <= workgroupThreads ? threads : undefined
}

const rowsOf = ({ spec, reverse, batch, hidden }: Recurrent, tuning: Tuning): number =>
  rowsOfGroup(reverse.length * batch * hidden, hidden * 4 * (spec.form === 'gruReset' ? 2 : 1), tuning)

const aligned = (bytes: number): number => Math.ceil(bytes / 256) * 256

/** The products of the input by W for all steps, and of the state by R for one. */
function sizesOf({ kind, reverse, steps, batch, width, hidden }: Recurrent) {
  const shared = { n: kind.gates * hidden, batches: reverse.length }
  return {
    input: { ...shared, m: steps * batch, k: width } satisfies GemmSizes,
    state: { ...shared, m: batch, k: hidden } satisfies GemmSizes,
  }
}

/** Where things lie in the workspace: bytes of each, in order. */
function spaceOf(r: Recurrent, tuning: Tuning) {
  const { spec, reverse, steps, batch, hidden } = r
  const unitBytes = gateLanes(spec.form) * 4
  const { input, state } = sizesOf(r)
  const loop = loopThreads(r, tuning) !== undefined
  const states = reverse.length * batch * hidden * 4
  // Those of all steps come first, then what the loop reads together with them.
  const gates = reverse.length * steps * batch * hidden * unitBytes
  const weights = loop ? reverse.length * hidden * hidden * unitBytes : 0
  const gatesAndWeights = aligned(gates + weights)
  const sums = loop ? 0 : aligned(reverse.length * batch * hidden * unitBytes)
  const kept = loop ? 0 : aligned(states)
  const at = { h: gatesAndWeights + sums, c: gatesAndWeights + sums + kept, reset: gatesAndWeights + sums + 2 * kept }
  const products = at.reset + kept
  return {
    gatesAndWeights: gates + weights,
    gates,
    states,
    sums: gatesAndWeights,
    ...at,
    products,
    bytes: products + Math.max(gemmWorkspace(input, tuning), loop ? 0 : gemmWorkspace(state, tuning)),
  }
}

type Space = ReturnType<typeof spaceOf>
type Names = Readonly<Record<string, string>>

/** Statements of functions that find what belongs to unit j of row n in direction `side`. */
const indexText = ({ batchFirst, reverse, steps, batch, hidden }: Recurrent): string => {
  const directions = reverse.length
  const backwards = reverse.map((back, side) => (back ? `side == ${side}u` : '')).filter(Boolean)
  return `
fn step_of(count: u32, side: u32) -> u32 { return ${backwards.length > 0 ? `select(count, ${steps - 1}u - count, ${backwards.join(' || ')})` : 'count'}; }
fn gates_at(step: u32, side: u32, n: u32, j: u32) -> u32 { return (side * ${steps * batch}u + ${batchFirst ? `n * ${steps}u + step` : `step * ${batch}u + n`}) * ${hidden}u + j; }
fn y_at(step: u32, side: u32, n: u32, j: u32) -> u32 { return (${batchFirst ? `(n * ${steps}u + step) * ${directions}u + side` : `(step * ${directions}u + side) * ${batch}u + n`}) * ${hidden}u + j; }
fn state_at(side: u32, n: u32, j: u32) -> u32 { return (${batchFirst ? `n * ${directions}u + side` : `side * ${batch}u + n`}) * ${hidden}u + j; }`
}

/** Gates of all steps and directions from the input, with the bias: V for each row of the input and unit. */
function inputGates(r: Recurrent, to: Place, context: LoweringContext): Dispatch[] {
  const { spec, bias, hidden, kind } = r
  const { place } = context
  const sizes = sizesOf(r).input
  const columns = kind.gates * hidden
  // The candidate's bias of the state stands inside of what the reset gate scales.
  const both = spec.form === 'gru' ? `select(0.0, b_state, column < ${2 * hidden}u)` : 'b_state'
  return gemm(
    {
      name: 'recurrent_input',
      reads: { a: place(r.x), b: place(r.weight) },
      ...productOperands(
        { ...sizes, batch: [sizes.batches], strides: [[0], [1]], transA: false, transB: true },
        (names) => elementIn(names['a']),
        (names) => elementIn(names['b']),
      ),
      y: to,
      at: gateIndex(r, sizes.m),
      finish: {
        reads: bias ? { bias: place(bias) } : {},
        declarations: bias
          ? `fn with_bias(value: f32, b_input: f32, b_state: f32, column: u32) -> f32 { return value + b_input + ${both}; }`
          : '',
        value: (names) => {
          const at = `batch * ${2 * columns}u + column`
          return bias
            ? `with_bias(value, ${names['bias']}[${at}], ${names['bias']}[${at} + ${columns}u], column)`
            : 'value'
        },
      },
    },
    context,
  )
}

/** WGSL for where gates of (batch, row, column) lie, as elements. */
const gateIndex = ({ spec, hidden }: Recurrent, rows: number): string =>
  gateLanes(spec.form) === 1
    ? `(batch * ${rows}u + row) * ${hidden}u + column`
    : `((batch * ${rows}u + row) * ${hidden}u + column % ${hidden}u) * 4u + column / ${hidden}u`

/** R with the gates of a unit side by side, units innermost: V [directions, H, H]. */
function packWeights({ spec, kind, recurrent, reverse, hidden }: Recurrent, space: Space, context: LoweringContext) {
  const gates = Array.from({ length: gateLanes(spec.form) }, (_, gate) => gate)
  return mapKernel({
    name: 'recurrent_weights',
    count: reverse.length * hidden * hidden,
    reads: { x: context.place(recurrent) },
    writes: { packed: context.workspace(0, space.gatesAndWeights, typeOf(spec.form)) },
    body: ({ x, packed }) => {
      const part = (gate: number) =>
        gate < kind.gates ? `${x}[(side * ${kind.gates * hidden}u + ${gate * hidden}u + j) * ${hidden}u + k]` : '0.0'
      return `  ${coordinates('i', ['side', 'k', 'j'], [0, hidden, hidden])}
  ${packed}[${space.gates / (gates.length * 4)}u + i] = ${gates.length === 1 ? part(0) : `vec4<f32>(${gates.map(part).join(', ')})`};`
    },
  })
}

const typeOf = (form: CellForm): string => (gateLanes(form) === 1 ? 'f32' : 'vec4<f32>')

/** What cells read besides gates and sums, as places and as WGSL. */
function extras({ spec, kind, bias, peepholes, lengths, hidden }: Recurrent, { place }: LoweringContext) {
  const late = spec.form === 'gru' ? bias : undefined
  const reads: Record<string, Place> = {
    ...(late && { bias: place(late) }),
    ...(peepholes && { peepholes: place(peepholes) }),
    ...(lengths && { lengths: place(lengths) }),
  }
  return {
    reads,
    /** What the state's part of the gates begins with. */
    start: (names: Names) =>
      late ? `V(0.0, 0.0, ${names['bias']}[side * ${2 * kind.gates * hidden}u + ${5 * hidden}u + j], 0.0)` : 'V(0.0)',
    peepholes: (names: Names) => {
      const part = (at: number) => `${names['peepholes']}[side * ${3 * hidden}u + ${at * hidden}u + j]`
      return peepholes ? `vec3<f32>(${[0, 1, 2].map(part).join(', ')})` : 'vec3<f32>(0.0)'
    },
    /** Whether row n has this step. */
    runs: (names: Names) => (lengths ? `i32(step) < ${names['lengths']}[n]` : 'true'),
  }
}

/** All steps in one dispatch: a workgroup runs some rows of one direction, a thread a unit of theirs; states are shared. */
function loop(r: Recurrent, threads: number, space: Space, context: LoweringContext): Dispatch[] {
  const { spec, reverse, steps, batch, hidden, initial, outputs } = r
  const { place, workspace, tuning } = context
  const rows = rowsOf(r, tuning)
  const tiles = Math.ceil(batch / rows)
  const count = tiles * reverse.length
  const each = (body: (row: number) => string) => Array.from({ length: rows }, (_, row) => body(row)).join('\n')
  const { reads, start, peepholes, runs } = extras(r, context)
  const [y, ...last] = outputs
  const resets = spec.form === 'gruReset'
  const hasCell = spec.form === 'lstm'
  const product = (from: string) => `for (var k = 0u; k < ${hidden}u; k++) {
        let w = SPACE[weights + k * ${hidden}u + j];
        ${each((row) => `s${row} += ${from}[${row * hidden}u + k] * w;`)}
      }`
  return kernel({
    name: `recurrent_${spec.form}`,
    reads: {
      space: workspace(0, space.gatesAndWeights, typeOf(spec.form)),
      ...reads,
      ...(initial[0] && { h_first: place(initial[0]) }),
      ...(initial[1] && { c_first: place(initial[1]) }),
    } as Record<string, Place>,
    writes: {
      y: place(y),
      ...(last[0] && { h_last: place(last[0]) }),
      ...(last[1] && { c_last: place(last[1]) }),
    } as Record<string, Place>,
    workgroupSize: [threads, 1, 1],
    workgroups: gridOf(count),
    text: (names: Names) => `${cellText(spec)}${indexText(r)}
var<workgroup> states: array<f32, ${rows * hidden}>;${resets ? `\nvar<workgroup> resets: array<f32, ${rows * hidden}>;` : ''}
fn main(${groupParameters}) {
  let index = ${groupIndex};
  if (index >= ${count}u) { return; }
  let side = index / ${tiles}u;
  let top = index % ${tiles}u * ${rows}u;
  let j = local;
  let is_unit = j < ${hidden}u;
  let weights = ${space.gates / (4 * gateLanes(spec.form))}u + side * ${hidden * hidden}u;
${each((row) => `  let n${row} = min(top + ${row}u, ${batch - 1}u); var h${row} = 0.0; var c${row} = 0.0;`)}
  var start = V(0.0);
  var peep = vec3<f32>(0.0);
  if (is_unit) {
    start = ${start(names)};
    peep = ${peepholes(names)};
${each(
  (row) =>
    `    ${names['h_first'] ? `h${row} = ${names['h_first']}[state_at(side, n${row}, j)];` : ''} ${names['c_first'] ? `c${row} = ${names['c_first']}[state_at(side, n${row}, j)];` : ''} states[${row * hidden}u + j] = h${row};`,
)}
  }
  workgroupBarrier();
  for (var count = 0u; count < ${steps}u; count++) {
    let step = step_of(count, side);
${each((row) => `    var s${row} = start; var x${row} = V(0.0);`)}
    if (is_unit) {
${each((row) => `      x${row} = ${names['space']}[gates_at(step, side, n${row}, j)];`)}
      ${product('states').replace('SPACE', names['space'])}
    }
    ${
      resets
        ? `if (is_unit) {
${each((row) => `      { let both = reset_gates(x${row}, s${row}, h${row}); c${row} = both.x; resets[${row * hidden}u + j] = both.y; s${row} = V(0.0); }`)}
    }
    workgroupBarrier();
    if (is_unit) {
      ${product('resets').replace('SPACE', names['space'])}
    }`
        : ''
    }
    workgroupBarrier();
    if (is_unit) {
${each(
  (row) => `      { let n = n${row}; let next = cell(x${row}, s${row}, h${row}, c${row}, peep); var out = 0.0;
      if (${runs(names)}) { h${row} = next.x; ${hasCell ? `c${row} = next.y;` : ''} out = next.x; }
      states[${row * hidden}u + j] = h${row};
      if (top + ${row}u < ${batch}u) { ${names['y']}[y_at(step, side, n, j)] = out; } }`,
)}
    }
    workgroupBarrier();
  }
  if (is_unit) {
${each((row) =>
  last.length > 0
    ? `    if (top + ${row}u < ${batch}u) { ${names['h_last'] ? `${names['h_last']}[state_at(side, n${row}, j)] = h${row};` : ''} ${names['c_last'] ? `${names['c_last']}[state_at(side, n${row}, j)] = c${row};` : ''} }`
    : '',
)}
  }
}`,
  })
}

/** A product of all rows' states by R and the cells, for each step: for states of more units than a workgroup has threads. */
function stepByStep(r: Recurrent, space: Space, context: LoweringContext): Dispatch[] {
  const { spec, reverse, steps, batch, hidden, initial, outputs } = r
  const { place, workspace } = context
  const count = reverse.length * batch * hidden
  const at = coordinates('i', ['side', 'n', 'j'], [0, batch, hidden])
  const [h, c, reset] = [space.h, space.c, space.reset].map((offset) => workspace(offset, space.states, 'f32'))
  const sumsOf = (type: string) => workspace(space.sums, count * gateLanes(spec.form) * 4, type)
  const gates = workspace(0, space.gates, typeOf(spec.form))
  const { reads, start, peepholes, runs } = extras(r, context)
  const declarations = `${cellText(spec)}${indexText(r)}`
  const sizes = sizesOf(r).state
  const product = (state: Place) =>
    gemm(
      {
        name: 'recurrent_state',
        reads: { a: state, b: place(r.recurrent) },
        ...productOperands(
          { ...sizes, batch: [sizes.batches], strides: [[1], [1]], transA: false, transB: true },
          (names) => elementIn(names['a']),
          (names) => elementIn(names['b']),
        ),
        y: sumsOf('f32'),
        at: gateIndex(r, batch),
      },
      { ...context, workspace: (offset, bytes, type) => workspace(space.products + offset, bytes, type) },
    )
  const stateCopy = (name: string, x: Place | undefined, y: Place, outwards: boolean) =>
    mapKernel({
      name,
      count,
      reads: (x ? { x } : {}) as Record<string, Place>,
      writes: { y },
      declarations: indexText(r),
      body: (names: Names) => {
        const theirs = 'state_at(side, n, j)'
        return `  ${at}
  ${names['y']}[${outwards ? theirs : 'i'}] = ${x ? `${names['x']}[${outwards ? 'i' : theirs}]` : '0.0'};`
      },
    })
  const isCell = spec.form === 'lstm'
  const begin = [
    ...stateCopy('recurrent_first', initial[0] && place(initial[0]), h, false),
    ...(isCell ? stateCopy('recurrent_first', initial[1] && place(initial[1]), c, false) : []),
  ]
  const run = Array.from({ length: steps }, (_, turn) => {
    const now = `  ${at} let step = step_of(${turn}u, side);`
    const cells = mapKernel({
      name: `recurrent_${spec.form}_step`,
      count,
      reads: { gates, sums: sumsOf(typeOf(spec.form)), ...reads } as Record<string, Place>,
      writes: { y: place(outputs[0]), h, c } as Record<string, Place>,
      declarations,
      body: (names: Names) => `${now}
  let next = cell(${names['gates']}[gates_at(step, side, n, j)], ${names['sums']}[i] + ${start(names)}, ${names['h']}[i], ${names['c']}[i], ${peepholes(names)});
  var out = 0.0;
  if (${runs(names)}) { ${names['h']}[i] = next.x; ${isCell ? `${names['c']}[i] = next.y;` : ''} out = next.x; }
  ${names['y']}[y_at(step, side, n, j)] = out;`,
    })
    if (spec.form !== 'gruReset') return [...product(h), ...cells]
    return [
      ...product(h),
      ...mapKernel({
        name: 'recurrent_reset',
        count,
        reads: { gates, sums: sumsOf('vec4<f32>'), h },
        writes: { c, reset },
        declarations,
        body: (names) => `${now}
  let both = reset_gates(${names.gates}[gates_at(step, side, n, j)], ${names.sums}[i], ${names.h}[i]);
  ${names.c}[i] = both.x; ${names.reset}[i] = both.y;`,
      }),
      ...product(reset),
      ...cells,
    ]
  }).flat()
  const last = outputs.slice(1).flatMap((output, i) => stateCopy('recurrent_last', [h, c][i], place(output), true))
  return [...begin, ...run, ...last]
}

const recurrentLowering = (kind: CellKind): Lowering => ({
  accelerates: (node) => accelerates(node, kind),
  workspace: (node, _constant, tuning) => spaceOf(recurrentOf(node, kind), tuning).bytes,
  lower(node, context) {
    const r = recurrentOf(node, kind)
    const { tuning, workspace } = context
    const space = spaceOf(r, tuning)
    const threads = loopThreads(r, tuning)
    const ofInput = inputGates(r, workspace(0, space.gates, 'f32'), {
      ...context,
      workspace: (offset, bytes, type) => workspace(space.products + offset, bytes, type),
    })
    if (threads === undefined) return [...ofInput, ...stepByStep(r, space, context)]
    return [...ofInput, ...packWeights(r, space, context), ...loop(r, threads, space, context)]
  },
})

/** Recurrent layers of float32: a product for all steps, then one kernel for all of them, or a product and cells a step. */
export const recurrentLowerings = {
  RNN: recurrentLowering(rnnCell),
  GRU: recurrentLowering(gruCell),
  LSTM: recurrentLowering(lstmCell),
} as const satisfies Record<string, Lowering>
