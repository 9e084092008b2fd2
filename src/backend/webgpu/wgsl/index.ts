import type { DType } from '../../../core/dtype.js'

/**
 * The offset, as an expression of WGSL, of the element that a dense index names: `dims` are the sizes that `index` counts
 * through, innermost last, `strides` what each is worth (they may be negative or 0), `base` is added.
 */
export function offsetExpression(index: string, dims: readonly number[], strides: readonly number[], base = 0): string {
  const signed = base < 0 || strides.some((stride) => stride < 0)
  const literal = (x: number) => (signed ? `${x}` : `${x}u`)
  const terms: string[] = base !== 0 ? [literal(base)] : []
  let below = 1
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    const dim = dims[axis]
    if (strides[axis] !== 0 && dim > 1) {
      const quotient = below === 1 ? index : `(${index} / ${below}u)`
      const rest = dims.slice(0, axis).every((outer) => outer === 1)
      const position = rest ? quotient : `(${quotient} % ${dim}u)`
      const value = signed ? `i32(${position})` : position
      terms.push(strides[axis] === 1 ? value : `${value} * ${literal(strides[axis])}`)
    }
    below *= dim
  }
  const sum = terms.length > 0 ? terms.join(' + ') : literal(0)
  return signed ? `u32(${sum})` : sum
}

/** Statements that declare the coordinates `names`, outermost first, of the dense index `index` of `dims`. */
export function coordinates(index: string, names: readonly string[], dims: readonly number[]): string {
  let below = 1
  const lines = names.map((name, at) => ({ name, dim: dims[at], first: at === 0 })).reverse()
  return lines
    .map(({ name, dim, first }) => {
      const quotient = below === 1 ? index : `(${index} / ${below}u)`
      below *= dim
      return `let ${name} = ${first ? quotient : `${quotient} % ${dim}u`};`
    })
    .join(' ')
}

/** WGSL for `expression`, a scalar or vector of 32-bit integers, brought back to the width of `dtype`; wider types stay as they are. */
export function wrapped(dtype: DType, expression: string): string {
  const bits = { int8: 8, uint8: 8, int16: 16, uint16: 16 }[dtype as string]
  if (bits === undefined) return expression
  return `(((${expression}) << U(${32 - bits}u)) >> U(${32 - bits}u))`
}
