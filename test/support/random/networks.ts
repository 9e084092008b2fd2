import { isFloat } from '../../../src/core/dtype.js'
import { sizeOf } from '../../../src/core/shape.js'
import { Tensor } from '../../../src/core/tensor.js'
import type { RowAttribute } from '../rows.js'
import type { Draft, NodeDraft } from './draft.js'
import type { Drawing, Drawings, numbers } from './elementwise.js'
import { ranked } from './movement.js'

type Attributes = Record<string, RowAttribute>

const few = ['float32', 'float32', 'float32', 'float64', 'float16'] as const

const reduce =
  (op: string, types: readonly (typeof numbers)[number][], inputSince = 18): Drawing =>
  (draft) => {
    // Onnxruntime stops at the largest integer, where NumPy and lanewise go round.
    const small = (tensor: Tensor) =>
      isFloat(tensor.type) || tensor.toNumbers().every((element) => Math.abs(element) < 4)
    const x = draft.operand({
      types,
      fits: small,
      low: op.includes('Log') && !op.includes('Exp') ? 0.1 : undefined,
      high: 3,
    })
    const { dims } = draft.tensorOf(x)
    // Onnxruntime leaves outputs of empty reductions in other shapes than the specification says.
    if (dims.includes(0)) return undefined
    const axes = draft.axes(dims.length, 1)
    const legal = draft.opset < 11 ? axes.map((axis) => (axis + dims.length) % dims.length) : axes
    const keep: Attributes = draft.chance(0.6) ? { keepdims: { i: draft.between(0, 1) } } : {}
    if (draft.chance(0.25) || axes.length === 0) {
      const noop: Attributes =
        draft.opset >= inputSince && draft.chance(0.5) ? { noop_with_empty_axes: { i: draft.between(0, 1) } } : {}
      const empty = draft.opset >= inputSince && draft.chance(0.3) ? [draft.ints([])] : []
      return { op, inputs: [x, ...empty], attributes: { ...keep, ...noop } }
    }
    if (draft.opset < inputSince) return { op, inputs: [x], attributes: { ...keep, axes: { ints: legal } } }
    return { op, inputs: [x, draft.ints(legal)], attributes: keep }
  }

const arg =
  (op: string): Drawing =>
  (draft) => {
    const x = ranked(draft, ['float32', 'int32', 'float64', 'uint8', 'int8', 'int64', 'float16'])
    const dims = draft.dimsOf(x)
    if (dims.includes(0)) return undefined
    return {
      op,
      inputs: [x],
      attributes: {
        ...(draft.chance(0.8)
          ? { axis: { i: draft.opset < 11 ? draft.between(0, dims.length - 1) : draft.axis(dims.length) } }
          : {}),
        ...(draft.chance(0.6) ? { keepdims: { i: draft.between(0, 1) } } : {}),
        ...(draft.opset >= 12 && draft.chance(0.4) ? { select_last_index: { i: draft.between(0, 1) } } : {}),
      },
    }
  }

const soft =
  (op: string): Drawing =>
  (draft) => {
    const x = ranked(draft, few)
    const rank = draft.dimsOf(x).length
    return {
      op,
      inputs: [x],
      attributes: draft.chance(0.7)
        ? { axis: { i: draft.opset < 11 ? draft.between(0, rank - 1) : draft.axis(rank) } }
        : rank < 2 && draft.opset < 13
          ? { axis: { i: 0 } }
          : {},
    }
  }

interface Window {
  readonly spatial: number[]
  readonly kernel: number[]
  readonly attributes: Attributes
}

/** Spatial sizes, a kernel that fits them, and attributes. */
function window(
  draft: Draft,
  rank: number,
  options: { dilations?: boolean; ceil?: boolean; kernelGiven?: boolean } = {},
): Window {
  const kernel = Array.from({ length: rank }, () => draft.pick([1, 2, 3, 3, 3, 4, 5]))
  const dilated = options.dilations && draft.chance(0.25)
  const dilations = kernel.map(() => (dilated ? draft.between(1, 3) : 1))
  const strides = draft.chance(0.5) ? kernel.map(() => draft.between(1, 3)) : undefined
  const auto = draft.chance(0.25) && !dilated ? draft.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET']) : undefined
  const padded = draft.chance(0.5) && (auto === undefined || auto === 'NOTSET')
  const pads = padded ? [...kernel, ...kernel].map((size) => draft.between(0, size - 1)) : undefined
  const spatial = kernel.map((size, axis) => (size - 1) * dilations[axis] + 1 + draft.pick([0, 0, 1, 2, 3, 4, 5, 7]))
  const shrunk =
    padded && draft.chance(0.3)
      ? spatial.map((size, axis) => Math.max(1, size - Math.min(pads![axis] + pads![axis + rank], size - 1)))
      : spatial
  return {
    spatial: shrunk,
    kernel,
    attributes: {
      ...(options.kernelGiven === false ? {} : { kernel_shape: { ints: kernel } }),
      ...(strides ? { strides: { ints: strides } } : {}),
      ...(pads ? { pads: { ints: pads } } : {}),
      ...(dilated ? { dilations: { ints: dilations } } : {}),
      ...(auto ? { auto_pad: { s: auto } } : {}),
      ...(options.ceil && draft.chance(0.4) ? { ceil_mode: { i: draft.between(0, 1) } } : {}),
    },
  }
}

const spatialRank = (draft: Draft) => draft.pick([1, 2, 2, 2, 2, 3])

const channelCount = (draft: Draft) => draft.pick([1, 1, 2, 3, 4, 4, 5, 8, 16, 17])

function conv(draft: Draft): NodeDraft {
  const rank = spatialRank(draft)
  const { spatial, kernel, attributes } = window(draft, rank, { dilations: true, kernelGiven: draft.chance(0.7) })
  const group = draft.pick([1, 1, 1, 1, 2, 3, 4])
  const depthwise = draft.chance(0.2)
  const perGroup = depthwise ? 1 : channelCount(draft)
  const groups = depthwise ? channelCount(draft) : group
  const out = groups * draft.pick([1, 1, 2, 3, 4])
  const x = draft.operand({ types: few, dims: [draft.pick([1, 1, 2, 3]), perGroup * groups, ...spatial] })
  const type = draft.tensorOf(x).type
  const w = draft.operand({
    types: [type],
    dims: [out, perGroup, ...kernel],
    held: draft.chance(0.8),
    low: -1,
    high: 1,
  })
  const bias = draft.chance(0.5) ? [draft.operand({ types: [type], dims: [out] })] : []
  return {
    op: 'Conv',
    inputs: [x, w, ...bias],
    attributes: { ...attributes, ...(groups > 1 || draft.chance(0.3) ? { group: { i: groups } } : {}) },
  }
}

function convTranspose(draft: Draft): NodeDraft {
  const rank = spatialRank(draft)
  const kernel = Array.from({ length: rank }, () => draft.pick([1, 2, 3, 3, 4]))
  const strides = draft.chance(0.6) ? kernel.map(() => draft.between(1, 3)) : kernel.map(() => 1)
  const dilations = draft.chance(0.2) ? kernel.map(() => draft.between(1, 2)) : undefined
  const group = draft.pick([1, 1, 1, 2, 3])
  const channels = group * draft.pick([1, 2, 3, 4])
  const out = draft.pick([1, 2, 3, 4])
  const x = draft.operand({
    types: few,
    dims: [draft.pick([1, 2]), channels, ...kernel.map(() => draft.between(1, 5))],
  })
  const type = draft.tensorOf(x).type
  const w = draft.operand({
    types: [type],
    dims: [channels, out, ...kernel],
    held: draft.chance(0.8),
    low: -1,
    high: 1,
  })
  const bias = draft.chance(0.5) ? [draft.operand({ types: [type], dims: [out * group] })] : []
  const attributes: Attributes = {
    strides: { ints: strides },
    ...(dilations ? { dilations: { ints: dilations } } : {}),
    ...(group > 1 ? { group: { i: group } } : {}),
    ...(draft.chance(0.6) ? { kernel_shape: { ints: kernel } } : {}),
  }
  const extra = strides.map((stride, axis) => draft.between(0, Math.max(stride, dilations?.[axis] ?? 1) - 1))
  const kind = draft.pick(['none', 'pads', 'pads', 'auto', 'shape'])
  if (kind === 'pads') {
    attributes.pads = { ints: [...kernel, ...kernel].map((size) => draft.between(0, Math.floor((size - 1) / 2))) }
    if (draft.chance(0.5)) attributes.output_padding = { ints: extra }
  }
  if (kind === 'auto' && kernel.every((size, axis) => size >= strides[axis]))
    attributes.auto_pad = { s: draft.pick(['SAME_UPPER', 'SAME_LOWER', 'VALID']) }
  if (kind === 'shape') {
    const sizes = draft.dimsOf(x).slice(2)
    attributes.output_shape = {
      ints: sizes.map((size, axis) =>
        Math.max(
          1,
          (size - 1) * strides[axis] +
            (kernel[axis] - 1) * (dilations?.[axis] ?? 1) +
            1 -
            draft.between(0, kernel[axis] - 1),
        ),
      ),
    }
    if (draft.chance(0.4)) attributes.auto_pad = { s: draft.pick(['SAME_UPPER', 'SAME_LOWER']) }
  }
  return { op: 'ConvTranspose', inputs: [x, w, ...bias], attributes }
}

const pool =
  (op: string): Drawing =>
  (draft) => {
    const rank = spatialRank(draft)
    const isMax = op === 'MaxPool'
    const { spatial, attributes } = window(draft, rank, {
      dilations: isMax ? draft.opset >= 10 : op === 'LpPool' ? draft.opset >= 18 : draft.opset >= 19,
      ceil: op === 'LpPool' ? draft.opset >= 18 : draft.opset >= 10,
    })
    const x = draft.operand({
      types: isMax && draft.opset >= 12 ? [...few, 'int8', 'uint8'] : few,
      dims: [draft.pick([1, 2]), channelCount(draft), ...spatial],
    })
    if (op === 'AveragePool' && draft.chance(0.4)) attributes.count_include_pad = { i: draft.between(0, 1) }
    if (op === 'LpPool' && draft.chance(0.6)) attributes.p = { i: draft.between(1, 3) }
    const indices = isMax && draft.opset >= 8 && draft.chance(0.25)
    if (indices && draft.chance(0.4)) attributes.storage_order = { i: draft.between(0, 1) }
    return { op, inputs: [x], attributes, outputs: indices ? 2 : 1 }
  }

const plane = (draft: Draft, types: readonly (typeof numbers)[number][] = few) => ranked(draft, types, 3, 5)

const vector = (draft: Draft, type: (typeof numbers)[number], length: number, low = -1, high = 1) =>
  draft.operand({ types: [type], dims: [length], held: draft.chance(0.85), low, high, fresh: low >= 0 })

function recurrent(op: 'RNN' | 'GRU' | 'LSTM'): Drawing {
  return (draft) => {
    const gates = { RNN: 1, GRU: 3, LSTM: 4 }[op]
    const direction = draft.pick(['forward', 'reverse', 'bidirectional'])
    const directions = direction === 'bidirectional' ? 2 : 1
    const layout = draft.opset >= 14 && draft.chance(0.2) ? 1 : 0
    const [time, batch, size, hidden] = [
      draft.between(1, 5),
      draft.between(1, 4),
      draft.between(1, 6),
      draft.pick([1, 2, 3, 4, 8]),
    ]
    const type = draft.pick(['float32', 'float32', 'float32', 'float64'] as const)
    const state = layout ? [batch, directions, hidden] : [directions, batch, hidden]
    const weight = (dims: number[]) => draft.operand({ types: [type], dims, low: -1, high: 1, held: draft.chance(0.8) })
    const optional = (probability: number, make: () => string) => (draft.chance(probability) ? make() : '')
    const inputs = [
      draft.operand({ types: [type], dims: layout ? [batch, time, size] : [time, batch, size] }),
      weight([directions, gates * hidden, size]),
      weight([directions, gates * hidden, hidden]),
      optional(0.7, () => weight([directions, 2 * gates * hidden])),
      optional(0.3, () =>
        draft.ints(
          Array.from({ length: batch }, () => draft.between(1, time)),
          'int32',
        ),
      ),
      optional(0.4, () => weight(state)),
      ...(op === 'LSTM'
        ? [optional(0.4, () => weight(state)), optional(0.3, () => weight([directions, 3 * hidden]))]
        : []),
    ]
    while (inputs.at(-1) === '') inputs.pop()
    const names = { RNN: ['Tanh'], GRU: ['Sigmoid', 'Tanh'], LSTM: ['Sigmoid', 'Tanh', 'Tanh'] }[op]
    const attributes: Attributes = { hidden_size: { i: hidden }, direction: { s: direction } }
    if (layout) attributes.layout = { i: 1 }
    if (draft.chance(0.25)) attributes.clip = { f: draft.pick([0.5, 1, 3]) }
    if (op === 'GRU' && draft.chance(0.5)) attributes.linear_before_reset = { i: draft.between(0, 1) }
    if (op === 'LSTM' && draft.chance(0.15)) attributes.input_forget = { i: 1 }
    if (draft.chance(0.25))
      attributes.activations = {
        strings: Array.from({ length: directions }, () =>
          names.map(() => draft.pick(['Tanh', 'Sigmoid', 'Relu', 'Softsign'])),
        ).flat(),
      }
    return { op, inputs, attributes, outputs: draft.between(1, op === 'LSTM' ? 3 : 2) }
  }
}

function resize(draft: Draft): NodeDraft | undefined {
  if (draft.opset < 10) return undefined
  const rank = draft.pick([1, 2, 2, 2, 3])
  const dims = [draft.pick([1, 2]), draft.pick([1, 2, 3]), ...Array.from({ length: rank }, () => draft.between(1, 7))]
  const x = draft.operand({
    types: draft.opset >= 11 ? ['float32', 'float32', 'float64', 'uint8', 'int32', 'int8'] : ['float32'],
    dims,
  })
  const whole = draft.opset >= 11 && !draft.tensorOf(x).type.startsWith('float')
  const mode = whole
    ? 'nearest'
    : draft.pick(draft.opset < 11 || rank !== 2 ? ['nearest', 'linear'] : ['nearest', 'linear', 'cubic'])
  const scale = () => draft.pick([0.4, 0.5, 0.75, 1, 1.3, 2, 2.5, 3])
  const spatial = dims.slice(2)
  if (draft.opset < 11)
    return {
      op: 'Resize',
      inputs: [x, draft.hold(new Tensor('float32', [1, 1, ...spatial.map(scale)]))],
      attributes: { mode: { s: mode } },
    }
  const attributes: Attributes = { mode: { s: mode } }
  const coordinate = draft.pick([
    'half_pixel',
    'half_pixel',
    'asymmetric',
    'align_corners',
    'pytorch_half_pixel',
    ...(draft.opset >= 19 ? ['half_pixel_symmetric'] : []),
    ...(draft.opset < 13 && mode !== 'nearest' ? [] : []),
    'tf_crop_and_resize',
  ])
  if (draft.chance(0.8)) attributes.coordinate_transformation_mode = { s: coordinate }
  const cropped = attributes.coordinate_transformation_mode && coordinate === 'tf_crop_and_resize'
  if (mode === 'nearest' && draft.chance(0.7))
    attributes.nearest_mode = { s: draft.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']) }
  if (mode === 'cubic' && draft.chance(0.5)) attributes.cubic_coeff_a = { f: draft.pick([-0.5, -0.75]) }
  if (mode === 'cubic' && draft.chance(0.3)) attributes.exclude_outside = { i: 1 }
  if (draft.opset >= 18 && mode !== 'nearest' && draft.chance(0.3) && !cropped) attributes.antialias = { i: 1 }
  const partial = draft.opset >= 18 && draft.chance(0.4) && !cropped
  const axes = partial ? [2, 3, 4].slice(0, rank) : dims.map((_, axis) => axis)
  if (partial) attributes.axes = { ints: axes }
  if (cropped && draft.chance(0.5)) attributes.extrapolation_value = { f: 1.5 }
  const roi = cropped
    ? draft.hold(
        new Tensor('float32', [
          ...dims.map((_, axis) => (axis < 2 ? 0 : draft.random.uniform(0, 0.4))),
          ...dims.map((_, axis) => (axis < 2 ? 1 : draft.random.uniform(0.6, 1.2))),
        ]),
      )
    : draft.opset >= 13
      ? ''
      : draft.hold(new Tensor('float32', [], [0]))
  const exact = coordinate === 'align_corners' || cropped || mode === 'nearest'
  const bySizes = exact || draft.chance(0.5)
  if (!bySizes)
    return {
      op: 'Resize',
      inputs: [
        x,
        roi,
        draft.hold(
          new Tensor(
            'float32',
            axes.map((axis) => (axis < 2 ? 1 : scale())),
          ),
        ),
      ],
      attributes,
    }
  const policy =
    draft.opset >= 18 && draft.chance(0.3) && partial ? draft.pick(['not_larger', 'not_smaller', 'stretch']) : undefined
  if (policy) attributes.keep_aspect_ratio_policy = { s: policy }
  const sizes = axes.map((axis) => (axis < 2 ? dims[axis] : draft.between(1, 10)))
  return {
    op: 'Resize',
    inputs: [
      x,
      roi,
      draft.opset >= 13 ? '' : draft.hold(new Tensor('float32', [], [0])),
      draft.hold(new Tensor('int64', sizes)),
    ],
    attributes,
  }
}

const einsums: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  [
    'ij,jk->ik',
    [
      ['i', 'j'],
      ['j', 'k'],
    ],
  ],
  [
    'bij,bjk->bik',
    [
      ['b', 'i', 'j'],
      ['b', 'j', 'k'],
    ],
  ],
  ['ij->ji', [['i', 'j']]],
  ['ii->i', [['i', 'i']]],
  ['ij->', [['i', 'j']]],
  [
    'bhid,bhjd->bhij',
    [
      ['b', 'h', 'i', 'd'],
      ['b', 'h', 'j', 'd'],
    ],
  ],
  ['i,j->ij', [['i'], ['j']]],
  [
    'ij,ij->i',
    [
      ['i', 'j'],
      ['i', 'j'],
    ],
  ],
  [
    'ijk,ilm,njm->n',
    [
      ['i', 'j', 'k'],
      ['i', 'l', 'm'],
      ['n', 'j', 'm'],
    ],
  ],
  [
    '...ij,...jk->...ik',
    [
      ['i', 'j'],
      ['j', 'k'],
    ],
  ],
]

export const networks: Drawings = {
  ReduceSum: (draft) => reduce('ReduceSum', ['float32', 'float64', 'int32', 'int64'], 13)(draft),
  ReduceMean: reduce('ReduceMean', ['float32', 'float64', 'int32']),
  ReduceMax: reduce('ReduceMax', ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8']),
  ReduceMin: reduce('ReduceMin', ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8']),
  ReduceProd: reduce('ReduceProd', ['float32', 'float64', 'int32', 'int64']),
  ReduceL1: reduce('ReduceL1', ['float32', 'int32']),
  ReduceL2: reduce('ReduceL2', ['float32', 'int32']),
  ReduceLogSum: reduce('ReduceLogSum', ['float32']),
  ReduceLogSumExp: reduce('ReduceLogSumExp', ['float32', 'float64']),
  ReduceSumSquare: reduce('ReduceSumSquare', ['float32', 'float64', 'int32']),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Softmax: soft('Softmax'),
  LogSoftmax: soft('LogSoftmax'),
  Hardmax: soft('Hardmax'),
  TopK: (draft) => {
    const x = ranked(draft, ['float32', 'float64', 'int64', 'int32'])
    const dims = draft.dimsOf(x)
    const axis = draft.opset < 11 ? draft.between(0, dims.length - 1) : draft.axis(dims.length)
    const k = draft.between(0, dims.at(axis)!)
    if (draft.opset < 10)
      return {
        op: 'TopK',
        inputs: [x],
        attributes: { axis: { i: axis }, k: { i: Math.max(1, Math.min(k, dims.at(axis)!)) } },
        outputs: 2,
      }
    return {
      op: 'TopK',
      inputs: [x, draft.ints([k])],
      attributes: {
        axis: { i: axis },
        ...(draft.opset >= 11 ? { largest: { i: draft.between(0, 1) }, sorted: { i: 1 } } : {}),
      },
      outputs: 2,
    }
  },
  LpNormalization: (draft) => {
    const x = ranked(draft, ['float32', 'float64'])
    return {
      op: 'LpNormalization',
      inputs: [x],
      attributes: { axis: { i: draft.axis(draft.dimsOf(x).length) }, p: { i: draft.between(1, 2) } },
    }
  },
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool('MaxPool'),
  AveragePool: pool('AveragePool'),
  LpPool: pool('LpPool'),
  GlobalAveragePool: (draft) => ({ op: 'GlobalAveragePool', inputs: [plane(draft)] }),
  GlobalMaxPool: (draft) => ({ op: 'GlobalMaxPool', inputs: [plane(draft)] }),
  GlobalLpPool: (draft) => ({
    op: 'GlobalLpPool',
    inputs: [plane(draft)],
    attributes: draft.chance(0.6) ? { p: { i: draft.between(1, 3) } } : {},
  }),
  BatchNormalization: (draft) => {
    const x = ranked(draft, few, 2, 5)
    const { type, dims } = draft.tensorOf(x)
    return {
      op: 'BatchNormalization',
      inputs: [
        x,
        vector(draft, type, dims[1]),
        vector(draft, type, dims[1]),
        vector(draft, type, dims[1]),
        vector(draft, type, dims[1], 0.5, 2),
      ],
      attributes: draft.chance(0.6) ? { epsilon: { f: draft.pick([1e-5, 1e-3, 0.1]) } } : {},
    }
  },
  InstanceNormalization: (draft) => {
    const x = plane(draft)
    const { type, dims } = draft.tensorOf(x)
    return {
      op: 'InstanceNormalization',
      inputs: [x, vector(draft, type, dims[1]), vector(draft, type, dims[1])],
      attributes: draft.chance(0.6) ? { epsilon: { f: 1e-3 } } : {},
    }
  },
  LayerNormalization: (draft) => {
    if (draft.opset < 17) return undefined
    const x = ranked(draft, few)
    const { type, dims } = draft.tensorOf(x)
    const axis = draft.axis(dims.length)
    const shape = dims.slice(axis < 0 ? axis + dims.length : axis)
    const like = () => draft.operand({ types: [type], dims: shape, held: draft.chance(0.7) })
    return {
      op: 'LayerNormalization',
      inputs: [x, like(), ...(draft.chance(0.6) ? [like()] : [])],
      attributes: { axis: { i: axis }, ...(draft.chance(0.5) ? { epsilon: { f: 1e-3 } } : {}) },
      outputs: draft.pick([1, 1, 1, 3]),
    }
  },
  RMSNormalization: (draft) => {
    if (draft.opset < 23) return undefined
    const x = ranked(draft, few)
    const { type, dims } = draft.tensorOf(x)
    const axis = draft.axis(dims.length)
    return {
      op: 'RMSNormalization',
      inputs: [x, draft.operand({ types: [type], dims: dims.slice(axis < 0 ? axis + dims.length : axis) })],
      attributes: { axis: { i: axis } },
    }
  },
  GroupNormalization: (draft) => {
    if (draft.opset < 21) return undefined
    const groups = draft.between(1, 3)
    const channels = groups * draft.between(1, 3)
    const x = draft.operand({
      types: few,
      dims: [draft.pick([1, 2]), channels, ...draft.dims(draft.between(1, 2)).map((dim) => Math.max(1, dim))],
    })
    const { type } = draft.tensorOf(x)
    return {
      op: 'GroupNormalization',
      inputs: [x, vector(draft, type, channels), vector(draft, type, channels)],
      attributes: { num_groups: { i: groups } },
    }
  },
  LRN: (draft) => {
    const x = ranked(draft, ['float32'], 4, 4)
    return {
      op: 'LRN',
      inputs: [x],
      attributes: {
        size: { i: draft.pick([1, 3, 5, 7]) },
        ...(draft.chance(0.5) ? { alpha: { f: 0.01 }, beta: { f: 0.6 }, bias: { f: 1.5 } } : {}),
      },
    }
  },
  MeanVarianceNormalization: (draft) => {
    if (draft.opset < 9) return undefined
    const x = ranked(draft, ['float32'], 4, 4)
    return {
      op: 'MeanVarianceNormalization',
      inputs: [x],
      attributes: draft.chance(0.4)
        ? {
            axes: {
              ints: draft.pick([
                [0, 2, 3],
                [1, 2, 3],
                [2, 3],
                [0, 1, 2, 3],
              ]),
            },
          }
        : {},
    }
  },
  Gemm: (draft) => {
    const [m, k, n] = [draft.size(), draft.size(), draft.size()]
    const [transA, transB] = [draft.chance(0.3), draft.chance(0.4)]
    const a = draft.operand({ types: few, dims: transA ? [k, m] : [m, k] })
    const { type } = draft.tensorOf(a)
    const b = draft.operand({ types: [type], dims: transB ? [n, k] : [k, n], held: draft.chance(0.7) })
    const c =
      draft.chance(0.7) || draft.opset < 11
        ? [draft.operand({ types: [type], dims: draft.pick([[n], [m, n], [1, n], [m, 1], [1], []]) })]
        : []
    return {
      op: 'Gemm',
      inputs: [a, b, ...c],
      attributes: {
        ...(transA ? { transA: { i: 1 } } : {}),
        ...(transB ? { transB: { i: 1 } } : {}),
        ...(draft.chance(0.3) ? { alpha: { f: draft.pick([0.5, 2, 0]) } } : {}),
        ...(draft.chance(0.3) ? { beta: { f: draft.pick([0.5, 2, 0]) } } : {}),
      },
    }
  },
  MatMul: (draft) => {
    const [m, k, n] = [draft.size(), draft.size(), draft.size()]
    const batch = draft.dims(draft.pick([0, 0, 0, 1, 2])).map((dim) => Math.min(dim, 4))
    const vectorA = draft.chance(0.1)
    const vectorB = draft.chance(0.1)
    const types = draft.opset < 9 ? few : ([...few, 'int32', 'int64', 'uint32'] as const)
    const a = draft.operand({
      types,
      dims: vectorA ? [k] : [...(draft.chance(0.8) ? batch : draft.broadcastable(batch)), m, k],
    })
    const { type } = draft.tensorOf(a)
    const b = draft.operand({
      types: [type],
      dims: vectorB ? [k] : [...(draft.chance(0.6) ? draft.broadcastable(batch) : []), k, n],
      held: draft.chance(0.6),
    })
    return { op: 'MatMul', inputs: [a, b] }
  },
  Resize: resize,
  Upsample: (draft) => {
    if (draft.opset > 9) return undefined
    const x = draft.operand({ dims: [1, draft.between(1, 3), draft.between(1, 5), draft.between(1, 5)] })
    const scales = [1, 1, draft.pick([1, 2, 1.5, 3]), draft.pick([1, 2, 2.5])]
    const mode = { s: draft.pick(['nearest', 'linear']) }
    return draft.opset < 9
      ? { op: 'Upsample', inputs: [x], attributes: { mode, scales: { floats: scales } } }
      : { op: 'Upsample', inputs: [x, draft.hold(new Tensor('float32', scales))], attributes: { mode } }
  },
  GridSample: (draft) => {
    if (draft.opset < 16) return undefined
    const [n, c, h, w] = [draft.between(1, 2), draft.between(1, 3), draft.between(1, 5), draft.between(1, 5)]
    const volume = draft.opset >= 20 && draft.chance(0.2)
    const x = draft.operand({ dims: volume ? [n, c, 3, h, w] : [n, c, h, w] })
    const grid = draft.operand({
      dims: volume ? [n, 2, 3, 2, 3] : [n, draft.between(1, 4), draft.between(1, 4), 2],
      low: -1.4,
      high: 1.4,
      fresh: true,
    })
    const padding = draft.pick(['zeros', 'border', 'reflection'])
    // Beyond the border on one axis, onnxruntime limits the other axis, too; only cubic weights show it.
    const cubic = padding === 'border' ? [] : [draft.opset < 20 ? 'bicubic' : 'cubic']
    const modes =
      draft.opset < 20
        ? ['bilinear', 'nearest', ...cubic]
        : volume
          ? ['linear', 'nearest']
          : ['linear', 'nearest', ...cubic]
    return {
      op: 'GridSample',
      inputs: [x, grid],
      attributes: {
        mode: { s: draft.pick(modes) },
        padding_mode: { s: padding },
        align_corners: { i: draft.between(0, 1) },
      },
    }
  },
  AffineGrid: (draft) => {
    if (draft.opset < 20) return undefined
    const volume = draft.chance(0.3)
    const n = draft.between(1, 2)
    return {
      op: 'AffineGrid',
      inputs: [
        draft.operand({ dims: volume ? [n, 3, 4] : [n, 2, 3] }),
        draft.ints(volume ? [n, 2, 2, 3, 4] : [n, 2, 3, 4]),
      ],
      attributes: { align_corners: { i: draft.between(0, 1) } },
    }
  },
  Einsum: (draft) => {
    if (draft.opset < 12) return undefined
    const [equation, operands] = draft.pick(einsums)
    const sizes = new Map<string, number>()
    const type = draft.pick(['float32', 'float32', 'float64', 'int32'] as const)
    const sizeFor = (letter: string) => {
      if (!sizes.has(letter)) sizes.set(letter, draft.between(1, 5))
      return sizes.get(letter)!
    }
    const batch = equation.includes('...')
      ? draft.dims(draft.between(0, 2)).map((dim) => Math.min(Math.max(dim, 1), 3))
      : []
    return {
      op: 'Einsum',
      inputs: operands.map((letters) => draft.operand({ types: [type], dims: [...batch, ...letters.map(sizeFor)] })),
      attributes: { equation: { s: equation } },
    }
  },
  RNN: recurrent('RNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
  Dropout: (draft) => {
    const x = draft.operand({ types: ['float32', 'float64'] })
    return draft.opset < 12
      ? { op: 'Dropout', inputs: [x], attributes: draft.chance(0.5) ? { ratio: { f: 0.3 } } : {} }
      : {
          op: 'Dropout',
          inputs: [x, ...(draft.chance(0.5) ? [draft.hold(Tensor.scalar(0.3))] : [])],
          outputs: draft.between(1, 2),
        }
  },
  Col2Im: (draft) => {
    if (draft.opset < 18) return undefined
    const image = [draft.between(3, 6), draft.between(3, 6)]
    const block = [draft.between(1, 3), draft.between(1, 3)]
    const strides = [draft.between(1, 2), draft.between(1, 2)]
    const pads = draft.chance(0.4) ? [1, 0, 0, 1] : [0, 0, 0, 0]
    const places = image.map(
      (size, axis) => Math.floor((size + pads[axis] + pads[axis + 2] - block[axis]) / strides[axis]) + 1,
    )
    return {
      op: 'Col2Im',
      inputs: [
        draft.operand({ dims: [draft.between(1, 2), draft.between(1, 3) * sizeOf(block), sizeOf(places)] }),
        draft.ints(image),
        draft.ints(block),
      ],
      attributes: { strides: { ints: strides }, pads: { ints: pads } },
    }
  },
  Det: (draft) =>
    draft.opset < 11
      ? undefined
      : {
          op: 'Det',
          inputs: [
            draft.operand({
              dims: [
                ...draft.dims(draft.between(0, 2)).map((dim) => Math.min(dim, 3)),
                ...Array<number>(2).fill(draft.between(1, 5)),
              ],
            }),
          ],
        },
  RoiAlign: (draft) => {
    if (draft.opset < 10) return undefined
    const n = draft.between(1, 2)
    const count = draft.between(1, 3)
    const x = draft.operand({ dims: [n, draft.between(1, 3), draft.between(3, 7), draft.between(3, 7)] })
    const rois = draft.hold(
      new Tensor(
        'float32',
        Array.from({ length: count }, () => [
          draft.random.uniform(-1, 2),
          draft.random.uniform(-1, 2),
          draft.random.uniform(2, 6),
          draft.random.uniform(2, 8),
        ]).flat(),
        [count, 4],
      ),
    )
    return {
      op: 'RoiAlign',
      inputs: [x, rois, draft.ints(Array.from({ length: count }, () => draft.random.integer(n)))],
      attributes: {
        output_height: { i: draft.between(1, 3) },
        output_width: { i: draft.between(1, 3) },
        sampling_ratio: { i: draft.between(0, 2) },
        spatial_scale: { f: draft.pick([1, 0.5]) },
        ...(draft.chance(0.5) ? { mode: { s: draft.pick(['avg', 'max']) } } : {}),
        ...(draft.opset >= 16 && draft.chance(0.6)
          ? { coordinate_transformation_mode: { s: draft.pick(['half_pixel', 'output_half_pixel']) } }
          : {}),
      },
    }
  },
  MaxRoiPool: (draft) => {
    const n = draft.between(1, 2)
    const count = draft.between(1, 3)
    const x = draft.operand({ dims: [n, draft.between(1, 3), draft.between(3, 7), draft.between(3, 7)] })
    const rois = draft.hold(
      new Tensor(
        'float32',
        Array.from({ length: count }, () => [
          draft.random.integer(n),
          draft.between(0, 2),
          draft.between(0, 2),
          draft.between(2, 7),
          draft.between(2, 7),
        ]).flat(),
        [count, 5],
      ),
    )
    return {
      op: 'MaxRoiPool',
      inputs: [x, rois],
      attributes: {
        pooled_shape: { ints: [draft.between(1, 3), draft.between(1, 3)] },
        ...(draft.chance(0.5) ? { spatial_scale: { f: 0.5 } } : {}),
      },
    }
  },
  NonMaxSuppression: (draft) => {
    if (draft.opset < 10) return undefined
    const [batches, boxes, classes] = [draft.between(1, 2), draft.between(1, 9), draft.between(1, 3)]
    const corners = Array.from({ length: batches * boxes }, () => {
      const [y, x] = [draft.random.uniform(0, 3), draft.random.uniform(0, 3)]
      const corner = [y, x, y + draft.random.uniform(0.3, 2), x + draft.random.uniform(0.3, 2)]
      return draft.chance(0.2) ? [corner[2], corner[3], corner[0], corner[1]] : corner
    }).flat()
    const inputs = [
      draft.hold(new Tensor('float32', corners, [batches, boxes, 4])),
      draft.operand({ dims: [batches, classes, boxes], low: 0, high: 1, fresh: true }),
    ]
    if (draft.chance(0.9)) inputs.push(draft.ints([draft.between(0, 5)], 'int64', draft.chance(0.5) ? [] : [1]))
    if (inputs.length === 3 && draft.chance(0.7)) inputs.push(draft.hold(Tensor.scalar(draft.random.uniform(0, 1))))
    if (inputs.length === 4 && draft.chance(0.6)) inputs.push(draft.hold(Tensor.scalar(draft.random.uniform(0, 0.7))))
    return {
      op: 'NonMaxSuppression',
      inputs,
      attributes: draft.chance(0.4) ? { center_point_box: { i: draft.between(0, 1) } } : {},
    }
  },
  NegativeLogLikelihoodLoss: (draft) => loss(draft, 'NegativeLogLikelihoodLoss', 1),
  SoftmaxCrossEntropyLoss: (draft) => loss(draft, 'SoftmaxCrossEntropyLoss', draft.between(1, 2)),
  DFT: (draft) => {
    if (draft.opset < 17) return undefined
    const complex = draft.chance(0.4)
    const dims = [
      draft.between(1, 3),
      draft.between(1, 8),
      ...(draft.chance(0.4) ? [draft.between(1, 6)] : []),
      complex ? 2 : 1,
    ]
    const x = draft.operand({ types: ['float32', 'float64'], dims, fresh: true })
    const axis = draft.between(1, dims.length - 2)
    const length = draft.chance(0.4) ? draft.ints([draft.between(1, 9)], 'int64', []) : ''
    const oneSided = !complex && draft.chance(0.3)
    const attributes: Attributes = {
      ...(oneSided ? { onesided: { i: 1 } } : draft.chance(0.3) && complex ? { inverse: { i: 1 } } : {}),
    }
    if (draft.opset < 20)
      return { op: 'DFT', inputs: length ? [x, length] : [x], attributes: { ...attributes, axis: { i: axis } } }
    return { op: 'DFT', inputs: [x, length, draft.ints([axis], 'int64', [])], attributes }
  },
  STFT: (draft) => {
    if (draft.opset < 17) return undefined
    const frame = draft.between(2, 8)
    const x = draft.operand({ dims: [draft.between(1, 2), frame + draft.between(0, 12), 1], fresh: true })
    return {
      op: 'STFT',
      inputs: [
        x,
        draft.ints([draft.between(1, 4)], 'int64', []),
        draft.chance(0.6) ? draft.operand({ dims: [frame], fresh: true }) : '',
        draft.ints([frame], 'int64', []),
      ],
      attributes: draft.chance(0.5) ? { onesided: { i: draft.between(0, 1) } } : {},
    }
  },
  HannWindow: (draft) => windowed(draft, 'HannWindow'),
  HammingWindow: (draft) => windowed(draft, 'HammingWindow'),
  BlackmanWindow: (draft) => windowed(draft, 'BlackmanWindow'),
  MelWeightMatrix: (draft) => {
    if (draft.opset < 17) return undefined
    const scalar = (value: number) => draft.ints([value], 'int64', [])
    return {
      op: 'MelWeightMatrix',
      inputs: [
        scalar(draft.between(2, 10)),
        scalar(draft.pick([16, 32, 64])),
        scalar(8192),
        draft.hold(Tensor.scalar(draft.pick([0, 20]))),
        draft.hold(Tensor.scalar(4096)),
      ],
    }
  },
  Attention: (draft) => {
    if (draft.opset < 23) return undefined
    const [batch, heads, length, keys, size, out] = [
      draft.between(1, 2),
      draft.pick([1, 2, 4]),
      draft.between(1, 5),
      draft.between(1, 6),
      draft.pick([2, 4, 8]),
      draft.pick([2, 4]),
    ]
    const groups = draft.chance(0.2) && heads > 1 ? heads / 2 : heads
    const flat = draft.chance(0.4)
    const make = (count: number, time: number, width: number) =>
      draft.operand({ types: ['float32'], dims: flat ? [batch, time, count * width] : [batch, count, time, width] })
    const mask = draft.chance(0.4)
      ? draft.operand({
          types: draft.pick([['float32'], ['bool']] as const),
          dims: draft.pick([
            [length, keys],
            [batch, 1, length, keys],
            [1, heads, length, keys],
          ]),
        })
      : ''
    const attributes: Attributes = {
      ...(flat ? { q_num_heads: { i: heads }, kv_num_heads: { i: groups } } : {}),
      ...(draft.chance(0.3) ? { is_causal: { i: 1 } } : {}),
      ...(draft.chance(0.3) ? { scale: { f: 0.3 } } : {}),
      ...(draft.chance(0.2) ? { softcap: { f: 2 } } : {}),
    }
    return {
      op: 'Attention',
      inputs: [make(heads, length, size), make(groups, keys, size), make(groups, keys, out), ...(mask ? [mask] : [])],
      attributes,
    }
  },
  RotaryEmbedding: (draft) => {
    if (draft.opset < 23) return undefined
    const [batch, heads, length, size] = [
      draft.between(1, 2),
      draft.between(1, 3),
      draft.between(1, 4),
      draft.pick([2, 4, 8]),
    ]
    const partial = draft.chance(0.3) && size > 2
    const half = partial ? size / 4 : size / 2
    const flat = draft.chance(0.4)
    const x = draft.operand({ dims: flat ? [batch, length, heads * size] : [batch, heads, length, size] })
    const ids = draft.chance(0.5)
    const cache = () => draft.operand({ dims: ids ? [6, half] : [batch, length, half] })
    return {
      op: 'RotaryEmbedding',
      inputs: [
        x,
        cache(),
        cache(),
        ...(ids
          ? [
              draft.ints(
                Array.from({ length: batch * length }, () => draft.random.integer(6)),
                'int64',
                [batch, length],
              ),
            ]
          : []),
      ],
      attributes: {
        ...(flat ? { num_heads: { i: heads } } : {}),
        ...(partial ? { rotary_embedding_dim: { i: size / 2 } } : {}),
        ...(draft.chance(0.5) ? { interleaved: { i: draft.between(0, 1) } } : {}),
      },
    }
  },
}

function windowed(draft: Draft, op: string): NodeDraft | undefined {
  if (draft.opset < 17) return undefined
  return {
    op,
    inputs: [draft.ints([draft.between(1, 12)], draft.pick(['int64', 'int32'] as const), [])],
    attributes: { ...(draft.chance(0.5) ? { periodic: { i: draft.between(0, 1) } } : {}) },
  }
}

function loss(draft: Draft, op: string, outputs: number): NodeDraft | undefined {
  if (draft.opset < 12) return undefined
  const [n, c] = [draft.between(1, 5), draft.between(1, 6)]
  const spatial = draft.dims(draft.between(0, 2)).map((dim) => Math.min(Math.max(dim, 1), 3))
  const x = draft.operand({ types: ['float32', 'float32', 'float64'], dims: [n, c, ...spatial] })
  const { type } = draft.tensorOf(x)
  const target = draft.operand({
    types: [draft.pick(['int64', 'int32'] as const)],
    dims: [n, ...spatial],
    low: 0,
    high: c - 1,
    fresh: true,
  })
  const weight = draft.chance(0.5) ? [draft.operand({ types: [type], dims: [c], low: 0.2, high: 2, fresh: true })] : []
  return {
    op,
    inputs: [x, target, ...weight],
    attributes: {
      ...(draft.chance(0.7) ? { reduction: { s: draft.pick(['none', 'mean', 'sum']) } } : {}),
      ...(draft.chance(0.4) ? { ignore_index: { i: draft.between(-1, c - 1) } } : {}),
    },
    outputs,
  }
}
