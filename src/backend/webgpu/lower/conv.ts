import type { Node, Value } from '../../../core/ir.js'
import { epilogueOf } from '../../activations.js'
import { type Place, vec4 } from '../kernel.js'
import type { DirectLoop, DirectOperands } from '../wgsl/direct.js'
import type { GemmOperand } from '../wgsl/gemm.js'
import { coordinates } from '../wgsl/index.js'
import { biasAndActivation, type Gemm, type GemmSizes, gemm, gemmWorkspace } from './gemm.js'
import { elementsOf, isFloat32, type Lowering, type LoweringContext, shapeOf } from './lowering.js'

import { elementIn, type ReadElement, type Wide, wideOperands } from './matmul.js'
import { type Geometry, geometryOf, isSpatial, vec3, volume } from './window.js'

/** A convolution of x [images, …, channels] with w […kernel, channels/group, outputs] to y [images, …, outputs]. */
export interface Convolution extends Geometry {
  readonly channels: number
  readonly outputs: number
}

export function convolutionOf(node: Node, x: Value, w: Value, y: Value): Convolution {
  const [input, weight] = [shapeOf(x), shapeOf(w)]
  return {
    ...geometryOf(node, input, shapeOf(y), weight.slice(0, -2)),
    channels: input[input.length - 1],
    outputs: weight[weight.length - 1],
  }
}

/** The image and the place of pixel `at`, as (offset of the image in x, z, y, x of the window's first tap). */
const windowStart = ({ input, output, channels, strides, padBegin }: Convolution, batchOffset: string): string =>
  `${coordinates('at', ['image', 'z', 'y', 'x'], [0, ...output])}
  let start = vec3<i32>(vec3<u32>(z, y, x)) * ${vec3(strides)} - ${vec3(padBegin)};
  return vec4<i32>(i32(image * ${volume(input) * channels}u + ${batchOffset}), start);`

/** Tap and channel `at` as (offsets along z, y, x; channel), of `size` channels. */
const tapOf = ({ kernel, dilations }: Convolution, size: number): string =>
  `${coordinates('at', ['z', 'y', 'x', 'c'], [...kernel, size])}
  return vec4<i32>(vec3<i32>(vec3<u32>(z, y, x)) * ${vec3(dilations)}, i32(c));`

/** The element of x under a tap of a window; `window` and `tap` are the parameters that hold them. */
const loadUnder = (
  { input, channels }: Convolution,
  x: ReadElement,
  window: string,
  tap: string,
  wide: boolean,
): string =>
  `let p = ${window}.yzw + ${tap}.xyz;
  if (any(p < vec3<i32>(0)) || any(p >= ${vec3(input)})) { return ${zero(wide)}; }
  return ${x(`${window}.x + ((p.x * ${input[1]} + p.y) * ${input[2]} + p.z) * ${channels} + ${tap}.w`, '')};`

/** WGSL for nothing: an element, or four. */
const zero = (wide: boolean): string => (wide ? 'vec4<S>(S(0))' : 'S(0)')

/** Weights as a matrix [taps x channels/group, outputs/group] of group `batch`. */
const weightOperand = (read: ReadElement, outputs: number, perGroup: number, wide: boolean): GemmOperand => ({
  contiguous: 'free',
  free: `return vec4<i32>(i32(batch * ${perGroup}u + at), 0, 0, 0);`,
  along: `return vec4<i32>(i32(at * ${outputs}u), 0, 0, 0);`,
  load: `return ${read('free.x + along.x', 'free.x')};`,
  wide,
})

/** A place outside of every line. */
const NOWHERE = -1000000

/** y = x * w: rows are pixels of y, columns outputs, k taps and channels. */
export const forwardSizes = (c: Convolution): GemmSizes => ({
  m: c.images * volume(c.output),
  n: c.outputs / c.group,
  k: volume(c.kernel) * (c.channels / c.group),
  batches: c.group,
  turns: c.kernel[0],
})

/** dx: rows are pixels of x, columns channels, k taps and outputs. */
const inputGradientSizes = (c: Convolution): GemmSizes => ({
  m: c.images * volume(c.input),
  n: c.channels / c.group,
  k: volume(c.kernel) * (c.outputs / c.group),
  batches: c.group,
  turns: c.kernel[0],
})

/** dw: rows are taps and channels, columns outputs, k pixels of y. */
const weightGradientSizes = (c: Convolution): GemmSizes => ({
  m: volume(c.kernel) * (c.channels / c.group),
  n: c.outputs / c.group,
  k: c.images * volume(c.output),
  batches: c.group,
  turns: c.images,
})

const axes = ['z', 'y', 'x'] as const
/** Loops over places along the axes; those of one turn, too, so that there is an outermost one. */
const loopsOver = (prefix: string, counts: readonly number[]): DirectLoop[] =>
  counts.map((count, axis) => ({ name: `${prefix}${axes[axis]}`, count }))

/** `row: i32` as (image, z, y, x) over `size`. */
const placeOf = (size: readonly number[]): string => coordinates('u32(row)', ['image', 'z', 'y', 'x'], [0, ...size])

const isPadded = ({ padBegin, padEnd }: Convolution, axis: number): boolean => padBegin[axis] > 0 || padEnd[axis] > 0

/** The direct form of `forwardSizes`: loops over taps; along x taps and channels are one stretch where nothing is between or outside. */
function forwardOperands(c: Convolution, x: ReadElement, w: ReadElement): DirectOperands {
  const { input, kernel, dilations, group } = c
  const [channels, outputs] = [c.channels / group, c.outputs / group]
  const stretch = group === 1 && dilations[2] === 1 && !isPadded(c, 2)
  const loops = loopsOver('k', stretch ? [kernel[0], kernel[1], 1] : kernel)
  const padded = [0, 1, 2].some((axis) => isPadded(c, axis))
  return {
    loops,
    steps: stretch ? kernel[2] * channels : channels,
    row: `${placeOf(c.output)}
  let start = vec3<i32>(vec3<u32>(z, y, x)) * ${vec3(c.strides)} - ${vec3(c.padBegin)};
  return vec4<i32>(i32(image) * ${volume(input) * c.channels} + batch * ${channels}, start);`,
    beginA: `let p = row.yzw + vec3<i32>(kz, ky, kx) * ${vec3(dilations)};
  ${padded ? `if (any(p < vec3<i32>(0)) || any(p >= ${vec3(input)})) { return vec2<i32>(0, 0); }` : ''}
  return vec2<i32>(row.x + ((p.x * ${input[1]} + p.y) * ${input[2]} + p.z) * ${c.channels}, 1);`,
    loadA: padded ? `select(S(0), ${x('begin.x + k', '')}, begin.y == 1)` : x('begin.x + k', ''),
    beginB: `((kz * ${kernel[1]} + ky) * ${kernel[2]} + kx) * ${channels * c.outputs} + batch * ${outputs}`,
    loadB: w(`begin + k * ${c.outputs} + column`, group === 1 ? 'column' : `(begin % ${c.outputs} + column)`),
  }
}

/** WGSL for the output channel of (batch, column). */
export const outputOf = ({ outputs, group }: Convolution): string => `(batch * ${outputs / group}u + column)`

/** The sizes and operands of a convolution whose elements `x` and `w` read; the line of a weight is its output channel. */
export function convolutionOperands(
  c: Convolution,
  readX: (names: Readonly<Record<string, string>>) => ReadElement,
  readW: (names: Readonly<Record<string, string>>) => ReadElement,
  wide: Wide = { a: false, b: false },
): GemmSizes & Pick<Gemm, 'a' | 'b' | 'direct' | 'at'> {
  const [channels, outputs] = [c.channels / c.group, c.outputs / c.group]
  return {
    ...forwardSizes(c),
    a: (names) => ({
      contiguous: 'k',
      free: windowStart(c, `batch * ${channels}u`),
      along: tapOf(c, channels),
      load: loadUnder(c, readX(names), 'free', 'along', wide.a),
      wide: wide.a,
    }),
    b: (names) => weightOperand(readW(names), c.outputs, outputs, wide.b),
    direct: (names) => forwardOperands(c, readX(names), readW(names)),
    at: `row * ${c.outputs}u + ${outputOf(c)}`,
  }
}

/** The direct form of `inputGradientSizes`: loops over taps around outputs. */
function inputGradientOperands(c: Convolution, dy: string, w: string): DirectOperands {
  const [channels, outputs] = [c.channels / c.group, c.outputs / c.group]
  const strided = c.strides.some((stride) => stride !== 1)
  return {
    loops: loopsOver('k', c.kernel),
    steps: outputs,
    row: `${placeOf(c.input)}
  return vec4<i32>(i32(image) * ${volume(c.output) * c.outputs} + batch * ${outputs}, vec3<i32>(vec3<u32>(z, y, x)) + ${vec3(c.padBegin)});`,
    beginA: `let q = row.yzw - vec3<i32>(kz, ky, kx) * ${vec3(c.dilations)};
  let p = ${strided ? `q / ${vec3(c.strides)}` : 'q'};
  if (any(q < vec3<i32>(0)) || any(p >= ${vec3(c.output)})${strided ? ` || any(p * ${vec3(c.strides)} != q)` : ''}) { return vec2<i32>(0, 0); }
  return vec2<i32>(row.x + ((p.x * ${c.output[1]} + p.y) * ${c.output[2]} + p.z) * ${c.outputs}, 1);`,
    loadA: `select(0.0, ${dy}[begin.x + k], begin.y == 1)`,
    beginB: `((kz * ${c.kernel[1]} + ky) * ${c.kernel[2]} + kx) * ${channels * c.outputs} + batch * ${outputs}`,
    loadB: `${w}[begin + column * ${c.outputs} + k]`,
  }
}

/** The direct form of `weightGradientSizes`: loops over images and lines of y around a line. */
function weightGradientOperands(c: Convolution, x: string, dy: string): DirectOperands {
  const { input, output } = c
  const [channels, outputs] = [c.channels / c.group, c.outputs / c.group]
  const padded = isPadded(c, 2)
  const lines = isPadded(c, 0) || isPadded(c, 1)
  const inside = padded ? ` && u32(begin.y + k * ${c.strides[2]}) < ${input[2]}u` : ''
  const element = `${x}[begin.x + k * ${c.strides[2] * c.channels}]`
  return {
    loops: [{ name: 'image', count: c.images }, ...loopsOver('o', output.slice(0, 2))],
    steps: output[2],
    row: `${coordinates('u32(row)', ['z', 'y', 'x', 'channel'], [...c.kernel, channels])}
  return vec4<i32>(vec3<i32>(vec3<u32>(z, y, x)) * ${vec3(c.dilations)} - ${vec3(c.padBegin)}, i32(channel) + batch * ${channels});`,
    beginA: `let p = row.xyz + vec3<i32>(oz, oy, 0) * ${vec3(c.strides)};
  ${lines ? `if (p.x < 0 || p.y < 0 || p.x >= ${input[0]} || p.y >= ${input[1]}) { return vec2<i32>(0, ${NOWHERE}); }` : ''}
  return vec2<i32>((((image * ${input[0]} + p.x) * ${input[1]} + p.y) * ${input[2]} + p.z) * ${c.channels} + row.w, p.z);`,
    loadA: padded || lines ? `select(0.0, ${element}, begin.y != ${NOWHERE}${inside})` : element,
    beginB: `((image * ${output[0]} + oz) * ${output[1]} + oy) * ${output[2] * c.outputs} + batch * ${outputs}`,
    loadB: `${dy}[begin + k * ${c.outputs} + column]`,
  }
}

const wideOf = ({ tuning, place }: LoweringContext, a: Value, b: Value, a4: boolean, b4: boolean): Wide =>
  wideOperands(tuning, place(a), place(b), a4, b4)

/** The two operands of a product, as vec4s where they are read by four. */
function operandsOf<P extends Readonly<Record<string, Place>>>(places: P, wide: Wide): P {
  const forms = [wide.a, wide.b]
  return Object.fromEntries(
    Object.entries(places).map(([name, place], side) => [name, forms[side] ? vec4(place) : place]),
  ) as P
}

const isConvolution = (node: Node): boolean =>
  isFloat32(node) && isSpatial(node.outputs[0].shape) && node.inputs.every((input) => !input || elementsOf(input) > 0)

const forwardOf = ({ inputs: [x, w], outputs: [y], ...node }: Node): Convolution =>
  convolutionOf({ inputs: [x, w], outputs: [y], ...node }, x!, w!, y)
const inputGradientOf = (node: Node): Convolution =>
  convolutionOf(node, node.outputs[0], node.inputs[1]!, node.inputs[0]!)
const weightGradientOf = (node: Node): Convolution =>
  convolutionOf(node, node.inputs[0]!, node.outputs[0], node.inputs[1]!)

/** Channels-last convolutions of one to three spatial axes and their gradients, as implicit matrix products. */
export const convLowerings = {
  'lanewise.ConvNhwc': {
    accelerates: isConvolution,
    workspace: (node, _constant, tuning) => gemmWorkspace(forwardSizes(forwardOf(node)), tuning),
    lower(node, context) {
      const c = forwardOf(node)
      const [x, w, bias] = node.inputs
      const quarter = (size: number) => (size / c.group) % 4 === 0
      const wide = wideOf(context, x!, w!, quarter(c.channels), quarter(c.outputs))
      return gemm(
        {
          name: 'conv',
          reads: operandsOf({ x: context.place(x!), w: context.place(w!) }, wide),
          ...convolutionOperands(
            c,
            (names) => elementIn(names['x'], wide.a),
            (names) => elementIn(names['w'], wide.b),
            wide,
          ),
          y: context.place(node.outputs[0]),
          finish: biasAndActivation(bias && context.place(bias), outputOf(c), epilogueOf(node)),
        },
        context,
      )
    },
  },

  'lanewise.ConvInputGradientNhwc': {
    accelerates: (node) => isConvolution(node) && elementsOf(node.outputs[0]) > 0,
    workspace: (node, _constant, tuning) => gemmWorkspace(inputGradientSizes(inputGradientOf(node)), tuning),
    lower(node, context) {
      const c = inputGradientOf(node)
      const [dy, w, bias] = node.inputs
      const [channels, outputs] = [c.channels / c.group, c.outputs / c.group]
      const strided = c.strides.some((stride) => stride !== 1)
      const wide = wideOf(context, dy!, w!, outputs % 4 === 0, outputs % 4 === 0)
      return gemm(
        {
          name: 'conv_input_gradient',
          ...inputGradientSizes(c),
          reads: operandsOf({ dy: context.place(dy!), w: context.place(w!) }, wide),
          a: (names) => ({
            contiguous: 'k',
            free: `${coordinates('at', ['image', 'z', 'y', 'x'], [0, ...c.input])}
  return vec4<i32>(i32(image * ${volume(c.output) * c.outputs}u + batch * ${outputs}u), vec3<i32>(vec3<u32>(z, y, x)) + ${vec3(c.padBegin)});`,
            along: tapOf(c, outputs),
            load: `let q = free.yzw - along.xyz;
  let p = ${strided ? `q / ${vec3(c.strides)}` : 'q'};
  if (any(q < vec3<i32>(0)) || any(p >= ${vec3(c.output)})${strided ? ` || any(p * ${vec3(c.strides)} != q)` : ''}) { return ${zero(wide.a)}; }
  return ${elementIn(names['dy'], wide.a)(`free.x + ((p.x * ${c.output[1]} + p.y) * ${c.output[2]} + p.z) * ${c.outputs} + along.w`, '')};`,
            wide: wide.a,
          }),
          b: (names) => ({
            contiguous: 'k',
            free: `return vec4<i32>(i32(at * ${c.outputs}u + batch * ${outputs}u), 0, 0, 0);`,
            along: `return vec4<i32>(i32(at / ${outputs}u * ${channels * c.outputs}u + at % ${outputs}u), 0, 0, 0);`,
            load: `return ${elementIn(names['w'], wide.b)('free.x + along.x', '')};`,
            wide: wide.b,
          }),
          direct: ({ dy, w }) => inputGradientOperands(c, dy, w),
          y: context.place(node.outputs[0]),
          at: `row * ${c.channels}u + batch * ${channels}u + column`,
          finish: biasAndActivation(bias && context.place(bias), `batch * ${channels}u + column`, epilogueOf(node)),
        },
        context,
      )
    },
  },

  'lanewise.ConvWeightGradientNhwc': {
    accelerates: isConvolution,
    workspace: (node, _constant, tuning) => gemmWorkspace(weightGradientSizes(weightGradientOf(node)), tuning),
    lower(node, context) {
      const c = weightGradientOf(node)
      const [x, dy] = node.inputs
      const [channels, outputs] = [c.channels / c.group, c.outputs / c.group]
      const wide = wideOf(context, x!, dy!, channels >= 16 && channels % 4 === 0, outputs % 4 === 0)
      return gemm(
        {
          name: 'conv_weight_gradient',
          ...weightGradientSizes(c),
          reads: operandsOf({ x: context.place(x!), dy: context.place(dy!) }, wide),
          a: (names) => ({
            contiguous: channels >= 16 ? 'free' : 'k',
            free: tapOf(c, channels),
            along: windowStart(c, `batch * ${channels}u`),
            load: loadUnder(c, elementIn(names['x'], wide.a), 'along', 'free', wide.a),
            wide: wide.a,
          }),
          b: (names) => weightOperand(elementIn(names['dy'], wide.b), c.outputs, outputs, wide.b),
          direct: ({ x, dy }) => weightGradientOperands(c, x, dy),
          y: context.place(node.outputs[0]),
          at: `row * ${c.outputs}u + batch * ${outputs}u + column`,
        },
        context,
      )
    },
  },
} as const satisfies Record<string, Lowering>
