/**
 * Images spread out in a frame of zeros: pixel (row, column) of x [images, height, width, channels] goes to
 * (top + row strideY, left + column strideX) of y [images, targetHeight, targetWidth, channels]; pixels that fall outside
 * (a negative top or left crops) are dropped. One tile a target row.
 */
// @ts-ignore: decorator
@unmanaged
export class SpreadParams {
  x: usize
  y: usize
  height: i32
  width: i32
  channels: i32
  targetHeight: i32
  targetWidth: i32
  top: i32
  left: i32
  strideY: i32
  strideX: i32
  rowsPerTile: i32
  rows: i32
}

export function spread_f32(p: SpreadParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.rowsPerTile, p.rows)
  for (let row = tile * p.rowsPerTile; row < end; row++) spreadRow(p, row)
}

function spreadRow(p: SpreadParams, row: i32): void {
  const pixelBytes = p.channels << 2
  const image = row / p.targetHeight
  const offset = row - image * p.targetHeight - p.top
  const y = p.y + row * p.targetWidth * pixelBytes
  const source = offset / p.strideY
  if (offset < 0 || source >= p.height || source * p.strideY != offset) {
    memory.fill(y, 0, p.targetWidth * pixelBytes)
    return
  }
  const x = p.x + (image * p.height + source) * p.width * pixelBytes
  if (p.strideX == 1) {
    const from = max(0, -p.left)
    const to = min(p.width, p.targetWidth - p.left)
    const before = min(max(0, p.left), p.targetWidth)
    const copied = max(0, to - from)
    const after = p.targetWidth - before - copied
    memory.fill(y, 0, before * pixelBytes)
    memory.copy(y + before * pixelBytes, x + from * pixelBytes, copied * pixelBytes)
    memory.fill(y + (before + copied) * pixelBytes, 0, after * pixelBytes)
    return
  }
  memory.fill(y, 0, p.targetWidth * pixelBytes)
  for (let column = 0; column < p.width; column++) {
    const target = p.left + column * p.strideX
    if (target >= 0 && target < p.targetWidth)
      memory.copy(y + target * pixelBytes, x + column * pixelBytes, pixelBytes)
  }
}
