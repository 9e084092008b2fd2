/**
 * x [images, channels, height, width], rois [rois, 4] (x1, y1, x2, y2), batches [rois] int64 -> y [rois, channels, rows, columns]; width is
 * at least 2. A tile is `chunk` regions. ratio: samples along each axis of a bin, 0 where its size tells. `scratch`: `scratchBytes` a thread.
 */
// @ts-ignore: decorator
@unmanaged
export class RoiAlignParams { x: usize; boxes: usize; batches: usize; y: usize; scratch: usize; scratchBytes: i32; rois: i32; chunk: i32; images: i32; channels: i32; height: i32; width: i32; rows: i32; columns: i32; ratio: i32; isMax: i32; scale: f32; shift: f32 }

/** Bytes of a sample: the offsets of two neighbours in each of two rows, and behind 16 bytes the weights of the four. */
const SAMPLE: usize = 32

/** Writes the sample at (y, x) of a plane; false where it lies more than a pixel outside. */
// @ts-ignore: decorator
@inline
function writeSample(at: usize, y: f64, x: f64, height: i32, width: i32): bool {
  if (!(y >= -1 && y <= <f64>height && x >= -1 && x <= <f64>width)) return false
  y = min(max(y, 0), <f64>(height - 1))
  x = min(max(x, 0), <f64>(width - 1))
  const top = <i32>y
  const left = min(<i32>x, width - 2)
  const fy = y - <f64>top, fx = x - <f64>left
  store<i32>(at, (top * width + left) << 2)
  store<i32>(at, (min(top + 1, height - 1) * width + left) << 2, 4)
  store<f32>(at, <f32>((1 - fy) * (1 - fx)), 16)
  store<f32>(at, <f32>((1 - fy) * fx), 20)
  store<f32>(at, <f32>(fy * (1 - fx)), 24)
  store<f32>(at, <f32>(fy * fx), 28)
  return true
}

/** Neighbours of a sample in a plane, times their weights. */
// @ts-ignore: decorator
@inline
function weighted(plane: usize, sample: usize): v128 {
  const pixels = v128.load64_lane(plane + <usize>load<i32>(sample, 4), v128.load64_zero(plane + <usize>load<i32>(sample)), 1)
  return f32x4.mul(pixels, v128.load(sample, 16))
}

/** The sum, or the maximum, of `count` samples and what lies in `value`. */
// @ts-ignore: decorator
@inline
function gather(plane: usize, samples: usize, count: i32, isMax: bool, value: f32): f32 {
  let result = isMax ? f32x4.splat(value) : f32x4.replace_lane(f32x4.splat(0), 0, value)
  for (let k = 0; k < count; k++, samples += SAMPLE) {
    const term = weighted(plane, samples)
    result = isMax ? f32x4.max(result, term) : f32x4.add(result, term)
  }
  const turned = v128.shuffle<i32>(result, result, 2, 3, 0, 1)
  result = isMax ? f32x4.max(result, turned) : f32x4.add(result, turned)
  const a = f32x4.extract_lane(result, 0), b = f32x4.extract_lane(result, 1)
  return isMax ? max(a, b) : a + b
}

/** The mean (or the largest weighted neighbour) of samples in each bin of each region; NaN where the image is out of range. */
export function roi_align_f32(p: RoiAlignParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.chunk, p.rois)
  const bins = p.rows * p.columns
  const planeBytes = <usize>(p.height * p.width) << 2
  const counts = p.scratch + <usize>thread * p.scratchBytes
  const isMax = p.isMax != 0
  // Bins whose samples lie in scratch memory at one time; of a bin with more than fit, a part.
  const space = p.scratchBytes / <i32>SAMPLE / 2
  const samples = counts + (p.scratchBytes >> 1)
  for (let roi = tile * p.chunk; roi < end; roi++) {
    const y = p.y + (<usize>(roi * p.channels * bins) << 2)
    const image = load<i64>(p.batches + (<usize>roi << 3))
    if (image < 0 || image >= <i64>p.images) {
      for (let i = 0; i < p.channels * bins; i++) store<f32>(y + (<usize>i << 2), NaN)
      continue
    }
    const x = p.x + <usize>image * planeBytes * p.channels
    const box = p.boxes + (<usize>roi << 4)
    const scale = <f64>p.scale, shift = <f64>p.shift
    const left = <f64>load<f32>(box) * scale - shift, top = <f64>load<f32>(box, 4) * scale - shift
    let spanX = <f64>load<f32>(box, 8) * scale - shift - left, spanY = <f64>load<f32>(box, 12) * scale - shift - top
    if (shift == 0) {
      spanX = max(spanX, 1)
      spanY = max(spanY, 1)
    }
    const binX = spanX / p.columns, binY = spanY / p.rows
    const gridX = p.ratio > 0 ? p.ratio : <i32>max(ceil(binX), 0)
    const gridY = p.ratio > 0 ? p.ratio : <i32>max(ceil(binY), 0)
    const grid = gridX * gridY
    const divisor = <f32>max(grid, 1)
    const together = max(1, min(space / max(grid, 1), bins))
    for (let first = 0; first < bins; first += together) {
      const last = min(first + together, bins)
      let from = 0
      do {
        const to = min(from + space, grid)
        let at = samples
        for (let bin = first; bin < last; bin++) {
          const row = <f64>(bin / p.columns), column = <f64>(bin % p.columns)
          let inside = 0
          for (let k = from; k < to; k++) {
            const sampleY = top + (row + (<f64>(k / gridX) + 0.5) / <f64>gridY) * binY
            const sampleX = left + (column + (<f64>(k % gridX) + 0.5) / <f64>gridX) * binX
            if (!writeSample(at, sampleY, sampleX, p.height, p.width)) continue
            inside++
            at += SAMPLE
          }
          store<i32>(counts + (<usize>(bin - first) << 2), inside)
        }
        let plane = x
        for (let c = 0; c < p.channels; c++, plane += planeBytes) {
          at = samples
          let result = y + (<usize>(c * bins + first) << 2)
          for (let bin = first; bin < last; bin++, result += 4) {
            const count = load<i32>(counts + (<usize>(bin - first) << 2))
            let value: f32 = from > 0 ? load<f32>(result) : isMax ? -Infinity : 0
            if (isMax) {
              if (count < to - from || grid == 0) value = max(value, 0)
              value = gather(plane, at, count, true, value)
            } else value = gather(plane, at, count, false, value)
            at += <usize>count * SAMPLE
            store<f32>(result, !isMax && to >= grid ? value / divisor : value)
          }
        }
        from = to
      } while (from < grid)
    }
  }
}
