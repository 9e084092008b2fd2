import type { Node } from '../../../core/ir.js'
import { intAttribute } from '../../../ops/definition.js'
import { gridOf, groupIndex, groupParameters, kernel, mapKernel, type Place } from '../kernel.js'
import { rowsOfGroup } from '../wgsl/recurrent.js'
import { elementsOf, isFloat32, type Lowering, shapeOf } from './lowering.js'

/** Sizes of a recurrence, and what lies where in a row of its factors. */
interface Recurrence {
  readonly steps: number
  readonly batch: number
  readonly hidden: number
  /** Elements of all gates of a row, and of all its factors. */
  readonly gates: number
  readonly factors: number
  /** Numbers of factors behind those of the gates. */
  readonly carries: number
  readonly reverse: boolean
}

function recurrenceOf({ attributes, inputs: [dy, factors, r] }: Node): Recurrence {
  const [steps, batch, hidden] = shapeOf(dy!)
  const [gates] = shapeOf(r!)
  const width = shapeOf(factors!)[2]
  const reverse = intAttribute(attributes, 'reverse') === 1
  return { steps, batch, hidden, gates, factors: width, carries: (width - gates) / hidden, reverse }
}

type Names = Readonly<Record<string, string>>

/**
 * What a kind of layer does at a step, for unit j of row `r` in a workgroup's memory; `at` is the row among all steps'.
 * `begin` has `total: f32`, the whole gradient by the state. `factor(k)` is the row's factor number k, `gate(k, value)` the statement that sets the gradient of
 * gate k, `carry` and `cell` the memory of the unit's state and cell.
 */
interface Form {
  readonly hasCell?: true
  /** Whether the last gate's product by R comes first, and what it gives, `given: f32`, goes on. */
  readonly given?: (text: StepText) => string
  begin(text: StepText, recurrence: Recurrence, names: Names): string
}

interface StepText {
  readonly carry: string
  readonly cell: string
  factor(number: number): string
  gate(number: number, value: string): string
}

const keeps = ({ carries }: Recurrence, { factor }: StepText, without: number, at: number): string =>
  carries > without ? `total * ${factor(at)}` : '0.0'

const linearForm: Form = {
  begin(text, recurrence, { dh }) {
    const gates = Array.from({ length: recurrence.gates / recurrence.hidden }, (_, gate) => gate)
    return `${dh}[at * ${recurrence.hidden}u + j] = total;
      ${gates.map((gate) => text.gate(gate, `total * ${text.factor(gate)}`)).join(' ')}
      ${text.carry} = ${keeps(recurrence, text, 0, gates.length)};`
  },
}

const gruForm: Form = {
  begin: ({ carry, factor, gate }) =>
    `${gate(0, `total * ${factor(0)}`)} ${gate(2, `total * ${factor(2)}`)} ${carry} = total * ${factor(3)};`,
  given: ({ carry, factor, gate }) => `${gate(1, `given * ${factor(1)}`)} ${carry} += given * ${factor(4)};`,
}

const lstmForm: Form = {
  hasCell: true,
  begin: (text, recurrence) => `let dc = total * ${text.factor(4)} + ${text.cell};
      ${['dc', 'total', 'dc', 'dc'].map((by, gate) => text.gate(gate, `${by} * ${text.factor(gate)}`)).join(' ')}
      ${text.cell} = dc * ${text.factor(5)}; ${text.carry} = ${keeps(recurrence, text, 2, 6)};`,
}

/** Bytes of workgroup memory of a row: its gates and what it carries. */
const rowBytes = ({ gates, hidden }: Recurrence, { hasCell }: Form): number => 4 * (gates + (hasCell ? 2 : 1) * hidden)

/** Workgroup memory that every adapter has. */
const LEAST_WORKGROUP_BYTES = 16384

/** All steps in one dispatch: a workgroup takes some rows back through time, its threads their units. */
const recurrence = (form: Form): Lowering => ({
  accelerates: (node) =>
    isFloat32(node) && elementsOf(node.inputs[0]!) > 0 && rowBytes(recurrenceOf(node), form) <= LEAST_WORKGROUP_BYTES,
  lower(node, { place, tuning }) {
    const r = recurrenceOf(node)
    const { steps, batch, hidden, gates, reverse } = r
    const threads = Math.min(Math.ceil(hidden / 16) * 16, tuning.workgroupThreads)
    const rows = rowsOfGroup(batch * hidden, rowBytes(r, form), tuning)
    const tiles = Math.ceil(batch / rows)
    const [dy, factors, weights, last] = node.inputs
    const isLstm = form.hasCell
    const [ofGates, first, other] = node.outputs
    return kernel({
      name: node.op.replace('lanewise.', '').toLowerCase(),
      reads: {
        dy: place(dy!),
        factors: place(factors!),
        weights: place(weights!),
        ...(last && { last: place(last) }),
      } as Readonly<Record<string, Place>>,
      writes: {
        gates: place(ofGates),
        first: place(first),
        ...(other && { [isLstm ? 'firstCell' : 'dh']: place(other) }),
      } as Readonly<Record<string, Place>>,
      workgroupSize: [threads, 1, 1],
      workgroups: gridOf(tiles),
      text: (names: Names) => {
        const each = (body: (row: number) => string) => Array.from({ length: rows }, (_, row) => body(row)).join('\n')
        const units = (body: string) => `for (var j = local; j < ${hidden}u; j += ${threads}u) {\n${body}\n    }`
        const text = (row: number): StepText => ({
          carry: `carry[${row * hidden}u + j]`,
          cell: `cells[${row * hidden}u + j]`,
          factor: (number) => `${names['factors']}[at * ${r.factors}u + ${number * hidden}u + j]`,
          gate: (number, value) =>
            `{ let value = ${value}; gate[${row * gates + number * hidden}u + j] = value; ${names['gates']}[at * ${gates}u + ${number * hidden}u + j] = value; }`,
        })
        const step = (row: number, body: string) =>
          `    if (top + ${row}u < ${batch}u) { let at = step * ${batch}u + top + ${row}u; ${body} }`
        /** Sums over gates from, from + 1 … of their gradients by R, as s0, s1 … */
        const product = (from: number, count: number) => `${each((row) => `      var s${row} = 0.0;`)}
      for (var k = ${from}u; k < ${from + count}u; k++) { let w = ${names['weights']}[k * ${hidden}u + j];
${each((row) => `        s${row} += gate[${row * gates}u + k] * w;`)}
      }`
        const state = (row: number) => `(top + ${row}u) * ${hidden}u + j`
        return `var<workgroup> gate: array<f32, ${rows * gates}>;
var<workgroup> carry: array<f32, ${rows * hidden}>;${isLstm ? `\nvar<workgroup> cells: array<f32, ${rows * hidden}>;` : ''}
fn main(${groupParameters}) {
  let index = ${groupIndex};
  if (index >= ${tiles}u) { return; }
  let top = index * ${rows}u;
${isLstm && names['last'] ? units(each((row) => `    if (top + ${row}u < ${batch}u) { cells[${row * hidden}u + j] = ${names['last']}[${state(row)}]; }`)) : ''}
  for (var count = 0u; count < ${steps}u; count++) {
    let step = ${reverse ? 'count' : `${steps - 1}u - count`};
    ${units(each((row) => step(row, `let total = ${names['dy']}[at * ${hidden}u + j] + carry[${row * hidden}u + j];\n      ${form.begin(text(row), r, names)}`)))}
    workgroupBarrier();
${
  form.given
    ? `    ${units(`${product(gates - hidden, hidden)}\n${each((row) => step(row, `let given = s${row}; ${form.given!(text(row))}`))}`)}
    workgroupBarrier();`
    : ''
}
    ${units(`${product(0, form.given ? gates - hidden : gates)}\n${each((row) => `      carry[${row * hidden}u + j] += s${row};`)}`)}
    workgroupBarrier();
  }
  ${units(each((row) => `    if (top + ${row}u < ${batch}u) { ${names['first']}[${state(row)}] = carry[${row * hidden}u + j]; ${isLstm ? `${names['firstCell']}[${state(row)}] = cells[${row * hidden}u + j];` : ''} }`))}
}`
      },
    })
  },
})

const linearScan: Lowering = {
  accelerates: isFloat32,
  lower(node, { place }) {
    const [a, b, first] = node.inputs
    const [y] = node.outputs
    const [steps, batch, hidden] = shapeOf(y)
    const reverse = intAttribute(node.attributes, 'reverse') === 1
    return mapKernel({
      name: 'linear_scan',
      count: batch * hidden,
      reads: { a: place(a!), b: place(b!), ...(first && { first: place(first) }) } as Readonly<Record<string, Place>>,
      writes: { y: place(y) } as Readonly<Record<string, Place>>,
      body: (names: Names) => `  var state = ${names['first'] ? `${names['first']}[i]` : '0.0'};
  for (var count = 0u; count < ${steps}u; count++) {
    let at = (${reverse ? `${steps - 1}u - count` : 'count'}) * ${batch * hidden}u + i;
    state = ${names['a']}[at] * state + ${names['b']}[at];
    ${names['y']}[at] = state;
  }`,
    })
  },
}

/** Gradients of recurrent layers through time, over float32. */
export const recurrentGradientLowerings = {
  'lanewise.LinearScan': linearScan,
  'lanewise.RecurrentGradient': recurrence(linearForm),
  'lanewise.GRUGradient': recurrence(gruForm),
  'lanewise.LSTMGradient': recurrence(lstmForm),
} as const satisfies Record<string, Lowering>
