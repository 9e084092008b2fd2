import { groupIndex, groupParameters } from '../kernel.js'
import type { OperandPrecision } from '../tuning.js'
import type { Scalar } from './gemm.js'
import { halfText } from './halves.js'

/** A loop around the innermost one of a product. */
export interface DirectLoop {
  readonly name: string
  readonly count: number
}

/**
 * A product C = A B whose k is a nest of loops, without divisions inside: for each step of `loops` a thread finds where its
 * rows and columns begin, then walks `steps` innermost steps. All numbers are i32, `batch` is known everywhere.
 */
export interface DirectOperands {
  /** Outermost first; the first may be cut into parts. */
  readonly loops: readonly DirectLoop[]
  readonly steps: number
  /** Statements of `fn (batch, row) -> vec4<i32>`: what a row needs, once a thread. */
  readonly row: string
  /** Statements of `fn (batch, row: vec4<i32>, …loops) -> vec2<i32>`: where a row of A begins; `loadA` gets it as `begin`. */
  readonly beginA: string
  /** Expression of the element of A at `begin: vec2<i32>` and step `k`. */
  readonly loadA: string
  /** Expression for where column 0 of B begins, of the loops' variables. */
  readonly beginB: string
  /** Expression of the element of B at `begin`, `column` and step `k`. */
  readonly loadB: string
}

export interface DirectText {
  readonly scalar: Scalar
  readonly precision: OperandPrecision
  readonly m: number
  readonly n: number
  readonly batches: number
  /** Parts that the first loop, or with none k, is cut into, `partLength` each. */
  readonly parts: number
  readonly partLength: number
  readonly operands: DirectOperands
  /** Statements of `fn (batch: u32, part: u32, row: u32, column: u32, value: S)`, S being `scalar`. */
  readonly store: string
}

/** Rows of a thread's tile. */
const ROWS = 4
/** Lanes of a SIMD register that neighbouring threads share. */
const LANES = 4
export const DIRECT_THREADS = 64

/** Columns of a thread's tile, and threads side by side: few threads without a column of their own, else wide tiles. */
function columnsOf(n: number): { readonly columns: number; readonly across: number } {
  const cuts = [5, 4, 3, 2, 1].map((columns) => {
    const across = Math.ceil(Math.ceil(n / columns) / LANES) * LANES
    return { columns, across }
  })
  return cuts.reduce((best, cut) => (cut.across * cut.columns < best.across * best.columns ? cut : best))
}

const rowsOf = (m: number): number => Math.min(ROWS, m)

/** Threads of a product before k is cut. */
export const directThreads = ({ m, n, batches }: Pick<DirectText, 'm' | 'n' | 'batches'>): number =>
  Math.ceil(m / rowsOf(m)) * columnsOf(n).across * batches

const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** A product by register tiles, without shared memory: declarations and `main`, for one thread each of `directThreads` x `parts`. */
export function directText(text: DirectText): string {
  const { scalar, precision, m, n, batches, parts, partLength, operands, store } = text
  const { loops, steps, row, beginA, loadA, beginB, loadB } = operands
  const rounded = scalar === 'f32' && precision !== 'float32'
  const held = (value: string) =>
    !rounded ? value : precision === 'float16' ? `f32(f16(${value}))` : `unpack2x16float(half_bits(${value})).x`
  const rows = range(rowsOf(m))
  const { columns: width, across } = columnsOf(n)
  const columns = range(width)
  const each = Math.ceil(n / width)
  const rowTiles = Math.ceil(m / rows.length)
  const parameters = loops.map(({ name }) => `, ${name}: i32`).join('')
  const names = loops.map(({ name }) => `, ${name}`).join('')
  const whole = (factor: number) => steps % factor === 0 && (loops.length > 0 || partLength % factor === 0)
  const unrolled = [2].find(whole) ?? 1
  const [from, to] = loops.length > 0 ? ['0', `${steps}`] : ['first', 'last']
  const step = (u: number) => `{ let k = k0 + ${u};
${columns.map((c) => `let b${c} = load_b(begin_b, column${c}, k);`).join(' ')}
${rows.map((r) => `let a${r} = load_a(begin${r}, k);`).join(' ')}
${rows.map((r) => columns.map((c) => `s${r}_${c} += a${r} * b${c};`).join(' ')).join('\n')} }`
  const open = loops.map(({ name, count }, depth) =>
    depth === 0
      ? `for (var ${name} = first; ${name} < last; ${name}++) {`
      : `for (var ${name} = 0; ${name} < ${count}; ${name}++) {`,
  )
  return `alias S = ${scalar};${rounded ? halfText : ''}
fn row_of(batch: i32, row: i32) -> vec4<i32> { ${row} }
fn begin_a(batch: i32, row: vec4<i32>${parameters}) -> vec2<i32> { ${beginA} }
fn load_a(begin: vec2<i32>, k: i32) -> S { return ${held(loadA)}; }
fn load_b(begin: i32, column: i32, k: i32) -> S { return ${held(loadB)}; }
fn store(batch: u32, part: u32, row: u32, column: u32, value: S) { ${store} }
fn main(${groupParameters}) {
  let i = (${groupIndex}) * ${DIRECT_THREADS}u + local;
  if (i >= ${rowTiles * across * parts * batches}u) { return; }
  let lane = i32(i % ${across}u);
  let top = i32(i / ${across}u % ${rowTiles}u) * ${rows.length};
  let part = i32(i / ${across * rowTiles}u % ${parts}u);
  let batch = i32(i / ${across * rowTiles * parts}u);
  let first = part * ${partLength};
  let last = min(first + ${partLength}, ${loops[0]?.count ?? steps});
${columns.map((c) => `  let column${c} = lane + ${c * each};`).join('\n')}
${rows.map((r) => `  let row${r} = row_of(batch, min(top + ${r}, ${m - 1}));`).join('\n')}
${rows.map((r) => `  ${columns.map((c) => `var s${r}_${c} = S(0);`).join(' ')}`).join('\n')}
  ${open.join(' ')}
    let begin_b = ${beginB};
${rows.map((r) => `    let begin${r} = begin_a(batch, row${r}${names});`).join('\n')}
    for (var k0 = ${from}; k0 < ${to}; k0 += ${unrolled}) {
${range(unrolled).map(step).join('\n')}
    }
  ${open.map(() => '}').join(' ')}
  if (lane < ${each}) {
${rows
  .map((r) => {
    const stores = columns.map((c) => {
      const call = `store(u32(batch), u32(part), u32(top + ${r}), u32(column${c}), s${r}_${c});`
      return (c + 1) * each > n ? `if (column${c} < ${n}) { ${call} }` : call
    })
    return `    if (top + ${r} < ${m}) { ${stores.join(' ')} }`
  })
  .join('\n')}
  }
}`
}
