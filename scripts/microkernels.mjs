// Writes assembly/gen/microkernels.ts: the register tiles of matrix products and convolutions, one function a tile height.
// A tile is `rows` x 8 elements of C; the last 1 to 4 columns are computed 4 wide. Sums run over k in order, except that
// tiles of one or two rows keep several partial sums, to hide the latency of addition.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The tallest tiles of each arithmetic; assembly/register-tiles.ts picks the height of a build. */
const maximumRows = { f32: 6, i16: 4 }

/**
 * What the tiles compute in: float32, or int32 sums of products of int16. There a step of k takes two numbers, side by
 * side in A and in each column of B, so that both kinds walk words of four bytes. `narrow`: the last 1 to 4 columns are
 * computed 4 wide; else B is always packed, in whole panels.
 */
const arithmetics = {
  f32: {
    multiplyAdd: (a, b, c) => `madd(${a}, ${b}, ${c})`,
    add: 'f32x4.add',
    result: (name) => `f32x4.pmax(${name}, lower)`,
    narrow: true,
  },
  i16: {
    multiplyAdd: (a, b, c) => `i32x4.add(${c}, i32x4.dot_i16x8_s(${a}, ${b}))`,
    add: 'i32x4.add',
    result: (name) => name,
    narrow: false,
  },
}

const range = (count) => Array.from({ length: count }, (_, index) => index)
const indent = (lines, depth) => lines.map((line) => (line ? '  '.repeat(depth) + line : line))

/** How many independent partial sums a tile of `rows` rows and `vectors` vectors a row keeps. */
const partialSums = (rows, vectors) => Math.max(1, Math.floor(4 / (rows * vectors)))

const accumulator = (row, vector, sum) => `c${row}${'xy'[vector]}${sum || ''}`

const declare = (rows, vectors, sums) => {
  const lines = []
  for (const sum of range(sums))
    for (const row of range(rows))
      lines.push(
        range(vectors)
          .map((vector) => `let ${accumulator(row, vector, sum)} = f32x4.splat(0)`)
          .join('; '),
      )
  lines.push('if (start != 0) {')
  if (rows > 1) lines.push('  let s = start')
  for (const row of range(rows)) {
    const s = rows > 1 ? 's' : 'start'
    const loads = range(vectors).map(
      (vector) => `${accumulator(row, vector, 0)} = v128.load(${s}${vector ? ', 16' : ''})`,
    )
    lines.push(`  ${loads.join('; ')}${row < rows - 1 ? '; s += startStride' : ''}`)
  }
  lines.push(`  start += ${16 * vectors}`, '}')
  return lines
}

/**
 * One value of k: `aAt(row)` is the arguments of the load of A's element. `ahead`: q has been moved to the next row of B before,
 * else it is moved after.
 */
const step = (rows, vectors, sum, aAt, ahead, { multiplyAdd } = arithmetics.f32) => [
  `${range(vectors)
    .map((vector) => `const b${vector} = v128.load(q${vector ? ', 16' : ''})`)
    .join('; ')}${ahead ? '' : '; q += ldb'}`,
  ...range(rows).map((row) => {
    const name = (vector) => accumulator(row, vector, sum)
    const products = range(vectors).map(
      (vector) => `${name(vector)} = ${multiplyAdd(`a${row}`, `b${vector}`, name(vector))}`,
    )
    return `const a${row} = v128.load32_splat(${aAt(row)}); ${products.join('; ')}`
  }),
]

const finish = (rows, vectors, sums, { add, result, narrow } = arithmetics.f32) => {
  const lines = []
  for (let half = sums >> 1; half > 0; half >>= 1)
    for (const sum of range(half))
      for (const row of range(rows))
        for (const vector of range(vectors)) {
          const name = accumulator(row, vector, sum)
          lines.push(`${name} = ${add}(${name}, ${accumulator(row, vector, sum + half)})`)
        }
  const clamped = (row, vector) => result(accumulator(row, vector, 0))
  const full = []
  const partial = []
  for (const row of range(rows)) {
    const next = row < rows - 1 ? '; o += ldc' : ''
    full.push(
      `${range(vectors)
        .map((vector) => `v128.store(o, ${clamped(row, vector)}${vector ? ', 16' : ''})`)
        .join('; ')}${next}`,
    )
    partial.push(
      vectors === 2
        ? `${narrow ? `v128.store(o, ${clamped(row, 0)})` : `storeLanes(o, ${clamped(row, 0)}, columns)`}; storeLanes(o + 16, ${clamped(row, 1)}, columns - 4)${next}`
        : `storeLanes(o, ${clamped(row, 0)}, columns)${next}`,
    )
  }
  const width = 4 * vectors
  lines.push(rows > 1 ? 'let o = c' : 'const o = c')
  lines.push(`if (columns >= ${width}) {`, ...indent(full, 1), '} else {', ...indent(partial, 1), '}')
  return lines
}

/**
 * The loops over k where rows of A are contiguous in k: runs inside runs, by the strides of the walk. Addresses of tiles with
 * one sum are moved before they are read: V8 clears the upper half of one that a loop carries, in an instruction more, but not
 * that of a sum.
 */
const rowLoops = (rows, vectors, sums, arithmetic) => {
  const ahead = sums === 1
  const advance = (amount) =>
    range(rows)
      .map((row) => `p${row} += ${amount}`)
      .join('; ')
  const steps = range(sums).flatMap((sum) => {
    const lines = step(rows, vectors, sum, (row) => `p${row}${sum ? `, ${4 * sum}` : ''}`, false, arithmetic)
    return sums > 1 ? ['{', ...indent(lines, 1), '}'] : lines
  })
  const loop = (condition, next, lines, stride) => [
    `    for (; ${condition}; ${next}) {`,
    ...(ahead ? [`      q += ldb; ${advance(stride)}`] : []),
    ...indent(lines, 3),
    ...(ahead ? [] : [`      ${advance(stride)}`]),
    '    }',
  ]
  return [
    ahead ? 'let q = b - ldb' : 'let q = b',
    range(rows)
      .map((row) => `let p${row} = a${row}Start${ahead ? ' - 4' : ''}`)
      .join('; '),
    'for (let i = outer; i > 0; i--) {',
    '  for (let j = inner; j > 0; j--) {',
    '    let k = run',
    ...(sums > 1 ? loop(`k >= ${sums}`, `k -= ${sums}`, steps, 4 * sums) : []),
    ...loop(
      'k > 0',
      'k--',
      step(rows, vectors, 0, (row) => `p${row}`, ahead, arithmetic),
      4,
    ),
    `    ${advance('innerSkip')}`,
    '  }',
    `  ${advance('outerSkip')}`,
    '}',
  ]
}

/** The loops over k where columns of A are contiguous: A[k] is \`rows\` neighbours in memory. */
const columnLoops = (rows, vectors) => [
  'let q = b - ldb',
  'let p = a - lda',
  'for (let i = outer; i > 0; i--) {',
  '  for (let k = run; k > 0; k--) {',
  '    q += ldb; p += lda',
  ...indent(
    step(rows, vectors, 0, (row) => `p${row ? `, ${4 * row}` : ''}`, true),
    2,
  ),
  '  }',
  '  p += outerSkip',
  '}',
]

const panels = (rows, loops, sumsOf, arithmetic = arithmetics.f32) => {
  const tile = (vectors) => {
    const sums = sumsOf(rows, vectors)
    return [
      ...declare(rows, vectors, sums),
      ...loops(rows, vectors, sums, arithmetic),
      ...finish(rows, vectors, sums, arithmetic),
    ]
  }
  return [
    `for (; columns > ${arithmetic.narrow ? 4 : 0}; columns -= 8) {`,
    ...indent([...tile(2), 'c += 32', 'b += panelStride'], 1),
    '}',
    ...(arithmetic.narrow ? ['if (columns > 0) {', ...indent(tile(1), 1), '}'] : []),
  ]
}

const rowsFunction = (rows, type) => [
  `/** C[${rows}][columns] from ${rows} rows of A, each contiguous along the runs of \`walk\`. */`,
  `export function rows_${rows}x8_${type}(walk: Walk, b: usize, c: usize, start: usize, startStride: i32, columns: i32, outer: i32, ${range(
    rows,
  )
    .map((row) => `a${row}Start: usize`)
    .join(', ')}): void {`,
  ...indent(
    [
      'const inner = walk.inner',
      'const run = walk.run',
      'const innerSkip = walk.innerStride - (run << 2)',
      'const outerSkip = walk.outerStride - inner * walk.innerStride',
      'const ldb = walk.ldb',
      ...(rows > 1 ? ['const ldc = walk.ldc'] : []),
      'const panelStride = walk.panelStride',
      ...(type === 'f32' ? ['const lower = f32x4.splat(walk.lower)'] : []),
      ...panels(rows, rowLoops, partialSums, arithmetics[type]),
    ],
    1,
  ),
  '}',
  '',
]

const columnsFunction = (rows) => [
  `/** C[${rows}][columns] += the product of ${rows} neighbouring columns of A, \`lda\` bytes from k to k, with B. */`,
  `export function columns_${rows}x8_f32(walk: Walk, a: usize, lda: i32, b: usize, c: usize, start: usize, startStride: i32, columns: i32, outer: i32): void {`,
  ...indent(
    [
      'const run = walk.run',
      'const outerSkip = walk.outerStride - run * lda',
      'const ldb = walk.ldb',
      ...(rows > 1 ? ['const ldc = walk.ldc'] : []),
      'const panelStride = walk.panelStride',
      'const lower = f32x4.splat(walk.lower)',
      ...panels(rows, columnLoops, () => 1),
    ],
    1,
  ),
  '}',
  '',
]

/** Writes assembly/gen/microkernels.ts under `root`. */
export function generateMicrokernels(root) {
  const heights = range(maximumRows.f32).map((index) => index + 1)
  const lines = [
    '// Generated by scripts/microkernels.mjs.',
    "import { storeLanes } from '../math'",
    "import { madd } from '../simd'",
    "import { Walk } from '../walk'",
    '',
    ...heights.flatMap((rows) => rowsFunction(rows, 'f32')),
    ...heights.flatMap(columnsFunction),
    ...[1, maximumRows.i16].flatMap((rows) => rowsFunction(rows, 'i16')),
  ]
  mkdirSync(join(root, 'assembly/gen'), { recursive: true })
  writeFileSync(join(root, 'assembly/gen/microkernels.ts'), lines.join('\n'))
}
