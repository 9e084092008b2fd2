import type { DType } from '../../../core/dtype.js'
import type { Node } from '../../../core/ir.js'
import { sizeOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { toChannelsLast } from '../../../ops/window.js'
import { boundLiteral, FLOAT_MAX, mapKernel } from '../kernel.js'
import { coordinates } from '../wgsl/index.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'
import { type Geometry, geometryOf, isSpatial, vec3 } from './window.js'

interface Pool extends Geometry {
  readonly channels: number
  readonly includePad: boolean
}

const isPoolOf = (node: Node, ...dtypes: readonly DType[]): boolean =>
  node.outputs.length === 1 &&
  [node.inputs[0]!, node.outputs[0]].every(
    (value) => dtypes.includes(value.dtype) && isSpatial(value.shape) && elementsOf(value) > 0,
  )

const isPool = (node: Node): boolean => isPoolOf(node, 'float32')

/** The least number of each type that is pooled, as WGSL. */
const least = { float32: boundLiteral(-FLOAT_MAX), int8: '-128', uint8: '0u' } as const

const poolOf = (node: Node, input: readonly number[], output: readonly number[]): Pool => ({
  ...geometryOf(node, input, output),
  channels: input[input.length - 1],
  includePad: intAttribute(node.attributes, 'count_include_pad') === 1,
})

const axes = [0, 1, 2] as const

/** Whether no tap of any window lies outside of the input. */
const liesInside = ({ input, output, kernel, strides, dilations, padBegin }: Pool): boolean =>
  axes.every(
    (axis) =>
      padBegin[axis] === 0 && (output[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] < input[axis],
  )

/** Whether each element of the input lies in exactly one window. */
const isTiling = (pool: Pool): boolean =>
  liesInside(pool) &&
  axes.every(
    (axis) =>
      pool.dilations[axis] === 1 &&
      pool.strides[axis] === pool.kernel[axis] &&
      pool.output[axis] * pool.strides[axis] === pool.input[axis],
  )

/** Statements for the taps of a window whose first tap is `start: vec3<i32>`; `body` has `p`, the place of a tap inside the input. */
const eachTap = (pool: Pool, body: string): string => {
  const { input, kernel, dilations } = pool
  const inside = liesInside(pool) ? 'true' : `all(p >= vec3<i32>(0)) && all(p < ${vec3(input)})`
  return `
  for (var kz = 0; kz < ${kernel[0]}; kz++) { for (var ky = 0; ky < ${kernel[1]}; ky++) { for (var kx = 0; kx < ${kernel[2]}; kx++) {
    let p = start + vec3<i32>(kz, ky, kx) * ${vec3(dilations)};
    if (${inside}) { ${body} }
  } } }`
}

/** The index, in a channels-last tensor of spatial size `size`, of channel `c` of image `image` at `p`. */
const at = (size: readonly number[], channels: number, p = 'p'): string =>
  `(((i32(image) * ${size[0]} + ${p}.x) * ${size[1]} + ${p}.y) * ${size[2]} + ${p}.z) * ${channels} + i32(c)`

/** Declares image, place and channel of thread i over `size`, and `here` and the window's start. */
const thread = (pool: Pool, size: readonly number[]): string =>
  `  ${coordinates('i', ['image', 'at_z', 'at_y', 'at_x', 'c'], [0, ...size, pool.channels])}
  let here = vec3<i32>(vec3<u32>(at_z, at_y, at_x));`

const startOf = ({ strides, padBegin }: Pool, place: string): string =>
  `let start = ${place} * ${vec3(strides)} - ${vec3(padBegin)};`

/** Elements that the average of the window at `start` divides by, as f32. */
const divisor = (pool: Pool): string => {
  const { input, kernel, dilations, padEnd, includePad } = pool
  if (!includePad) return `  var inside = 0; ${eachTap(pool, 'inside++;')} let divisor = f32(inside);`
  return `  var inside = 0;
  for (var kz = 0; kz < ${kernel[0]}; kz++) { for (var ky = 0; ky < ${kernel[1]}; ky++) { for (var kx = 0; kx < ${kernel[2]}; kx++) {
    if (all(start + vec3<i32>(kz, ky, kx) * ${vec3(dilations)} < ${vec3(input)} + ${vec3(padEnd)})) { inside++; }
  } } } let divisor = f32(inside);`
}

/** Statements for the windows that cover `here`; `body` has `o`, the window's place, and `start`. */
const eachWindow = (pool: Pool, body: string): string => {
  const { output, kernel, strides, dilations, padBegin } = pool
  const names = ['oz', 'oy', 'ox']
  const bounds = axes.map((axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis]
    const far = `here[${axis}] + ${padBegin[axis]}`
    return {
      from: `max(0, (${far} - ${reach} + ${strides[axis] - 1}) / ${strides[axis]})`,
      to: `min(${output[axis] - 1}, (${far}) / ${strides[axis]})`,
    }
  })
  const loops = bounds.map(
    ({ from, to }, axis) => `for (var ${names[axis]} = ${from}; ${names[axis]} <= ${to}; ${names[axis]}++) {`,
  )
  const touched = dilations.some((dilation) => dilation !== 1)
    ? `all((here - start) % ${vec3(dilations)} == vec3<i32>(0))`
    : 'true'
  return `  ${loops.join(' ')}
    let o = vec3<i32>(oz, oy, ox); ${startOf(pool, 'o')}
    if (${touched}) { ${body} }
  } } }`
}

const forward = (
  name: string,
  text: (pool: Pool, x: string, dtype: DType) => { before: string; tap: string; value: string },
  accelerates = isPool,
): Lowering => ({
  accelerates,
  lower({ inputs: [x], outputs: [y], ...rest }, { place }) {
    const node = { inputs: [x], outputs: [y], ...rest }
    const pool = poolOf(node, shapeOf(x!), shapeOf(y))
    return mapKernel({
      name,
      count: elementsOf(y),
      reads: { x: place(x!) },
      writes: { y: place(y) },
      body(names) {
        const { before, tap, value } = text(pool, names.x, y.dtype)
        return `${thread(pool, pool.output)} ${startOf(pool, 'here')}
  ${before}${eachTap(pool, tap)}
  ${names.y}[i] = ${value};`
      },
    })
  },
})

/** Channels first: the largest of each window, and where the first such lies in the whole input; -1 in padding alone. */
const maxPoolWithIndices: Lowering = {
  accelerates: ({ inputs: [x], outputs }) =>
    Object.hasOwn(least, x!.dtype) && isSpatial(x!.shape) && elementsOf(x!) > 0 && outputs.length === 2,
  lower(node, { place }) {
    const [x, [y, indices]] = [node.inputs[0]!, node.outputs]
    const [from, to] = [x, y].map((value) => toChannelsLast(shapeOf(value)))
    const pool = poolOf(node, from, to)
    const [depth, height, width] = pool.input
    const plane = `i32(image * ${pool.channels}u + c) * ${depth * height * width}`
    const rowMajor = `(p.x * ${height} + p.y) * ${width} + p.z`
    const counted = node.attributes['storage_order'] === 1 ? `(p.z * ${height} + p.y) * ${depth} + p.x` : rowMajor
    return mapKernel({
      name: 'max_pool_indices',
      count: elementsOf(y),
      reads: { x: place(x) },
      writes: { y: place(y), indices: place(indices) },
      body: (
        names,
      ) => `  ${coordinates('i', ['image', 'c', 'at_z', 'at_y', 'at_x'], [0, pool.channels, ...pool.output])}
  let here = vec3<i32>(vec3<u32>(at_z, at_y, at_x)); ${startOf(pool, 'here')}
  let plane = ${plane};
  var best = ${least[x.dtype as keyof typeof least]};
  var found = -1;
  ${eachTap(pool, `let v = ${names.x}[plane + ${rowMajor}]; if (found < 0 || v > best) { best = v; found = plane + ${counted}; }`)}
  ${names.y}[i] = best;
  ${names.indices}[i] = found;`,
    })
  },
}

const global = (op: 'max' | 'average'): Lowering => ({
  accelerates: ({ inputs: [x] }) => x!.dtype === 'float32' && elementsOf(x!) > 0,
  lower({ inputs: [x], outputs: [y] }, { place }) {
    const plane = sizeOf(shapeOf(x!).slice(2))
    const max = op === 'max'
    return mapKernel({
      name: `global_${op}_pool`,
      count: elementsOf(y),
      reads: { x: place(x!) },
      writes: { y: place(y) },
      body: ({ x, y }) => `  var total = ${x}[i * ${plane}u];
  for (var k = 1u; k < ${plane}u; k++) { let v = ${x}[i * ${plane}u + k]; total = ${max ? 'max(total, v)' : 'total + v'}; }
  ${y}[i] = total${max ? '' : ` / f32(${plane})`};`,
    })
  },
})

/** Channels-last pools of one to three spatial axes and their gradients, and the global pools. */
export const poolLowerings = {
  'lanewise.MaxPoolNhwc': forward(
    'max_pool',
    (pool, x, dtype) => ({
      before: `var best = ${least[dtype as keyof typeof least]};`,
      tap: `best = max(best, ${x}[${at(pool.input, pool.channels)}]);`,
      value: 'best',
    }),
    (node) => isPoolOf(node, ...(Object.keys(least) as DType[])),
  ),
  'lanewise.AveragePoolNhwc': forward('average_pool', (pool, x) => ({
    before: `var total = 0.0; ${divisor(pool)}`,
    tap: `total += ${x}[${at(pool.input, pool.channels)}];`,
    value: 'total / divisor',
  })),
  'lanewise.MaxPoolGradientNhwc': {
    accelerates: isPool,
    lower(node, { place }) {
      const [dy, x, y] = node.inputs.map((input) => input!)
      const [dx] = node.outputs
      const pool = poolOf(node, shapeOf(dx), shapeOf(dy))
      if (isTiling(pool))
        return mapKernel({
          name: 'max_pool_gradient_tiles',
          count: elementsOf(dy),
          reads: { dy: place(dy), x: place(x), y: place(y) },
          writes: { dx: place(dx) },
          body: (names) => `${thread(pool, pool.output)} ${startOf(pool, 'here')}
  let best = ${names.y}[i];
  var left = ${names.dy}[i];
  ${eachTap(pool, `let q = ${at(pool.input, pool.channels)}; let hit = ${names.x}[q] == best; ${names.dx}[q] = select(0.0, left, hit); left = select(left, 0.0, hit);`)}`,
        })
      const overlaps = axes.some(
        (axis) => pool.strides[axis] < (pool.kernel[axis] - 1) * pool.dilations[axis] + 1 && pool.output[axis] > 1,
      )
      return mapKernel({
        name: `max_pool_gradient${overlaps ? '_overlapping' : ''}`,
        count: elementsOf(dx),
        reads: { dy: place(dy), x: place(x), y: place(y) },
        writes: { dx: place(dx) },
        body: (names) => `${thread(pool, pool.input)}
  let mine = ${names.x}[i];
  var total = 0.0;
${eachWindow(
  pool,
  `let w = ${at(pool.output, pool.channels, 'o')};
      if (${names.y}[w] == mine) {
        var first = true; ${eachTap(pool, `let q = ${at(pool.input, pool.channels)}; if (q < i32(i) && ${names.x}[q] == mine) { first = false; }`)}
        if (first) { total += ${names.dy}[w]; }
      }`,
)}
  ${names.dx}[i] = total;`,
      })
    },
  },
  'lanewise.AveragePoolGradientNhwc': {
    accelerates: isPool,
    lower(node, { place }) {
      const dy = node.inputs[0]!
      const [dx] = node.outputs
      const pool = poolOf(node, shapeOf(dx), shapeOf(dy))
      return mapKernel({
        name: 'average_pool_gradient',
        count: elementsOf(dx),
        reads: { dy: place(dy) },
        writes: { dx: place(dx) },
        body: (names) => `${thread(pool, pool.input)}
  var total = 0.0;
${eachWindow(pool, `${divisor(pool)} total += ${names.dy}[${at(pool.output, pool.channels, 'o')}] / divisor;`)}
  ${names.dx}[i] = total;`,
      })
    },
  },
  MaxPool: maxPoolWithIndices,
  GlobalMaxPool: global('max'),
  GlobalAveragePool: global('average'),
} as const satisfies Record<string, Lowering>
