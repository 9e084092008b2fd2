import { escapeHtml } from './html.js'

/** Values of one log over epochs; null where there is none. */
export interface Curve {
  readonly label: string
  readonly values: readonly (number | null)[]
}

const width = 560
const height = 260
const margin = { left: 56, right: 12, top: 12, bottom: 30 }

/** Round numbers from `low` to `high`, about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count || 1
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** A line chart over epochs as SVG; the classes `line0`, `line1` … colour its curves. Values that are not finite are left out. */
export function lineChart(title: string, firstEpoch: number, curves: readonly Curve[]): string {
  const values = curves.flatMap((curve) => curve.values.filter(isShown))
  if (values.length === 0) return ''
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const room = (most - least || Math.abs(most) || 1) * 0.05
  const [low, high] = [least - room, most + room]
  const count = Math.max(...curves.map((curve) => curve.values.length))
  const x = (index: number) => margin.left + ((width - margin.left - margin.right) * index) / Math.max(1, count - 1)
  const y = (value: number) =>
    height - margin.bottom - ((height - margin.top - margin.bottom) * (value - low)) / (high - low)
  const at = (index: number, value: number) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`
  const grid = ticks(low, high, 5).map(
    (tick) =>
      `<path class="grid" d="M${margin.left} ${y(tick).toFixed(1)}H${width - margin.right}"/><text x="${margin.left - 8}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick}</text>`,
  )
  const epochs = ticks(firstEpoch, firstEpoch + count - 1, 8).filter((tick) => Number.isInteger(tick))
  const marks = epochs.map(
    (epoch) => `<text x="${x(epoch - firstEpoch).toFixed(1)}" y="${height - 8}" text-anchor="middle">${epoch}</text>`,
  )
  const lines = curves.map(({ values: line }, i) => {
    const points = line.flatMap((value, index) => (isShown(value) ? [at(index, value)] : []))
    const dots = count <= 40 ? points.map((point) => dot(point, i)) : []
    return `<polyline class="line line${i}" points="${points.join(' ')}"/>${dots.join('')}`
  })
  const legend = curves.map(({ label }, i) => `<span class="key key${i}">${escapeHtml(label)}</span>`).join(' ')
  const name = escapeHtml(`${title} over epochs ${firstEpoch} to ${firstEpoch + count - 1}`)
  return `<figure><figcaption>${escapeHtml(title)} ${legend}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${name}">${[...grid, ...marks, ...lines].join('')}</svg></figure>`
}

const isShown = (value: number | null): value is number => value !== null && Number.isFinite(value)

function dot(point: string, line: number): string {
  const [x, y] = point.split(',')
  return `<circle class="dot${line}" cx="${x}" cy="${y}" r="2.5"/>`
}
