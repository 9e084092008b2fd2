import type { Node } from '../../../core/ir.js'
import { normalizeAxis, sizeOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { elementTypeOf } from '../elements.js'
import { mapKernel, seenAs } from '../kernel.js'
import { isWord } from './binary.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'

/** [outer, length, inner] around an axis. */
function linesOf(shape: readonly number[], axis: number) {
  const at = normalizeAxis(axis, shape.length)
  const inner = sizeOf(shape.slice(at + 1))
  return { length: shape[at] ?? 1, inner, lines: sizeOf(shape.slice(0, at)) * inner }
}

/** Running totals from `identity` on, joined by `operator`; one thread a line. */
const cumulative = (name: string, identity: 0 | 1, operator: '+' | '*'): Lowering => ({
  accelerates: ({ inputs: [x, axis] }, constant) => isWord(x!.dtype) && constant(axis!) !== undefined,
  lower({ inputs: [x, axisInput], outputs: [y], attributes }, { place, constant }) {
    const { length, inner, lines } = linesOf(shapeOf(x!), constant(axisInput!)!.toNumbers()[0])
    const [exclusive, reverse] = ['exclusive', 'reverse'].map((option) => intAttribute(attributes, option) === 1)
    const type = elementTypeOf(x!.dtype)!
    return mapKernel({
      name,
      count: length === 0 ? 0 : lines,
      reads: { x: place(x!) },
      writes: { y: place(y) },
      body: (names) => `  let first = i / ${inner}u * ${length * inner}u + i % ${inner}u;
  var total = ${type}(${identity});
  for (var k = 0u; k < ${length}u; k++) {
    let at = first + ${reverse ? `(${length - 1}u - k)` : 'k'} * ${inner}u;
    let next = total ${operator} ${names.x}[at];
    ${names.y}[at] = ${exclusive ? 'total' : 'next'};
    total = next;
  }`,
    })
  },
})

const isTopK = ({ inputs: [x], outputs }: Node): boolean => isWord(x!.dtype) && elementsOf(outputs[0]) > 0

/** Triangles, running totals, and the greatest or least elements of lines. */
export const selectionLowerings = {
  Trilu: {
    lower({ inputs: [x, k], outputs: [y], attributes }, { place }) {
      const shape = shapeOf(x!)
      const [rows, columns] = shape.slice(-2)
      const upper = intAttribute(attributes, 'upper') === 1
      return mapKernel({
        name: 'trilu',
        count: sizeOf(shape),
        reads: { x: seenAs(place(x!), 'u32'), ...(k && { k: place(k) }) },
        writes: { y: seenAs(place(y), 'u32') },
        body: (names: Readonly<Record<string, string>>) =>
          `  let offset = i32(i % ${columns}u) - i32(i / ${columns}u % ${rows}u);
  ${names['y']}[i] = select(0u, ${names['x']}[i], offset ${upper ? '>=' : '<='} ${k ? `${names['k']}[0]` : '0'});`,
      })
    },
  },
  CumSum: cumulative('cum_sum', 0, '+'),
  CumProd: cumulative('cum_prod', 1, '*'),

  /** Each place of a line looks for what follows the place before it; of equals the first comes first. */
  TopK: {
    accelerates: isTopK,
    lower({ inputs: [x], outputs: [values, indices], attributes }, { place }) {
      const axis = intAttribute(attributes, 'axis')
      const { length, inner, lines } = linesOf(shapeOf(x!), axis)
      const kept = linesOf(shapeOf(values), axis).length
      const better = intAttribute(attributes, 'largest') === 1 ? '>' : '<'
      return mapKernel({
        name: 'top_k',
        count: lines,
        reads: { x: place(x!) },
        writes: { values: place(values), ...(indices && { indices: place(indices) }) },
        body: (names: Readonly<Record<string, string>>) =>
          `  let first = i / ${inner}u * ${length * inner}u + i % ${inner}u;
  let to = i / ${inner}u * ${kept * inner}u + i % ${inner}u;
  var last = ${names['x']}[first];
  var last_at = -1;
  for (var n = 0u; n < ${kept}u; n++) {
    var best = last;
    var at = -1;
    for (var k = 0; k < ${length}; k++) {
      let v = ${names['x']}[first + u32(k) * ${inner}u];
      let follows = n == 0u || last ${better} v || (last == v && k > last_at);
      if (follows && (at < 0 || v ${better} best)) { best = v; at = k; }
    }
    ${names['values']}[to + n * ${inner}u] = best;
    ${indices ? `${names['indices']}[to + n * ${inner}u] = at;` : ''}
    last = best; last_at = at;
  }`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
