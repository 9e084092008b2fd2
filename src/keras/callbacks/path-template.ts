import { invalid } from '../config.js'

/** One number by Python's format specification: `[0][width][.precision][d|f|e|g|%]`. Throws INVALID_ARGUMENT. */
function formatNumber(value: number, spec: string): string {
  const match = /^(0?)(\d*)(?:\.(\d+))?([dfeg%]?)$/.exec(spec)
  if (!match) throw invalid(`'${spec}' does not say how a number is written; as .2f or 03d`)
  const [, zero, width, precision, type] = match
  const digits = precision === undefined ? 6 : Number(precision)
  const exponent = (text: string) => text.replace(/e([+-])(\d)$/, 'e$10$2')
  const text = {
    '': () => (precision === undefined ? String(value) : String(Number(value.toPrecision(digits || 1)))),
    d: () => String(Math.trunc(value)),
    f: () => value.toFixed(digits),
    e: () => exponent(value.toExponential(digits)),
    g: () => String(Number(value.toPrecision(digits || 1))),
    '%': () => `${(100 * value).toFixed(digits)}%`,
  }[type as 'd']()
  return text.padStart(Number(width || 0), zero || ' ')
}

/** `template` with `{name}` and `{name:.2f}` replaced by numbers; `{{` and `}}` are braces. Throws INVALID_ARGUMENT naming what is not there. */
export function formatPath(template: string, values: Readonly<Record<string, number>>): string {
  return template.replace(/\{\{|\}\}|\{([^{}:]*)(?::([^{}]*))?\}/g, (all, name?: string, spec = '') => {
    if (name === undefined) return all[0]
    if (Object.hasOwn(values, name)) return formatNumber(values[name], spec)
    throw invalid(`the path '${template}' asks for '${name}'; there are ${Object.keys(values).join(', ')}`)
  })
}
