import { objectives } from './config.js'
import type { SearchResults } from './results.js'
import type { Value } from './settings.js'
import type { Axis, Space } from './space.js'

const panel = { width: 300, height: 220, left: 56, right: 16, top: 34, bottom: 42 }
const columns = 3
const colours = { line: '#9aa5b1', dot: '#3a6ea5', best: '#d1495b', text: '#333', grid: '#e3e6ea' }

/** Maps values to [0, 1], and says where to write which of them. */
interface Scale {
  at(value: Value): number
  readonly ticks: readonly { readonly place: number; readonly label: string }[]
}

const short = (value: number): string => {
  const size = Math.abs(value)
  return size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential(1) : String(Number(value.toPrecision(3)))
}

function linear(values: readonly number[], transform = (x: number) => x, back = transform): Scale {
  const moved = values.map(transform)
  const low = Math.min(...moved)
  const span = Math.max(...moved) - low || 1
  const ticks = [0, 0.5, 1].map((place) => ({ place, label: short(back(low + place * span)) }))
  return { at: (value) => (transform(value as number) - low) / span, ticks }
}

const scales: Record<Axis, (values: readonly Value[]) => Scale> = {
  linear: (values) => linear(values as number[]),
  log: (values) => linear(values as number[], Math.log, Math.exp),
  category(values) {
    const names = [...new Set(values)]
    names.sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b))))
    const place = (value: Value) => (names.indexOf(value) + 0.5) / names.length
    return { at: place, ticks: names.map((name) => ({ place: place(name), label: String(name) })) }
  },
}

const escapeXml = (text: string): string =>
  text.replace(/[&<>"]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[char]!)

const label = (x: number, y: number, text: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escapeXml(text)}</text>`

/** Where a point of the scales lies in the panel. */
const inPanel = (x: number, y: number): [number, number] => [
  panel.left + x * (panel.width - panel.left - panel.right),
  panel.height - panel.bottom - y * (panel.height - panel.top - panel.bottom),
]

/** Title, axes and what is `drawn` between them. */
function framed(title: string, x: Scale, y: Scale, drawn: string): string {
  const [left, bottom] = inPanel(0, 0)
  const [right, top] = inPanel(1, 1)
  const rows = y.ticks.map(({ place, label: text }) => {
    const [, at] = inPanel(0, place)
    return `<path d="M${left} ${at.toFixed(1)}H${right}" stroke="${colours.grid}"/>${label(left - 6, at + 4, text, 'text-anchor="end"')}`
  })
  const marks = x.ticks.map(({ place, label: text }) =>
    label(inPanel(place, 0)[0], bottom + 16, text, 'text-anchor="middle"'),
  )
  return `${label(left, top - 14, title, 'font-weight="bold"')}${rows.join('')}${marks.join('')}<path d="M${left} ${bottom}H${right}" stroke="${colours.line}"/>${drawn}`
}

/**
 * An SVG: the objective over the epochs of each trial, and what each trial came to over the values of each option that the
 * search varied. The best trial stands out.
 */
export function plotResults(results: SearchResults, space: Space): string {
  const { objective, best, trials, ranking } = results
  const curves = trials
    .filter(({ status }) => status !== 'failed')
    .map(({ trial, epochs }) => ({
      trial,
      points: epochs
        .map((line) => [line.epoch, line[objective]] as const)
        .filter(([, value]) => Number.isFinite(value)),
    }))
    .filter(({ points }) => points.length > 0)
  const panels: string[] = []
  if (curves.length > 0) {
    const all = curves.flatMap(({ points }) => points)
    const x = linear([1, ...all.map(([epoch]) => epoch)])
    const y = linear(all.map(([, value]) => value!))
    const draw = ({ trial, points }: (typeof curves)[number]) => {
      const at = points.map(([epoch, value]) => inPanel(x.at(epoch), y.at(value!)).map((place) => place.toFixed(1)))
      const colour = trial === best?.trial ? colours.best : colours.line
      const end = at[at.length - 1]
      return `<g><title>trial ${trial}</title><path d="M${at.map((point) => point.join(' ')).join('L')}" fill="none" stroke="${colour}" stroke-width="${trial === best?.trial ? 2 : 1}"/><circle cx="${end[0]}" cy="${end[1]}" r="2.5" fill="${colour}"/></g>`
    }
    const inFront = [...curves].sort((a, b) => Number(a.trial === best?.trial) - Number(b.trial === best?.trial))
    panels.push(framed(`${objective} by epoch`, x, y, inFront.map(draw).join('')))
  }
  if (ranking.length > 0) {
    const y = linear(ranking.map(({ value }) => value))
    for (const [name, { axis }] of Object.entries(space)) {
      const x = scales[axis](ranking.map(({ settings }) => settings[name]))
      const dots = [...ranking].reverse().map(({ trial, value, settings }) => {
        const [cx, cy] = inPanel(x.at(settings[name]), y.at(value))
        const colour = trial === best?.trial ? colours.best : colours.dot
        return `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="4" fill="${colour}" fill-opacity="0.75"><title>trial ${trial}: ${escapeXml(String(settings[name]))}, ${short(value)}</title></circle>`
      })
      panels.push(framed(`${objective} by ${name}`, x, y, dots.join('')))
    }
  }
  return page(results, panels)
}

function page({ model, strategy, objective, best, trials, failed }: SearchResults, panels: readonly string[]): string {
  const width = Math.max(2, Math.min(columns, panels.length)) * panel.width
  const height = 60 + Math.max(1, Math.ceil(panels.length / columns)) * panel.height
  const outcome = best
    ? `best: trial ${best.trial}, ${objective} ${short(best.value)} (${objectives[objective].better} is better)`
    : 'no trial has ended'
  const placed = panels.map(
    (content, i) =>
      `<g transform="translate(${(i % columns) * panel.width} ${60 + Math.floor(i / columns) * panel.height})">${content}</g>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11" fill="${colours.text}">
<rect width="${width}" height="${height}" fill="white"/>
${label(16, 24, `${model}: ${strategy} search, ${trials.length} trials${failed.length > 0 ? `, ${failed.length} failed` : ''}`, 'font-size="15"')}
${label(16, 44, outcome)}
${placed.join('\n')}
</svg>
`
}
