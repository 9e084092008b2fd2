/** Values in ascending order, and how many elements each stands for. */
interface Sketch {
  readonly values: Float32Array
  readonly weights: Float32Array
}

/** Every k-th of the sorted values, so that about 1 / epsilon stay. */
function summarize(numbers: readonly number[], epsilon: number): Sketch {
  const sorted = Float32Array.from(numbers).sort()
  const step = Math.max(sorted.length * epsilon, 1)
  const kept: number[] = []
  for (let i = Math.floor(step - 1); i < sorted.length; i += Math.floor(step)) kept.push(sorted[i])
  return { values: Float32Array.from(kept), weights: new Float32Array(kept.length).fill(step) }
}

/** Piecewise linear through the points (xs, ys), xs ascending, level outside. */
function interpolate(x: number, xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  if (x <= xs[0]) return ys[0]
  for (let i = 1; i < xs.length; i++)
    if (x < xs[i]) return ys[i - 1] + ((ys[i] - ys[i - 1]) / (xs[i] - xs[i - 1])) * (x - xs[i - 1])
  return ys[xs.length - 1]
}

/** The sketch at steps of `epsilon` of its whole weight, unless it is as short as that already. */
function compress(sketch: Sketch, epsilon: number): Sketch {
  if (sketch.values.length * epsilon < 1) return sketch
  let sum = 0
  const running = Float32Array.from(sketch.weights, (weight) => (sum += weight))
  const shares = running.map((weight) => weight / sum)
  const count = Math.ceil(1 / epsilon - 1e-9)
  const points = Array.from({ length: count }, (_, i) => epsilon + i * epsilon)
  const values = points.map((share) => interpolate(share, shares, sketch.values))
  const totals = points.map((share) => interpolate(share, shares, running))
  return {
    values: Float32Array.from(values),
    weights: Float32Array.from(totals, (total, i) => total - (totals[i - 1] ?? 0)),
  }
}

function merge(a: Sketch, b: Sketch, epsilon: number): Sketch {
  const pairs = [...a.values, ...b.values].map((value, i) => [value, [...a.weights, ...b.weights][i]] as const)
  pairs.sort(([x], [y]) => x - y)
  const whole = {
    values: Float32Array.from(pairs, ([value]) => value),
    weights: Float32Array.from(pairs, ([, weight]) => weight),
  }
  return compress(whole, epsilon)
}

/** The `bins` - 1 boundaries between bins that hold about as many of the numbers each, by a sketch of 1 / epsilon values. */
export function quantiles(batches: readonly (readonly number[])[], bins: number, epsilon: number): number[] {
  const empty: Sketch = { values: new Float32Array(), weights: new Float32Array() }
  const sketch = batches.reduce<Sketch>((all, batch) => merge(summarize(batch, epsilon), all, epsilon), empty)
  return [...compress(sketch, 1 / bins).values.slice(0, -1)]
}
