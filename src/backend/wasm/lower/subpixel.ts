import type { ConstantOf, Node } from '../../../core/ir.js'
import { activationKinds, epilogueOf } from '../activations.js'
import { gemm_f32 } from '../gen/gemm.js'
import type { KernelCall } from '../gen/kernels.js'
import { type Frame, frameImages, type Geometry } from './frame.js'
import {
  ceilDiv,
  epilogueFields,
  floatBytes,
  type NodePlan,
  packPanels,
  panelBytes,
  slabColumns,
  tilingOf,
  Workspace,
} from './gemm.js'
import type { LoweringContext } from './lowering.js'
import { prepareOperand } from './prepared.js'
import { stridedCopy } from './strided.js'

/** Weights of one phase, in bytes, up to which they may be read anew for each row of the output. */
const residentBytes = 64 * 1024
/** Pixels of a row that make up for reading the weights anew. */
const longRow = 48

/** Along one axis: every `stride`-th element of dx, those that the same taps of w reach. */
interface Phase {
  /** The first tap, and the number of taps, `stride` apart. */
  readonly tap: number
  readonly taps: number
  /** The first element of dx, and the number of them, `stride` apart. */
  readonly first: number
  readonly count: number
  /** Where the window of the first element begins in dy. */
  readonly start: number
}

function phasesOf(size: number, kernel: number, stride: number, pad: number): Phase[] {
  return Array.from({ length: stride }, (_, tap) => {
    const first = (((tap - pad) % stride) + stride) % stride
    const taps = Math.max(0, ceilDiv(kernel - tap, stride))
    const start = (first + pad - tap) / stride - (taps - 1)
    return { tap, taps, first, count: Math.max(0, ceilDiv(size - first, stride)), start }
  }).filter(({ count }) => count > 0)
}

/** The zeros that windows of `phases` need before and after the `size` elements of dy. */
function padding(phases: readonly Phase[], size: number): readonly [number, number] {
  const reached = phases.filter(({ taps }) => taps > 0)
  const begin = Math.max(0, ...reached.map(({ start }) => -start))
  return [begin, Math.max(0, ...reached.map(({ start, count, taps }) => start + count - 1 + taps - size))]
}

/** Whether strides leave dx in phases: a plain convolution of dy by some of the taps makes each of them. */
export const suitsSubpixel = ({ strideY, strideX, dilationY, dilationX }: Geometry): boolean =>
  strideY * strideX > 1 && dilationY === 1 && dilationX === 1

/**
 * dx of a convolution with strides, without the zeros between the elements of dy: for each phase of the pixels of dx a
 * product of windows of dy and the taps that reach them. Its rows go to their places in dx, or, where weights are large and
 * rows short, to the workspace, and from there to dx.
 */
export function subpixelPlan(node: Node, g: Geometry, constant: ConstantOf): NodePlan {
  const [dy, w, bias] = node.inputs
  const dx = node.outputs[0]
  const down = phasesOf(g.height, g.kernelY, g.strideY, g.top)
  const across = phasesOf(g.width, g.kernelX, g.strideX, g.left)
  const [top, bottom] = padding(down, g.outHeight)
  const [left, right] = padding(across, g.outWidth)
  const frame: Frame = {
    height: g.outHeight + top + bottom,
    width: g.outWidth + left + right,
    top,
    left,
    strideY: 1,
    strideX: 1,
  }
  const framed = frameImages(g.images, g.outHeight, g.outWidth, g.outputs, frame)
  const space = new Workspace()
  const frameOffset = framed.bytes > 0 ? space.take(framed.bytes) : 0
  const groupChannels = g.channels / g.group
  const groupOutputs = g.outputs / g.group
  const pixel = g.outputs * floatBytes
  const tapBytes = groupChannels * g.outputs * floatBytes
  const groups = Array.from({ length: g.group }, (_, index) => index)

  let weightBytes = 0
  const phases = down.flatMap((y) =>
    across.map((x) => {
      const depth = y.taps * x.taps * groupOutputs
      const groupBytes = panelBytes(depth, groupChannels)
      const panels = weightBytes
      weightBytes += g.group * groupBytes
      return { y, x, depth, groupBytes, panels, direct: groupBytes <= residentBytes || x.count >= longRow }
    }),
  )
  const pack = (source: number, target: number) =>
    phases
      .filter(({ depth }) => depth > 0)
      .map(({ y, x, depth, groupBytes, panels }) =>
        packPanels(
          {
            source,
            target: target + panels,
            taps: x.taps,
            tapStride: -g.strideX * tapBytes,
            k: groupOutputs,
            depth,
            kStride: floatBytes,
            columns: groupChannels,
            nStride: pixel,
          },
          groups.flatMap((group) =>
            Array.from({ length: y.taps }, (_, row): [number, number] => {
              const tapY = y.tap + g.strideY * (y.taps - 1 - row)
              const tapX = x.tap + g.strideX * (x.taps - 1)
              return [
                (tapY * g.kernelX + tapX) * tapBytes + group * groupOutputs * floatBytes,
                group * groupBytes + row * x.taps * groupOutputs * 8 * floatBytes,
              ]
            }),
          ),
        ),
      )
  const weightsOf = prepareOperand(w!, Math.max(floatBytes, weightBytes), pack, space, constant(w!))
  const staged = Math.max(0, ...phases.map(({ y, x, direct }) => (direct ? 0 : y.count * x.count)))
  const stage = staged > 0 ? space.take(g.images * staged * g.channels * floatBytes) : 0

  const calls = (context: LoweringContext) => {
    const { address, workspace } = context
    const weights = weightsOf(context)
    const source = framed.bytes > 0 ? workspace + frameOffset : address(dy!)
    const products = phases.flatMap(({ y, x, depth, groupBytes, panels, direct }): readonly KernelCall[] => {
      const corner = ((y.start + top) * frame.width + x.start + left) * pixel
      const target = address(dx) + (y.first * g.width + x.first) * g.channels * floatBytes
      const imageRows = direct ? g.images * y.count : 1
      const rows = direct ? x.count : g.images * y.count * x.count
      const batches = imageRows * g.group
      const { tileRows, tileColumns, tiles } = tilingOf(
        batches,
        rows,
        groupChannels,
        batches * rows * groupChannels * depth,
      )
      const offsets = Array.from({ length: imageRows }, (_, imageRow) => {
        const image = Math.floor(imageRow / y.count)
        const row = imageRow % y.count
        return groups.flatMap((group) => [
          (image * frame.height + row) * frame.width * pixel + group * groupOutputs * floatBytes,
          group * groupBytes,
          ((image * g.height + row * g.strideY) * g.width * g.channels + group * groupChannels) * floatBytes,
          group * groupChannels * floatBytes,
        ])
      }).flat()
      const together = g.group === 1
      const product = gemm_f32(
        {
          ldb: 8 * floatBytes,
          panelStride: depth * 8 * floatBytes,
          ldc: (direct ? g.strideX : 1) * g.channels * floatBytes,
          outer: x.taps > 0 ? y.taps : 0,
          outerStride: frame.width * pixel,
          inner: together ? 1 : x.taps,
          innerStride: together ? 0 : pixel,
          run: together ? x.taps * g.outputs : groupOutputs,
          ...epilogueFields(epilogueOf(node), activationKinds.relu),
          a: source + (depth > 0 ? corner : 0),
          b: weights.address + panels,
          c: direct ? target : workspace + stage,
          bias: bias ? address(bias) : 0,
          rows,
          columns: groupChannels,
          width: x.count,
          height: y.count,
          pixelStride: pixel,
          rowStride: frame.width * pixel,
          imageStride: frame.height * frame.width * pixel,
          top: 0,
          bottom: 0,
          strideY: 1,
          dilationY: 1,
          tileRows,
          tileColumns,
          slabColumns: slabColumns(depth),
        },
        tiles,
        offsets,
      )
      if (direct) return [product]
      const place = stridedCopy(workspace + stage, target, floatBytes, [
        { size: g.images, from: y.count * x.count * g.channels, to: g.height * g.width * g.channels },
        { size: y.count, from: x.count * g.channels, to: g.strideY * g.width * g.channels },
        { size: x.count, from: g.channels, to: g.strideX * g.channels },
        { size: g.channels, from: 1, to: 1 },
      ])
      return [product, ...place]
    })
    return [...framed.calls(address(dy!), workspace + frameOffset), ...weights.calls, ...products]
  }
  return { workspaceBytes: space.bytes, calls }
}
