import type { DType } from '../../../core/dtype.js'
import type { Node, Value } from '../../../core/ir.js'
import { formatOfDType } from '../../../core/minifloat.js'
import { stridesOf } from '../../../core/shape.js'
import { intAttribute } from '../../../ops/definition.js'
import { granularityOf, limits } from '../../../ops/granularity.js'
import { elementTypeOf } from '../elements.js'
import { f32Literal, kernel, mapKernel } from '../kernel.js'
import { encodingText } from './cast.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'

/** Integers whose every value, and difference of two, a float32 holds. */
const isNarrow = (dtype: DType): boolean => elementTypeOf(dtype) !== undefined && limits[dtype] !== undefined

/** WGSL for the index of the scale of element `i`. */
function scaleIndex(x: Value, scale: Value, node: Node): string {
  const shape = shapeOf(x)
  const granularity = granularityOf(shape, shapeOf(scale), node.attributes)
  if (granularity.kind === 'tensor') return '0u'
  const { axis } = granularity
  const [stride, size] = [stridesOf(shape)[axis], shape[axis]]
  if (granularity.kind === 'axis') return `i / ${stride}u % ${size}u`
  const blocks = shapeOf(scale)[axis]
  return `(i / ${stride * size}u * ${blocks}u + i / ${stride}u % ${size}u / ${granularity.block}u) * ${stride}u + i % ${stride}u`
}

const THREADS = 64

/** Linear quantization between float32 and integers of up to 16 bits or floats of 8 and 4, and back from int32. */
export const quantizeLowerings = {
  QuantizeLinear: {
    accelerates: ({ inputs: [x, scale], outputs: [y], attributes }) =>
      x!.dtype === 'float32' &&
      scale!.dtype === 'float32' &&
      [0, 1].includes(intAttribute(attributes, 'precision')) &&
      (isNarrow(y.dtype) || formatOfDType(y.dtype) !== undefined),
    lower(node, { place }) {
      const [x, scale, zero] = node.inputs
      const [y] = node.outputs
      const [low, high] = (limits[y.dtype] ?? [0, 0]).map(f32Literal)
      const isFloat = formatOfDType(y.dtype) !== undefined
      return mapKernel({
        name: `quantize_${y.dtype}`,
        declarations: isFloat ? encodingText(y.dtype, node.attributes) : '',
        count: elementsOf(y),
        reads: { x: place(x!), scale: place(scale!), ...(zero && { zero: place(zero) }) },
        writes: { y: place(y) },
        body: (names: Readonly<Record<string, string>>) => `  let at = ${scaleIndex(x!, scale!, node)};
  let zero_point = ${zero ? `${isFloat ? 'mini_value' : 'f32'}(${names['zero']}[at])` : '0.0'};
  let scaled = ${names['x']}[i] / ${names['scale']}[at];
  ${names['y']}[i] = ${isFloat ? 'mini_bits(scaled + zero_point)' : `${elementTypeOf(y.dtype)}(clamp(round(scaled) + zero_point, ${low}, ${high}))`};`,
      })
    },
  },
  DequantizeLinear: {
    accelerates: ({ inputs: [x, scale], outputs: [y] }) =>
      (isNarrow(x!.dtype) || x!.dtype === 'int32' || formatOfDType(x!.dtype) !== undefined) &&
      scale!.dtype === 'float32' &&
      y.dtype === 'float32',
    lower(node, { place }) {
      const [x, scale, zero] = node.inputs
      const [y] = node.outputs
      const isFloat = formatOfDType(x!.dtype) !== undefined
      const number = isFloat ? 'mini_value' : 'i32'
      return mapKernel({
        name: `dequantize_${x!.dtype}`,
        declarations: isFloat ? encodingText(x!.dtype) : '',
        count: elementsOf(y),
        reads: { x: place(x!), scale: place(scale!), ...(zero && { zero: place(zero) }) },
        writes: { y: place(y) },
        body: (names: Readonly<Record<string, string>>) => `  let at = ${scaleIndex(x!, scale!, node)};
  ${names['y']}[i] = f32(${number}(${names['x']}[i])${zero ? ` - ${number}(${names['zero']}[at])` : ''}) * ${names['scale']}[at];`,
      })
    },
  },
  DynamicQuantizeLinear: {
    accelerates: ({ inputs: [x] }) => elementsOf(x!) > 0,
    lower({ inputs: [x], outputs: [y, scale, zero] }, { place }) {
      const count = elementsOf(x!)
      return [
        ...kernel({
          name: 'dynamic_range',
          reads: { x: place(x!) },
          writes: { scale: place(scale), zero: place(zero) },
          workgroupSize: [THREADS, 1, 1],
          workgroups: [1, 1, 1],
          text: (names) => `var<workgroup> ranges: array<vec2<f32>, ${THREADS}>;
fn main(@builtin(local_invocation_index) local: u32) {
  var low = 0.0;
  var high = 0.0;
  for (var k = local; k < ${count}u; k += ${THREADS}u) { low = min(low, ${names.x}[k]); high = max(high, ${names.x}[k]); }
  ranges[local] = vec2<f32>(low, high);
  for (var half = ${THREADS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      let other = ranges[local + half];
      ranges[local] = vec2<f32>(min(ranges[local].x, other.x), max(ranges[local].y, other.y));
    }
  }
  if (local == 0u) {
    let step = (ranges[0].y - ranges[0].x) / 255.0;
    ${names.scale}[0] = step;
    ${names.zero}[0] = u32(clamp(round(-ranges[0].x / select(step, 1.0, step == 0.0)), 0.0, 255.0));
  }
}`,
        }),
        ...mapKernel({
          name: 'dynamic_quantize',
          count,
          reads: { x: place(x!), scale: place(scale), zero: place(zero) },
          writes: { y: place(y) },
          body: (names) => `  let step = ${names.scale}[0];
  ${names.y}[i] = u32(clamp(round(${names.x}[i] / select(step, 1.0, step == 0.0)) + f32(${names.zero}[0]), 0.0, 255.0));`,
        }),
      ]
    },
  },
} as const satisfies Record<string, Lowering>
