/** A stretch of a GPU buffer that a dispatch binds. */
export interface Place {
  /** Identity of the memory. */
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly bytes: number
  /** The WGSL type of its elements. */
  readonly type: string
  /** Whether a dispatch may write other stretches of the buffer, so that this one cannot be bound read-only. */
  readonly shared: boolean
}

/** One kernel call: text, bindings in order, and the number of workgroups. */
export interface Dispatch {
  /** Label of the pipeline. */
  readonly kernel: string
  readonly code: string
  readonly bindings: readonly Place[]
  /** For each binding `r` or `w`. */
  readonly access: string
  readonly workgroups: readonly [number, number, number]
}

type Places = Readonly<Record<string, Place>>
/** The variable that holds each operand. Operands in one place have one variable. */
export type Names<P extends Places> = { readonly [K in keyof P]: string }

export interface KernelSpec<R extends Places, W extends Places> {
  readonly name: string
  readonly reads: R
  readonly writes: W
  readonly workgroupSize: readonly [number, number, number]
  readonly workgroups: readonly [number, number, number]
  /** Extensions of WGSL that the text uses. */
  readonly enables?: readonly ('f16' | 'subgroups')[]
  /** Declarations, and the function `main(…)`, without its attributes. */
  text(names: Names<R & W>): string
}

/**
 * Bytes of a place with what belongs to it up to the next multiple of 16, which are bound: wgpu checks a binding against the
 * vec4s that the pipeline before it read there.
 */
export const wholeQuads = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16)

/** `place` as vec4s. */
export const vec4 = (place: Place): Place => ({
  ...place,
  type: `vec4<${place.type}>`,
  bytes: Math.ceil(place.bytes / 16) * 16,
})

/** `place` with its elements seen as another type of 4 bytes. */
export const seenAs = (place: Place, type: 'f32' | 'i32' | 'u32'): Place => ({ ...place, type })

/** One dispatch; none where there is nothing to do. */
export function kernel<R extends Places, W extends Places>(spec: KernelSpec<R, W>): Dispatch[] {
  const { name, reads, writes, workgroupSize, workgroups, enables = [] } = spec
  if (workgroups.includes(0) || Object.values(writes).every(({ bytes }) => bytes === 0)) return []
  const bindings: { place: Place; variable: string; written: boolean }[] = []
  const names: Record<string, string> = {}
  const bind = (operand: string, place: Place, written: boolean) => {
    let binding = bindings.find(({ place: { buffer, offset } }) => buffer === place.buffer && offset === place.offset)
    if (!binding) {
      binding = { place, variable: operand, written }
      bindings.push(binding)
    } else if (binding.place.type !== place.type)
      throw new TypeError(`kernel ${name}: '${operand}' and '${binding.variable}' share memory as different types`)
    binding.written ||= written
    names[operand] = binding.variable
  }
  for (const [operand, place] of Object.entries(reads)) bind(operand, place, false)
  for (const [operand, place] of Object.entries(writes)) bind(operand, place, true)
  const isWritten = ({ place, written }: (typeof bindings)[number]) => written || place.shared
  const declarations = bindings.map(
    (binding, index) =>
      `@group(0) @binding(${index}) var<storage, ${isWritten(binding) ? 'read_write' : 'read'}> ${binding.variable}: array<${binding.place.type}>;`,
  )
  const text = spec.text(names as Names<R & W>)
  const enabled = enables.map((extension) => `enable ${extension};\n`).join('')
  const attributes = `@compute @workgroup_size(${workgroupSize.join(', ')})\nfn main(`
  return [
    {
      kernel: name,
      code: `${enabled}${declarations.join('\n')}\n${text.replace('fn main(', attributes)}`,
      bindings: bindings.map(({ place }) => place),
      access: bindings.map((binding) => (isWritten(binding) ? 'w' : 'r')).join(''),
      workgroups,
    },
  ]
}

const THREADS = 64
/** A grid of up to 65535 workgroups a dimension, which every adapter has. */
const WIDEST = 65535

/** Workgroups enough for `count`, in one row or, if they are many, in a few. */
export const gridOf = (count: number): readonly [number, number, number] => {
  const rows = Math.ceil(count / WIDEST)
  return [rows > 1 ? Math.ceil(count / rows) : count, Math.max(1, rows), 1]
}

/** WGSL for the number of a workgroup in a grid of `gridOf`; the function has `group: vec3<u32>` and `groups: vec3<u32>`. */
export const groupIndex = 'group.y * groups.x + group.x'
/** Parameters of `main` for `groupIndex`, and the number of the thread in its workgroup. */
export const groupParameters =
  '@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32'

export interface MapSpec<R extends Places, W extends Places> {
  readonly name: string
  /** Threads; `body` runs for each `i` below it. */
  readonly count: number
  readonly reads: R
  readonly writes: W
  readonly declarations?: string
  /** Whether `count` may be told from the length of the first written operand: kernels of all sizes then share a text. */
  readonly dense?: boolean
  /** Statements for the thread `i: u32`. */
  body(names: Names<R & W>): string
}

/** One thread for each i below `count`. */
export function mapKernel<R extends Places, W extends Places>(spec: MapSpec<R, W>): Dispatch[] {
  const { name, count, reads, writes, declarations = '', dense = false } = spec
  return kernel({
    name,
    reads,
    writes,
    workgroupSize: [THREADS, 1, 1],
    workgroups: gridOf(Math.ceil(count / THREADS)),
    text: (names) => `${declarations}
fn main(${groupParameters}) {
  let i = (${groupIndex}) * ${THREADS}u + local;
  if (i >= ${dense ? `arrayLength(&${names[Object.keys(writes)[0]]})` : `${count}u`}) { return; }
${spec.body(names)}
}`,
  })
}

/** A WGSL literal of the float32 nearest to `x`, which must be finite. */
export function f32Literal(x: number): string {
  const rounded = Math.fround(x)
  if (!Number.isFinite(rounded)) throw new RangeError(`WGSL has no literal for ${x}`)
  return rounded < 0 || Object.is(rounded, -0) ? `(-${-rounded}f)` : `${rounded}f`
}

/** The greatest float32, and with a minus sign the least. */
export const FLOAT_MAX = 3.4028234663852886e38
/** A WGSL literal of a bound: infinities become the greatest and least float32. */
export const boundLiteral = (x: number): string => f32Literal(Math.max(-FLOAT_MAX, Math.min(FLOAT_MAX, x)))
