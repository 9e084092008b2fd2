import type { Node } from '../../../core/ir.js'
import { floatAttribute, intAttribute } from '../../../ops/definition.js'
import { windowOf } from '../../../ops/window.js'
import { f32Literal, mapKernel, type Place } from '../kernel.js'
import type { Tuning } from '../tuning.js'
import { coordinates } from '../wgsl/index.js'
import { type GemmSizes, gemm, gemmWorkspace } from './gemm.js'
import { elementsOf, isFloat32, type Lowering, shapeOf } from './lowering.js'
import { elementIn, productOperands } from './matmul.js'

type Names = Readonly<Record<string, string>>

/** The samples of a DeformConv: its columns, and the product of them by the weights. */
function deformOf({ inputs, outputs: [y], attributes }: Node) {
  const [images, outputs, rows, columns] = shapeOf(y)
  const [, channels, height, width] = shapeOf(inputs[0]!)
  const [, groupChannels, kernelY, kernelX] = shapeOf(inputs[1]!)
  const group = intAttribute(attributes, 'group')
  const taps = kernelY * kernelX
  const places = rows * columns
  const product = {
    m: outputs / group,
    n: places,
    k: groupChannels * taps,
    batches: images * group,
  } satisfies GemmSizes
  return {
    ...{ images, outputs, rows, columns, channels, height, width, kernelY, kernelX, group, taps, places, product },
    offsetGroups: intAttribute(attributes, 'offset_group'),
    window: windowOf(attributes, [kernelY, kernelX], [height, width]),
    columnBytes: Math.ceil((images * channels * taps * places * 4) / 256) * 256,
  }
}

/** Pools of regions, and convolutions whose taps are moved. */
export const regionLowerings = {
  /** A thread for each number of the result; images out of range are clamped. */
  RoiAlign: {
    accelerates: ({ inputs: [x, rois, images], outputs: [y] }) =>
      [x, rois, y].every((value) => value!.dtype === 'float32') &&
      ['int32', 'int64'].includes(images!.dtype) &&
      elementsOf(x!) > 0,
    lower({ inputs: [x, rois, images], outputs: [y], attributes }, { place }) {
      const [, channels, rows, columns] = shapeOf(y)
      const [count, , height, width] = shapeOf(x!)
      const shift = attributes['coordinate_transformation_mode'] === 'half_pixel' ? 0.5 : 0
      const ratio = intAttribute(attributes, 'sampling_ratio')
      const maximum = attributes['mode'] === 'max'
      const grid = (bin: string) => (ratio > 0 ? `${ratio}` : `i32(ceil(${bin}))`)
      return mapKernel({
        name: `roi_align_${maximum ? 'max' : 'average'}`,
        count: elementsOf(y),
        reads: { x: place(x!), rois: place(rois!), images: place(images!) },
        writes: { y: place(y) },
        body: (names) => `  ${coordinates('i', ['roi', 'c', 'row', 'column'], [0, channels, rows, columns])}
  let from_edge = vec2<f32>(${names.rois}[roi * 4u], ${names.rois}[roi * 4u + 1u]) * ${f32Literal(floatAttribute(attributes, 'spatial_scale'))} - ${f32Literal(shift)};
  let to_edge = vec2<f32>(${names.rois}[roi * 4u + 2u], ${names.rois}[roi * 4u + 3u]) * ${f32Literal(floatAttribute(attributes, 'spatial_scale'))} - ${f32Literal(shift)};
  ${shift === 0 ? 'let size = max(to_edge - from_edge, vec2<f32>(1.0));' : 'let size = to_edge - from_edge;'}
  let bin = size / vec2<f32>(${columns}.0, ${rows}.0);
  let across = ${grid('bin.x')};
  let down = ${grid('bin.y')};
  let image = u32(clamp(${names.images}[roi], 0, ${count - 1}));
  let plane = (image * ${channels}u + c) * ${height * width}u;
  var total = 0.0;
  for (var iy = 0; iy < down; iy++) { for (var ix = 0; ix < across; ix++) {
    let p = from_edge + (vec2<f32>(f32(column), f32(row)) + (vec2<f32>(f32(ix), f32(iy)) + 0.5) / vec2<f32>(f32(across), f32(down))) * bin;
    var sample = 0.0;
    if (all(p >= vec2<f32>(-1.0)) && all(p <= vec2<f32>(${width}.0, ${height}.0))) {
      let q = clamp(p, vec2<f32>(0.0), vec2<f32>(${width - 1}.0, ${height - 1}.0));
      let low = vec2<u32>(q);
      let high = min(low + 1u, vec2<u32>(${width - 1}u, ${height - 1}u));
      let f = q - vec2<f32>(low);
      let parts = vec4<f32>((1.0 - f.y) * (1.0 - f.x), (1.0 - f.y) * f.x, f.y * (1.0 - f.x), f.y * f.x)
        * vec4<f32>(${names.x}[plane + low.y * ${width}u + low.x], ${names.x}[plane + low.y * ${width}u + high.x], ${names.x}[plane + high.y * ${width}u + low.x], ${names.x}[plane + high.y * ${width}u + high.x]);
      sample = ${maximum ? 'max(max(parts.x, parts.y), max(parts.z, parts.w))' : 'parts.x + parts.y + parts.z + parts.w'};
    }
    ${maximum ? 'total = select(max(total, sample), sample, ix == 0 && iy == 0);' : 'total += sample;'}
  } }
  ${names.y}[i] = total${maximum ? '' : ' / f32(max(1, across * down))'};`,
      })
    },
  },

  /** A thread for each number of the result. */
  MaxRoiPool: {
    accelerates: (node) => isFloat32(node) && elementsOf(node.inputs[0]!) > 0,
    lower({ inputs: [x, rois], outputs: [y], attributes }, { place }) {
      const [, channels, rows, columns] = shapeOf(y)
      const [count, , height, width] = shapeOf(x!)
      const scale = f32Literal(floatAttribute(attributes, 'spatial_scale'))
      const edge = (at: number, rois: string) => `i32(floor(${rois}[roi * 5u + ${at}u] * ${scale} + 0.5))`
      const bin = (index: string, bins: number, start: string, length: string, size: number) =>
        `clamp(vec2<i32>(${index} * ${length} / ${bins}, ((${index} + 1) * ${length} + ${bins - 1}) / ${bins}) + ${start}, vec2<i32>(0), vec2<i32>(${size}))`
      return mapKernel({
        name: 'max_roi_pool',
        count: elementsOf(y),
        reads: { x: place(x!), rois: place(rois!) },
        writes: { y: place(y) },
        body: (names) => `  ${coordinates('i', ['roi', 'c', 'row', 'column'], [0, channels, rows, columns])}
  let image = u32(clamp(i32(${names.rois}[roi * 5u]), 0, ${count - 1}));
  let left = ${edge(1, names.rois)}; let top = ${edge(2, names.rois)};
  let lines = max(${edge(4, names.rois)} - top + 1, 1);
  let places = max(${edge(3, names.rois)} - left + 1, 1);
  let down = ${bin('i32(row)', rows, 'top', 'lines', height)};
  let across = ${bin('i32(column)', columns, 'left', 'places', width)};
  let plane = i32((image * ${channels}u + c) * ${height * width}u);
  var best = 0.0;
  for (var iy = down.x; iy < down.y; iy++) { for (var ix = across.x; ix < across.y; ix++) {
    let v = ${names.x}[plane + iy * ${width} + ix];
    best = select(max(best, v), v, iy == down.x && ix == across.x);
  } }
  ${names.y}[i] = best;`,
      })
    },
  },

  /** Samples of all taps as columns, then a product of each group's weights by them. */
  DeformConv: {
    accelerates: (node) => isFloat32(node) && node.inputs[0]!.shape.length === 4 && elementsOf(node.inputs[0]!) > 0,
    workspace(node, _constant, tuning: Tuning) {
      const { columnBytes, product } = deformOf(node)
      return columnBytes + gemmWorkspace(product, tuning)
    },
    lower(node, context) {
      const { place, workspace } = context
      const d = deformOf(node)
      const [x, weight, offset, bias, mask] = node.inputs
      const { images, channels, height, width, kernelX, taps, places, product, group, offsetGroups } = d
      const { strides, dilations, padBegin } = d.window
      const columns = workspace(0, images * channels * taps * places * 4, 'f32')
      const reads: Record<string, Place> = {
        x: place(x!),
        offsets: place(offset!),
        ...(mask && { masks: place(mask) }),
      }
      return [
        ...mapKernel({
          name: 'deform_columns',
          count: images * channels * taps * places,
          reads,
          writes: { columns } as Record<string, Place>,
          body: (names: Names) => `  ${coordinates('i', ['n', 'c', 'tap', 'at'], [0, channels, taps, places])}
  let shared_at = (n * ${offsetGroups}u + c * ${offsetGroups}u / ${channels}u) * ${taps}u + tap;
  let iy = f32(i32(at / ${d.columns}u * ${strides[0]}u + tap / ${kernelX}u * ${dilations[0]}u) - ${padBegin[0]}) + ${names['offsets']}[2u * shared_at * ${places}u + at];
  let ix = f32(i32(at % ${d.columns}u * ${strides[1]}u + tap % ${kernelX}u * ${dilations[1]}u) - ${padBegin[1]}) + ${names['offsets']}[(2u * shared_at + 1u) * ${places}u + at];
  let low = vec2<f32>(floor(ix), floor(iy));
  let f = vec2<f32>(ix, iy) - low;
  var total = 0.0;
  for (var corner = 0; corner < 4; corner++) {
    let p = vec2<i32>(low) + vec2<i32>(corner & 1, corner >> 1u);
    if (all(p >= vec2<i32>(0)) && all(p < vec2<i32>(${width}, ${height}))) {
      let part = select(1.0 - f.x, f.x, (corner & 1) == 1) * select(1.0 - f.y, f.y, corner > 1);
      total += part * ${names['x']}[((n * ${channels}u + c) * ${height}u + u32(p.y)) * ${width}u + u32(p.x)];
    }
  }
  ${names['columns']}[i] = total${mask ? ` * ${names['masks']}[shared_at * ${places}u + at]` : ''};`,
        }),
        ...gemm(
          {
            name: 'deform_conv',
            reads: { a: place(weight!), b: columns },
            ...productOperands(
              {
                ...product,
                batch: [images, group],
                strides: [
                  [0, 1],
                  [group, 1],
                ],
                transA: false,
                transB: false,
              },
              (names) => elementIn(names['a']),
              (names) => elementIn(names['b']),
            ),
            y: place(node.outputs[0]),
            finish: {
              reads: bias ? { bias: place(bias) } : {},
              declarations: '',
              value: (names) => (bias ? `value + ${names['bias']}[batch % ${group}u * ${product.m}u + row]` : 'value'),
            },
          },
          { ...context, workspace: (at, bytes, type) => workspace(d.columnBytes + at, bytes, type) },
        ),
      ]
    },
  },
} as const satisfies Record<string, Lowering>
