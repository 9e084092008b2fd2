import { invalid } from './config.js'
import { isSymbolic, Layer, type SymbolicTensor } from './layers/layer.js'

/** The inputs or outputs of a model: one, a list, or an object by name. */
export type Ends = SymbolicTensor | readonly SymbolicTensor[] | Readonly<Record<string, SymbolicTensor>>

/** How the ends of a model were given; names are in alphabetical order, as Keras has them. */
export type Form = 'one' | 'list' | readonly string[]

/** The tensors and their form. Throws INVALID_ARGUMENT for what is no tensor, telling its `role`. */
export function readEnds(
  ends: Ends,
  role: string,
): { readonly tensors: readonly SymbolicTensor[]; readonly form: Form } {
  const isNamed =
    typeof ends === 'object' && Object.getPrototypeOf(ends) === Object.prototype && !isSymbolic(ends as never)
  const form = isNamed ? Object.keys(ends).sort() : Array.isArray(ends) ? 'list' : 'one'
  const tensors = isNamed
    ? (form as string[]).map((name) => (ends as Record<string, SymbolicTensor>)[name])
    : [ends].flat()
  if (tensors.length === 0) throw invalid(`a model needs ${role}, got none`)
  for (const end of tensors)
    if (!isSymbolic(end as SymbolicTensor))
      throw invalid(`the ${role} of a model are what input({ shape }) and apply give, got ${describe(end)}`)
  return { tensors: tensors as readonly SymbolicTensor[], form }
}

/** One thing for each end, in the form that the ends were given in. */
export function inForm<T>(items: readonly T[], form: Form): T | readonly T[] | Readonly<Record<string, T>> {
  if (form === 'one' && items.length === 1) return items[0]
  return typeof form === 'string' ? items : Object.fromEntries(form.map((name, i) => [name, items[i]]))
}

const describe = (end: unknown): string =>
  end instanceof Layer ? `the layer '${end.name}': apply it first` : String(end)
