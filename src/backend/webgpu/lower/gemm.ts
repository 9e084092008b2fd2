import type { Unary } from '../../activations.js'
import { type Dispatch, gridOf, kernel, mapKernel, type Place } from '../kernel.js'
import type { Tuning } from '../tuning.js'
import { activationText } from '../wgsl/activation.js'
import { DIRECT_THREADS, type DirectOperands, directText, directThreads } from '../wgsl/direct.js'
import { type GemmOperand, type GemmText, gemmGroups, gemmText, type Scalar, tileFor } from '../wgsl/gemm.js'
import type { LoweringContext } from './lowering.js'

/** Sizes of C = A B, `batches` times. */
export interface GemmSizes {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly batches: number
  /** Turns of the loop that direct kernels cut into parts: the outermost one around k; k itself if absent. */
  readonly turns?: number
}

type Names = Readonly<Record<string, string>>

/** What becomes of a sum before it is stored. */
export interface Finish {
  readonly reads: Readonly<Record<string, Place>>
  readonly declarations: string
  /** Expression of the sum `value`, and of `batch`, `row` and `column`. */
  value(names: Names): string
}

export interface Gemm extends GemmSizes {
  readonly name: string
  /** The operands' places, under the names that `a` and `b` use. */
  readonly reads: Readonly<Record<string, Place>>
  a(names: Names): GemmOperand
  b(names: Names): GemmOperand
  direct(names: Names): DirectOperands
  readonly y: Place
  /** WGSL for the index in y of (batch, row, column). */
  readonly at: string
  /** f32 if absent. */
  readonly scalar?: Scalar
  /** The sum itself if absent. */
  readonly finish?: Finish
}

const unchanged: Finish = { reads: {}, declarations: '', value: () => 'value' }

/** A bias, whose index is the WGSL `biasAt` of (batch, column), and an activation. */
export const biasAndActivation = (bias: Place | undefined, biasAt: string, epilogue: Unary): Finish => ({
  reads: bias ? { bias } : {},
  declarations: activationText(epilogue, 'f32'),
  value: (names) => `activate(value${bias ? ` + ${names['bias']}[${biasAt}]` : ''})`,
})

/** The parts of a product's k, or of the outermost loop around it: `partLength` each. */
interface Cut {
  readonly parts: number
  readonly partLength: number
}

/** Work along k that is worth a part of its own. */
const LEAST_PART = 256
/** Parts begin at multiples of this. */
const PART_STEP = 16

function cut(length: number, step: number, wanted: number): Cut {
  const partLength = Math.max(1, Math.ceil(Math.ceil(length / Math.max(1, wanted)) / step) * step)
  return { parts: Math.max(1, Math.ceil(length / partLength)), partLength: Math.min(partLength, Math.max(1, length)) }
}

/** Cuts k where m and n alone leave the device idle. Depends on sizes and adapter alone. */
function partsOf(sizes: GemmSizes, tuning: Tuning): Cut {
  const { products, threads } = tuning
  const { m, n, k, batches, turns } = sizes
  const most = Math.floor(k / LEAST_PART)
  if (products === 'direct') {
    const wanted = Math.min(Math.floor(threads / directThreads(sizes)), most)
    return turns === undefined ? cut(k, PART_STEP, wanted) : cut(turns, 1, Math.min(wanted, turns))
  }
  const tile = tileFor(sizes, tuning)
  const busy = Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * batches * tile.threads
  return cut(k, tile.depth, Math.min(Math.floor(threads / busy), most))
}

/** Bytes of scratch memory of a product: its parts, where it has several. */
export function gemmWorkspace(sizes: GemmSizes, tuning: Tuning): number {
  const { parts } = partsOf(sizes, tuning)
  return parts > 1 ? parts * sizes.batches * sizes.m * sizes.n * 4 : 0
}

/** The dispatches of a product: tiles, and where k is cut the sum of its parts in order. */
export function gemm(product: Gemm, { workspace, tuning }: Pick<LoweringContext, 'workspace' | 'tuning'>): Dispatch[] {
  const { m, n, k, batches, name, reads, y, at, scalar = 'f32', finish = unchanged } = product
  const { parts, partLength } = partsOf(product, tuning)
  const whole = parts === 1
  const precision = tuning.operands
  const partial = whole ? undefined : workspace(0, gemmWorkspace(product, tuning), scalar)
  const storeOf = (names: Names) =>
    whole
      ? `${names['y']}[${at}] = ${finish.value(names)};`
      : `${names['y']}[((part * ${batches}u + batch) * ${m}u + row) * ${n}u + column] = value;`
  const tile = tileFor(product, tuning)
  const tiled = (names: Names): GemmText => {
    const [a, b] = [product.a(names), product.b(names)]
    return { scalar, precision, m, n, k, tile, parts, partLength, a, b, store: storeOf(names) }
  }
  const direct = (names: Names): string =>
    directText({
      scalar,
      precision,
      m,
      n,
      batches,
      parts,
      partLength,
      operands: product.direct(names),
      store: storeOf(names),
    })
  const isDirect = tuning.products === 'direct'
  const groups = isDirect
    ? Math.ceil((directThreads(product) * parts) / DIRECT_THREADS)
    : gemmGroups({ m, n, tile, parts }, batches)
  const products = kernel({
    name: `${name}_${isDirect ? 'direct' : 'tiled'}`,
    reads: { ...reads, ...(whole ? finish.reads : {}) },
    writes: { y: partial ?? y },
    workgroupSize: [isDirect ? DIRECT_THREADS : tile.threads, 1, 1],
    workgroups: gridOf(groups),
    enables: scalar === 'f32' && precision === 'float16' ? ['f16'] : [],
    text: (names) =>
      `${whole ? finish.declarations : ''}
${isDirect ? direct(names) : gemmText(tiled(names), batches)}`,
  })
  if (!partial) return products
  const count = batches * m * n
  return [
    ...products,
    ...mapKernel({
      name: `${name}_finish`,
      count,
      reads: { parts: partial, ...finish.reads },
      writes: { y },
      declarations: finish.declarations,
      body: (names: Names) => `  var value = ${scalar}(0);
  for (var part = 0u; part < ${parts}u; part++) { value += ${names['parts']}[part * ${count}u + i]; }
  let batch = i / ${m * n}u; let row = i / ${n}u % ${m}u; let column = i % ${n}u;
  ${names['y']}[${at}] = ${finish.value(names)};`,
    }),
  ]
}
