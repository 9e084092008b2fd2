/** One bar: `value` times 1, and the mark to reach. */
export interface Bar {
  readonly label: string
  /** Which series it belongs to, as an index into their names. */
  readonly series: number
  readonly value: number
  readonly mark?: number | undefined
}

const colours = ['#4269d0', '#efb118', '#3ca951', '#ff725c']
const [left, right, top, height, gap] = [230, 70, 56, 13, 10]

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

/** Bars of ratios in groups of one label, on a linear scale from 0, as an SVG: a line at 1, a tick at each mark. */
export function barChart(title: string, series: readonly string[], bars: readonly Bar[]): string {
  const width = 760
  const labels = [...new Set(bars.map(({ label }) => label))]
  const largest = Math.max(1, ...bars.map(({ value, mark = 0 }) => Math.max(value, mark)))
  const x = (value: number): number => left + (value / largest) * (width - left - right)
  const parts: string[] = []
  const text = (at: number, y: number, words: string, extra = '') =>
    parts.push(`<text x="${at.toFixed(1)}" y="${y.toFixed(1)}" ${extra}>${escaped(words)}</text>`)
  series.forEach((name, index) => {
    const at = 20 + (index * (width - 20)) / series.length
    parts.push(`<rect x="${at.toFixed(1)}" y="30" width="10" height="10" fill="${colours[index]}"/>`)
    text(at + 15, 39, name)
  })
  let y = top
  for (const label of labels) {
    const group = bars.filter((bar) => bar.label === label)
    text(left - 8, y + (group.length * height) / 2 + 4, label, 'text-anchor="end"')
    for (const { value, mark, series: index } of group) {
      const length = (x(value) - left).toFixed(1)
      parts.push(`<rect x="${left}" y="${y}" width="${length}" height="${height - 2}" fill="${colours[index]}"/>`)
      if (mark !== undefined)
        parts.push(`<path d="M${x(mark).toFixed(1)} ${y - 1}v${height}" stroke="#d62728" stroke-width="2"/>`)
      text(x(Math.max(value, mark ?? 0)) + 5, y + height - 3, value.toFixed(2))
      y += height
    }
    y += gap
  }
  const one = x(1).toFixed(1)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y + 8}" width="${width}" height="${y + 8}" font-family="sans-serif" font-size="11">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${left}" y="18" font-size="14">${escaped(title)}</text>`,
    `<path d="M${one} ${top - 6}V${y}" stroke="#999" stroke-dasharray="3 3"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}
