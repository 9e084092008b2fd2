import type { Unary } from '../../activations.js'
import { type Dispatch, gridOf, kernel, mapKernel, type Place } from '../kernel.js'
import { activationText } from '../wgsl/activation.js'
import { type GemmOperand, type GemmText, gemmGroups, gemmText, tileFor } from '../wgsl/gemm.js'
import type { LoweringContext } from './lowering.js'

/** Sizes of C = A B, `batches` times. */
export interface GemmSizes {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly batches: number
}

export interface Gemm extends GemmSizes {
  readonly name: string
  /** The operands' places, under the names that `a` and `b` use. */
  readonly reads: Readonly<Record<string, Place>>
  a(names: Readonly<Record<string, string>>): GemmOperand
  b(names: Readonly<Record<string, string>>): GemmOperand
  readonly y: Place
  /** WGSL for the index in y of (batch, row, column). */
  readonly at: string
  readonly bias?: Place | undefined
  /** WGSL for the index in the bias of (batch, column). */
  readonly biasAt?: string
  readonly epilogue: Unary
}

/** Workgroups that keep a device busy, and the least k that is worth a part of its own. */
const ENOUGH_GROUPS = 64
const LEAST_PART = 256

/** The parts that k is cut into where m and n alone give too few workgroups. Depends on sizes alone. */
function partsOf({ m, n, k, batches }: GemmSizes): { readonly parts: number; readonly partLength: number } {
  const tile = tileFor(m, n)
  const groups = Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * batches
  const wanted = Math.max(1, Math.min(Math.floor(ENOUGH_GROUPS / groups), Math.floor(k / LEAST_PART)))
  const partLength = Math.max(1, Math.ceil(Math.ceil(k / wanted) / tile.depth) * tile.depth)
  return { parts: Math.max(1, Math.ceil(k / partLength)), partLength }
}

/** Bytes of scratch memory of a product: its parts, where it has several. */
export function gemmWorkspace(sizes: GemmSizes): number {
  const { parts } = partsOf(sizes)
  return parts > 1 ? parts * sizes.batches * sizes.m * sizes.n * 4 : 0
}

/** The dispatches of a product: tiles, and where k is cut the sum of its parts in order. */
export function gemm(product: Gemm, { workspace }: Pick<LoweringContext, 'workspace'>): Dispatch[] {
  const { m, n, k, batches, name, reads, y, at, bias, biasAt = '', epilogue } = product
  const { parts, partLength } = partsOf(product)
  const whole = parts === 1
  const finish = {
    reads: (bias ? { bias } : {}) as Readonly<Record<string, Place>>,
    declarations: activationText(epilogue, 'f32'),
    value: (names: Readonly<Record<string, string>>) =>
      `activate(value${bias ? ` + ${names['bias']}[${biasAt}]` : ''})`,
  }
  const partial = whole ? undefined : workspace(0, gemmWorkspace(product), 'f32')
  const text = (names: Readonly<Record<string, string>>): GemmText => ({
    m,
    n,
    k,
    tile: tileFor(m, n),
    parts,
    partLength,
    a: product.a(names),
    b: product.b(names),
    store: whole
      ? `${names['y']}[${at}] = ${finish.value(names)};`
      : `${names['y']}[((part * ${batches}u + batch) * ${m}u + row) * ${n}u + column] = value;`,
  })
  const tile = tileFor(m, n)
  const sizes: GemmText = { ...text({ y: '' }), tile }
  const product0 = kernel({
    name,
    reads: { ...reads, ...(whole ? finish.reads : {}) },
    writes: { y: partial ?? y },
    workgroupSize: [tile.threads, 1, 1],
    workgroups: gridOf(gemmGroups(sizes, batches)),
    text: (names) => `${whole ? finish.declarations : ''}${gemmText(text(names), batches)}`,
  })
  if (!partial) return product0
  const count = batches * m * n
  return [
    ...product0,
    ...mapKernel({
      name: `${name}_finish`,
      count,
      reads: { parts: partial, ...finish.reads },
      writes: { y },
      declarations: finish.declarations,
      body: (names: Readonly<Record<string, string>>) => `  var value = 0.0;
  for (var part = 0u; part < ${parts}u; part++) { value += ${names['parts']}[part * ${count}u + i]; }
  let batch = i / ${m * n}u; let row = i / ${n}u % ${m}u; let column = i % ${n}u;
  ${names['y']}[${at}] = ${finish.value(names)};`,
    }),
  ]
}
