/** Elements of a tile of an elementwise kernel; work of at most this size is one tile. A multiple of 16. */
export const CHUNK = 16384

/** The cut of `size` elements: elements of a tile, and the number of tiles (at least 1). Depends on `size` alone. */
export const cut = (size: number, chunk = CHUNK): { readonly chunk: number; readonly tiles: number } => ({
  chunk,
  tiles: Math.max(1, Math.ceil(size / chunk)),
})
