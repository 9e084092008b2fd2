import { groupIndex, groupParameters } from '../kernel.js'

/** The cut of a product: a workgroup of `threads` computes `rows` x `columns`, each thread 4 x 4, `depth` of k at a time. */
export interface GemmTile {
  readonly rows: number
  readonly columns: number
  readonly depth: number
  readonly threads: number
}

/** Depth of a tile. The fewest threads are as many, so that a thread meets one k, or one row, a tile. */
const DEPTH = 16

/** The tile for a product of m x n. */
export function tileFor(m: number, n: number): GemmTile {
  const fit = (size: number) => (size > 32 ? 64 : size > 16 ? 32 : 16)
  const [rows, columns] = [fit(m), fit(n)]
  return { rows, columns, depth: DEPTH, threads: (rows * columns) / 16 }
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
  /** Statements of `fn (free: vec4<i32>, along: vec4<i32>) -> S`, S being the scalar of the product. */
  readonly load: string
}

/** What a product sums in; integers wrap. */
export type Scalar = 'f32' | 'i32'

export interface GemmText {
  readonly scalar: Scalar
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
 * The loads that one thread makes for one side of a tile: what is fixed, and what it does for each tile. Loops are not written
 * out: drivers unroll them, and software adapters take minutes to compile long functions.
 */
function sideText({ name, limit, extent, operand: { contiguous } }: Side, { depth, threads }: GemmTile) {
  const fast = contiguous === 'k' ? depth : extent
  const step = threads / fast
  const count = (extent * depth) / threads
  const each = (body: string) => `for (var j = 0u; j < ${count}u; j++) { ${body} }`
  const put = (free: string, k: string) =>
    `tile_${name}[${k} * ${extent / 4}u + ${free} / 4u][${free} % 4u] = select(S(0), value, inside);`
  if (contiguous === 'k')
    return {
      before: `let k_${name} = local % ${fast}u; let slow_${name} = local / ${fast}u; var frees_${name}: array<vec4<i32>, ${count}>;
  ${each(`frees_${name}[j] = free_${name}(batch, min(start_${name} + slow_${name} + j * ${step}u, ${limit - 1}u));`)}`,
      inside: `let t_${name} = along_${name}(batch, min(k0 + k_${name}, end - 1u));
    ${each(`let free = slow_${name} + j * ${step}u; let inside = k0 + k_${name} < end && start_${name} + free < ${limit}u; let value = load_${name}(frees_${name}[j], t_${name}); ${put('free', `k_${name}`)}`)}`,
    }
  return {
    before: `let free_of_${name} = local % ${fast}u; let slow_${name} = local / ${fast}u; let f_${name} = free_${name}(batch, min(start_${name} + free_of_${name}, ${limit - 1}u)); let exists_${name} = start_${name} + free_of_${name} < ${limit}u;`,
    inside: each(
      `let k = slow_${name} + j * ${step}u; let inside = exists_${name} && k0 + k < end; let value = load_${name}(f_${name}, along_${name}(batch, min(k0 + k, end - 1u))); ${put(`free_of_${name}`, 'k')}`,
    ),
  }
}

const functions = (name: 'a' | 'b', { free, along, load }: GemmOperand): string => `
fn free_${name}(batch: u32, at: u32) -> vec4<i32> { ${free} }
fn along_${name}(batch: u32, at: u32) -> vec4<i32> { ${along} }
fn load_${name}(free: vec4<i32>, along: vec4<i32>) -> S { ${load} }`

/** The number of workgroups of a product with `batches` batches. */
export const gemmGroups = (
  { m, n, tile, parts }: Pick<GemmText, 'm' | 'n' | 'tile' | 'parts'>,
  batches: number,
): number => Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * parts * batches

/** A tiled product in workgroup memory: declarations and `main`. */
export function gemmText(text: GemmText, batches: number): string {
  const { scalar, m, n, k, tile, parts, partLength, a, b, store } = text
  const { rows, columns, depth } = tile
  const columnTiles = Math.ceil(n / columns)
  const rowTiles = Math.ceil(m / rows)
  const sides = [
    sideText({ name: 'a', limit: m, extent: rows, operand: a }, tile),
    sideText({ name: 'b', limit: n, extent: columns, operand: b }, tile),
  ]
  return `alias S = ${scalar};${functions('a', a)}${functions('b', b)}
fn store(batch: u32, part: u32, row: u32, column: u32, value: S) { ${store} }
var<workgroup> tile_a: array<vec4<S>, ${(depth * rows) / 4}>;
var<workgroup> tile_b: array<vec4<S>, ${(depth * columns) / 4}>;
fn main(${groupParameters}) {
  let index = ${groupIndex};
  if (index >= ${gemmGroups(text, batches)}u) { return; }
  let start_b = (index % ${columnTiles}u) * ${columns}u;
  let start_a = (index / ${columnTiles}u % ${rowTiles}u) * ${rows}u;
  let part = index / ${columnTiles * rowTiles}u % ${parts}u;
  let batch = index / ${columnTiles * rowTiles * parts}u;
  let end = min((part + 1u) * ${partLength}u, ${k}u);
  let row = local / ${columns / 4}u;
  let column = local % ${columns / 4}u;
  ${sides[0].before}
  ${sides[1].before}
  var sums: array<vec4<S>, 4>;
  for (var k0 = part * ${partLength}u; k0 < end; k0 += ${depth}u) {
    ${sides[0].inside}
    ${sides[1].inside}
    workgroupBarrier();
    for (var kk = 0u; kk < ${depth}u; kk++) {
      let a = tile_a[kk * ${rows / 4}u + row];
      let b = tile_b[kk * ${columns / 4}u + column];
      sums[0] += a.x * b; sums[1] += a.y * b; sums[2] += a.z * b; sums[3] += a.w * b;
    }
    workgroupBarrier();
  }
  let left = start_b + column * 4u;
  for (var r = 0u; r < 4u; r++) {
    let at = start_a + row * 4u + r;
    if (at < ${m}u) {
      for (var c = 0u; c < 4u; c++) { if (left + c < ${n}u) { store(batch, part, at, left + c, sums[r][c]); } }
    }
  }
}`
}
