import type { ConstantOf, Node } from '../../../core/ir.js'
import { sizeOf } from '../../../core/shape.js'
import { Tensor } from '../../../core/tensor.js'
import { intAttribute } from '../../../ops/definition.js'
import { transformAxis, transformLength } from '../../../ops/signal.js'
import { f32Literal, mapKernel } from '../kernel.js'
import { coordinates } from '../wgsl/index.js'
import { elementsOf, isFloat32, type Lowering, shapeOf } from './lowering.js'

/** Longest transform: each number of it is a sum over the whole signal. */
const LONGEST = 4096

function transformOf({ inputs: [x, length, axisInput], outputs: [y], attributes }: Node, constant: ConstantOf) {
  const [from, to] = [shapeOf(x!), shapeOf(y)]
  const numberOf = (input: typeof length) => input && constant(input)?.toNumbers()[0]
  const given = axisInput ? numberOf(axisInput) : -2
  if (given === undefined) return undefined
  const axis = transformAxis(given, to.length)
  const oneSided = intAttribute(attributes, 'onesided') === 1
  const inverse = intAttribute(attributes, 'inverse') === 1
  const size = length ? numberOf(length) : transformLength(from[axis], oneSided && inverse)
  if (typeof size !== 'number') return undefined
  return { axis, size, inverse, mirrored: oneSided && inverse, from, to }
}

/** cos and sin of 2πn / size, n by n. */
function circle(size: number): Tensor {
  const angles = Array.from({ length: size }, (_, n) => (2 * Math.PI * n) / size)
  return new Tensor('float32', Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])), [
    size,
    2,
  ])
}

/** Transforms of signals and determinants. */
export const signalLowerings = {
  /** By definition: a thread for each number of the spectrum. */
  DFT: {
    accelerates(node, constant) {
      const { inputs, outputs } = node
      const floats = inputs[0]!.dtype === 'float32' && outputs[0].dtype === 'float32'
      const size = floats ? transformOf(node, constant)?.size : undefined
      return size !== undefined && size > 0 && size <= LONGEST && elementsOf(inputs[0]!) > 0
    },
    lower(node, { place, table, constant }) {
      const { axis, size, inverse, mirrored, from, to } = transformOf(node, constant)!
      const inner = sizeOf(to.slice(axis + 1, -1))
      const [partsIn, partsOut] = [from.at(-1)!, to.at(-1)!]
      const given = Math.min(from[axis], size)
      // Of a real signal's spectrum the upper half is the lower one's conjugate, backwards; its ends are real.
      const source = mirrored
        ? `let back = n > ${Math.floor(size / 2)}u; let at = select(n, ${size}u - n, back);
    if (at >= ${given}u) { continue; }`
        : `let at = n; if (at >= ${given}u) { break; }`
      return mapKernel({
        name: 'dft',
        count: sizeOf(to) / partsOut,
        reads: { x: place(node.inputs[0]!), circle: table(circle(size)) },
        writes: { y: place(node.outputs[0]) },
        body: ({ x, circle, y }) => `  ${coordinates('i', ['outer', 'k', 'c'], [0, to[axis], inner])}
  var total = vec2<f32>(0.0);
  for (var n = 0u; n < ${size}u; n++) {
    ${source}
    let e = ((outer * ${from[axis]}u + at) * ${inner}u + c) * ${partsIn}u;
    let re = ${x}[e];
    var im = ${partsIn === 1 ? '0.0' : `${x}[e + 1u]`};
    ${mirrored ? `im = select(im, -im, back); if (n == 0u || n * 2u == ${size}u) { im = 0.0; }` : ''}
    let turn = (k * n) % ${size}u * 2u;
    let co = ${circle}[turn];
    let si = ${inverse ? '' : '-'}${circle}[turn + 1u];
    total += vec2<f32>(re * co - im * si, re * si + im * co);
  }
  total *= ${f32Literal(inverse ? 1 / size : 1)};
  ${y}[i * ${partsOut}u] = total.x;${partsOut === 2 ? ` ${y}[i * 2u + 1u] = total.y;` : ''}`,
      })
    },
  },

  /** Gaussian elimination with the largest pivots, a thread for each matrix, in a copy of it. */
  Det: {
    accelerates: (node) => isFloat32(node) && elementsOf(node.inputs[0]!) > 0,
    workspace: ({ inputs: [x] }) => elementsOf(x!) * 4,
    lower({ inputs: [x], outputs: [y] }, { place, workspace }) {
      const size = shapeOf(x!).at(-1)!
      return mapKernel({
        name: 'determinant',
        count: elementsOf(y),
        reads: { x: place(x!) },
        writes: { y: place(y), a: workspace(0, elementsOf(x!) * 4, 'f32') },
        body: ({ x, y, a }) => `  let first = i * ${size * size}u;
  for (var k = 0u; k < ${size * size}u; k++) { ${a}[first + k] = ${x}[first + k]; }
  var result = 1.0;
  for (var column = 0u; column < ${size}u; column++) {
    var pivot = column;
    for (var row = column + 1u; row < ${size}u; row++) {
      if (abs(${a}[first + row * ${size}u + column]) > abs(${a}[first + pivot * ${size}u + column])) { pivot = row; }
    }
    let head = ${a}[first + pivot * ${size}u + column];
    result *= select(-head, head, pivot == column);
    if (head == 0.0) { break; }
    for (var j = column; j < ${size}u; j++) {
      let swapped = ${a}[first + pivot * ${size}u + j];
      ${a}[first + pivot * ${size}u + j] = ${a}[first + column * ${size}u + j];
      ${a}[first + column * ${size}u + j] = swapped;
    }
    for (var row = column + 1u; row < ${size}u; row++) {
      let factor = ${a}[first + row * ${size}u + column] / head;
      for (var j = column; j < ${size}u; j++) { ${a}[first + row * ${size}u + j] -= factor * ${a}[first + column * ${size}u + j]; }
    }
  }
  ${y}[i] = result;`,
      })
    },
  },
} as const satisfies Record<string, Lowering>
