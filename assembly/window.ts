/** The first tap of a window from `start` on that is not in the leading pad. */
// @ts-ignore: decorator
@inline
export function firstTap(start: i32, dilation: i32): i32 {
  return start < 0 ? (dilation - 1 - start) / dilation : 0
}

/** The number of the `kernel` taps of a window from `start` on that lie before `limit`. */
// @ts-ignore: decorator
@inline
export function lastTap(start: i32, limit: i32, dilation: i32, kernel: i32): i32 {
  return start >= limit ? 0 : min(kernel, (limit - start + dilation - 1) / dilation)
}

/** Of windows that start at `start`, `start + step`, …: how many begin before 0. */
// @ts-ignore: decorator
@inline
export function windowsBefore(start: i32, step: i32): i32 {
  return start < 0 ? (step - 1 - start) / step : 0
}

/** Of windows that start at `start`, `start + step`, …: how many start at `last` or before. */
// @ts-ignore: decorator
@inline
export function windowsUntil(start: i32, step: i32, last: i32): i32 {
  return start > last ? 0 : (last - start) / step + 1
}
