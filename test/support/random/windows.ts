import { sizeOf } from '../../../src/core/shape.js'
import type { Draft, NodeDraft } from './draft.js'
import { type Attributes, type Drawing, type Drawings, few, type numbers } from './elementwise.js'
import { ranked } from './movement.js'

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

export const windows: Drawings = {
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
}
