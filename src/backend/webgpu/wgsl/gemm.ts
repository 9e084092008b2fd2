import { groupIndex, groupParameters } from '../kernel.js'
import type { OperandPrecision, Tuning } from '../tuning.js'
import { halfText } from './halves.js'

/** The cut of a product: a workgroup of `threads` computes `rows` x `columns`, each thread `side` x `side`, `depth` of k at a time. */
export interface GemmTile {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly threads: number
  readonly side: 4 | 8
}

/** Depth of a tile. The fewest threads are as many, so that a thread meets one k, or one row, a tile. */
const DEPTH = 16
/** Rows and columns of the tile for large products: twice as many sums for each number read from shared memory. */
const LARGE = 128
const LARGE_THREADS = LARGE ** 2 / 64
const largeBytes = 2 * DEPTH * LARGE * 4

/** What a tile depends on of the adapter. */
export type TileLimits = Pick<Tuning, 'threads' | 'workgroupThreads' | 'workgroupBytes'>

/** The tile for `batches` products of m x n: the largest that keeps the adapter busy and that a workgroup may have. */
export function tileFor(
  { m, n, batches }: { readonly m: number; readonly n: number; readonly batches: number },
  { threads, workgroupThreads, workgroupBytes }: TileLimits,
): GemmTile {
  const busy = Math.ceil(m / LARGE) * Math.ceil(n / LARGE) * batches * LARGE_THREADS
  const fits = workgroupThreads >= LARGE_THREADS && workgroupBytes >= largeBytes
  if (fits && busy >= threads && m >= LARGE && n >= LARGE)
    return { rows: LARGE, columns: LARGE, depth: DEPTH, threads: LARGE_THREADS, side: 8 }
  const fit = (size: number) => (size > 32 ? 64 : size > 16 ? 32 : 16)
  const columns = fit(n)
  const rows = Math.min(fit(m), Math.max(16, Math.floor((16 * workgroupThreads) / columns)))
  return { rows, columns, depth: DEPTH, threads: (rows * columns) / 16, side: 4 }
}

/**
 * One operand of a product C = A B. Along its free axis (rows of A, columns of B) and along k, WGSL functions turn an index into
 * four numbers, once for many elements; a third function loads the element where both meet.
 */
export interface GemmOperand {
  /** Which axis has neighbours in memory. */
  readonly contiguous: 'free' | 'k'
  /** Statements of `fn (batch: u32, at: u32) -> vec4<i32>` for an index of the free axis. */
  readonly free: string
  /** The same for k. */
  readonly along: string
  /**
   * Statements of `fn (free: vec4<i32>, along: vec4<i32>) -> S`, S being the scalar of the product; where `wide`, of four elements
   * along the contiguous axis as a vec4<S>: its size and all indices are multiples of 4.
   */
  readonly load: string
  readonly wide?: boolean
}

/** What a product sums in; integers wrap. */
export type Scalar = 'f32' | 'i32'

export interface GemmText {
  readonly scalar: Scalar
  readonly precision: OperandPrecision
  readonly m: number
  readonly n: number
  readonly k: number
  readonly tile: GemmTile
  /** Parts that k is cut into, `partLength` each: workgroups for each of them. */
  readonly parts: number
  readonly partLength: number
  readonly a: GemmOperand
  readonly b: GemmOperand
  /** Statements of `fn (batch: u32, part: u32, row: u32, column: u32, value: S)`. */
  readonly store: string
}

interface Side {
  readonly name: 'a' | 'b'
  /** The limit of the free axis, and how much of it a tile takes. */
  readonly limit: number
  readonly extent: number
  readonly operand: GemmOperand
}

/**
 * WGSL for the place of four neighbours along the free axis, number `quad`, at step `k` of a tile. Threads that store one element
 * each along k would meet in few banks of shared memory, 4 (where they read four) or 16 of them in one: two steps further, the
 * quads of such an operand lie in another order.
 */
function placeInTile({ name, extent, operand }: Side, quad: string, k: string): string {
  const quads = extent / 4
  // The greatest power of 2 that divides them: an exclusive or below it stays among them.
  const orders = quads & -quads
  const at = operand.contiguous === 'k' ? `((${quad}) ^ ((${k}) / 2u % ${orders}u))` : quad
  return `tile_${name}[(${k}) * ${quads}u + ${at}]`
}

/**
 * The loads that one thread makes for one side of a tile: what is fixed, and what it does for each tile. Loops are not written
 * out: drivers unroll them, and software adapters take minutes to compile long functions.
 */
function sideText(side: Side, { depth, threads }: GemmTile) {
  const { name, limit, extent, operand } = side
  const { contiguous, wide } = operand
  const lanes = wide ? 4 : 1
  const fast = (contiguous === 'k' ? depth : extent) / lanes
  const step = threads / fast
  const count = (extent * depth) / lanes / threads
  const each = (body: string) => `for (var j = 0u; j < ${count}u; j++) { ${body} }`
  const quad = (free: string, k: string) => placeInTile(side, `${free} / 4u`, k)
  const put = (free: string, k: string) => {
    if (!wide) return `${quad(free, k)}[${free} % 4u] = held(select(S(0), value, inside));`
    if (contiguous === 'free') return `${quad(free, k)} = held4(select(vec4<S>(S(0)), value, inside));`
    return `let four = held4(select(vec4<S>(S(0)), value, inside)); for (var q = 0u; q < 4u; q++) { ${quad(free, `${k} + q`)}[${free} % 4u] = four[q]; }`
  }
  const at = `local % ${fast}u${wide ? ' * 4u' : ''}`
  if (contiguous === 'k')
    return {
      before: `let k_${name} = ${at}; let slow_${name} = local / ${fast}u; var frees_${name}: array<vec4<i32>, ${count}>;
  ${each(`frees_${name}[j] = free_${name}(batch, min(start_${name} + slow_${name} + j * ${step}u, ${limit - 1}u));`)}`,
      inside: `let exists_k_${name} = k0 + k_${name} < end; let t_${name} = along_${name}(batch, select(0u, k0 + k_${name}, exists_k_${name}));
    ${each(`let free = slow_${name} + j * ${step}u; let inside = exists_k_${name} && start_${name} + free < ${limit}u; let value = load_${name}(frees_${name}[j], t_${name}); ${put('free', `k_${name}`)}`)}`,
    }
  return {
    before: `let free_of_${name} = ${at}; let slow_${name} = local / ${fast}u; let exists_${name} = start_${name} + free_of_${name} < ${limit}u; let f_${name} = free_${name}(batch, select(0u, start_${name} + free_of_${name}, exists_${name}));`,
    inside: each(
      `let k = slow_${name} + j * ${step}u; let inside = exists_${name} && k0 + k < end; let value = load_${name}(f_${name}, along_${name}(batch, min(k0 + k, end - 1u))); ${put(`free_of_${name}`, 'k')}`,
    ),
  }
}

const functions = (name: 'a' | 'b', { free, along, load, wide }: GemmOperand): string => `
fn free_${name}(batch: u32, at: u32) -> vec4<i32> { ${free} }
fn along_${name}(batch: u32, at: u32) -> vec4<i32> { ${along} }
fn load_${name}(free: vec4<i32>, along: vec4<i32>) -> ${wide ? 'vec4<S>' : 'S'} { ${load} }`

/** Declares H, in which tiles hold operands, and what brings a number and four of them there. */
const holding = (scalar: Scalar, precision: OperandPrecision): string => {
  if (scalar === 'f32' && precision === 'rounded')
    return `alias H = f32;${halfText}
fn held(v: f32) -> f32 { return unpack2x16float(half_bits(v)).x; }
fn held4(v: vec4<f32>) -> vec4<f32> { return vec4<f32>(held(v.x), held(v.y), held(v.z), held(v.w)); }`
  return `alias H = ${scalar === 'f32' && precision === 'float16' ? 'f16' : 'S'};
fn held(v: S) -> H { return H(v); }
fn held4(v: vec4<S>) -> vec4<H> { return vec4<H>(v); }`
}

/** The number of workgroups of a product with `batches` batches. */
export const gemmGroups = (
  { m, n, tile, parts }: Pick<GemmText, 'm' | 'n' | 'tile' | 'parts'>,
  batches: number,
): number => Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * parts * batches

/** A tiled product in workgroup memory: declarations and `main`. */
export function gemmText(text: GemmText, batches: number): string {
  const { scalar, precision, m, n, k, tile, parts, partLength, a, b, store } = text
  const { rows, columns, depth } = tile
  const columnTiles = Math.ceil(n / columns)
  const rowTiles = Math.ceil(m / rows)
  const [sideA, sideB]: readonly [Side, Side] = [
    { name: 'a', limit: m, extent: rows, operand: a },
    { name: 'b', limit: n, extent: columns, operand: b },
  ]
  const sides = [sideText(sideA, tile), sideText(sideB, tile)]
  const quads = tile.side / 4
  const range = Array.from({ length: quads }, (_, i) => i)
  return `alias S = ${scalar};${functions('a', a)}${functions('b', b)}
${holding(scalar, precision)}
fn store(batch: u32, part: u32, row: u32, column: u32, value: S) { ${store} }
var<workgroup> tile_a: array<vec4<H>, ${(depth * rows) / 4}>;
var<workgroup> tile_b: array<vec4<H>, ${(depth * columns) / 4}>;
fn main(${groupParameters}) {
  let index = ${groupIndex};
  if (index >= ${gemmGroups(text, batches)}u) { return; }
  let start_b = (index % ${columnTiles}u) * ${columns}u;
  let start_a = (index / ${columnTiles}u % ${rowTiles}u) * ${rows}u;
  let part = index / ${columnTiles * rowTiles}u % ${parts}u;
  let batch = index / ${columnTiles * rowTiles * parts}u;
  let end = min((part + 1u) * ${partLength}u, ${k}u);
  let row = local / ${columns / tile.side}u;
  let column = local % ${columns / tile.side}u;
  ${sides[0].before}
  ${sides[1].before}
  ${range.map((c) => `var sums${c}: array<vec4<S>, ${tile.side}>;`).join(' ')}
  for (var k0 = part * ${partLength}u; k0 < end; k0 += ${depth}u) {
    ${sides[0].inside}
    ${sides[1].inside}
    workgroupBarrier();
    for (var kk = 0u; kk < ${depth}u; kk++) {
      ${range.map((c) => `let b${c} = vec4<S>(${placeInTile(sideB, `column + ${(c * columns) / tile.side}u`, 'kk')});`).join(' ')}
${range
  .map(
    (r) => `      { let a = vec4<S>(${placeInTile(sideA, `row + ${(r * rows) / tile.side}u`, 'kk')});
${range.map((c) => `        sums${c}[${4 * r}] += a.x * b${c}; sums${c}[${4 * r + 1}] += a.y * b${c}; sums${c}[${4 * r + 2}] += a.z * b${c}; sums${c}[${4 * r + 3}] += a.w * b${c};`).join('\n')} }`,
  )
  .join('\n')}
    }
    workgroupBarrier();
  }
${range
  .map(
    (c) => `  for (var r = 0u; r < ${tile.side}u; r++) {
    let at = start_a + (row + r / 4u * ${rows / tile.side}u) * 4u + r % 4u;
    let left = start_b + (column + ${c}u * ${columns / tile.side}u) * 4u;
    if (at < ${m}u) {
      for (var c = 0u; c < 4u; c++) { if (left + c < ${n}u) { store(batch, part, at, left + c, sums${c}[r][c]); } }
    }
  }`,
  )
  .join('\n')}
}`
}
