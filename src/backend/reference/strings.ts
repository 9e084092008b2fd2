import { LanewiseError } from '../../core/errors.js'
import type { Attributes } from '../../core/ir.js'
import { concrete, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute, intsAttribute, stringAttribute } from '../../ops/definition.js'
import type { strings } from '../../ops/strings.js'
import { broadcastIndices } from './broadcast.js'
import type { ReferenceKernel } from './kernel.js'
import { tensorOf } from './numbers.js'
import { compilePattern } from './regex.js'

const textOf = (tensor: Tensor): readonly string[] => tensor.data as string[]

const concat: ReferenceKernel = ({ inputs, outputs: [{ shape }] }) => {
  const dims = concrete(shape)
  const [a, b] = inputs as readonly Tensor[]
  const [left, right] = [broadcastIndices(a.dims, dims), broadcastIndices(b.dims, dims)]
  return [
    new Tensor(
      'string',
      Array.from(left, (index, i) => textOf(a)[index] + textOf(b)[right[i]]),
      dims,
    ),
  ]
}

/** The parts of `text` between delimiters, or between runs of white space where there is no delimiter. */
function partsOf(text: string, delimiter: string, limit: number): string[] {
  const parts: string[] = []
  let rest = delimiter === '' ? text.trimStart() : text
  while (parts.length < limit) {
    const found = delimiter === '' ? /\s+/.exec(rest) : { index: rest.indexOf(delimiter), 0: delimiter }
    if (!found || found.index < 0) break
    parts.push(rest.slice(0, found.index))
    rest = rest.slice(found.index + found[0].length)
  }
  if (delimiter !== '' || rest !== '') parts.push(rest)
  return parts
}

const split: ReferenceKernel = ({ inputs: [x], attributes }) => {
  const delimiter = (attributes['delimiter'] as string | undefined) ?? ''
  const limit = (attributes['maxsplit'] as number | undefined) ?? Number.POSITIVE_INFINITY
  const parts = textOf(x!).map((text) => partsOf(text, delimiter, limit))
  const width = parts.reduce((most, { length }) => Math.max(most, length), 0)
  const padded = parts.flatMap((row) => Array.from({ length: width }, (_, i) => row[i] ?? ''))
  const counts = parts.map(({ length }) => length)
  return [new Tensor('string', padded, [...x!.dims, width]), tensorOf('int64', counts, x!.dims)]
}

const normalizer: ReferenceKernel = ({ inputs: [x], attributes }) => {
  const sensitive = intAttribute(attributes, 'is_case_sensitive') === 1
  const locale = attributes['locale'] as string | undefined
  const fold = (text: string) => (sensitive ? text : text.toLowerCase())
  const stopWords = new Set(((attributes['stopwords'] as readonly string[] | undefined) ?? []).map(fold))
  const action = stringAttribute(attributes, 'case_change_action')
  const tag = locale?.split('.')[0].replace('_', '-')
  const change = (text: string) =>
    action === 'LOWER' ? text.toLocaleLowerCase(tag) : action === 'UPPER' ? text.toLocaleUpperCase(tag) : text
  const kept = textOf(x!)
    .filter((text) => !stopWords.has(fold(text)))
    .map(change)
  const result = kept.length > 0 ? kept : ['']
  return [new Tensor('string', result, [...x!.dims.slice(0, -1), result.length])]
}

const fullMatch: ReferenceKernel = ({ inputs: [x], attributes }) => {
  const matches = compilePattern(stringAttribute(attributes, 'pattern'))
  return [
    tensorOf(
      'bool',
      textOf(x!).map((text) => Number(matches(text))),
      x!.dims,
    ),
  ]
}

/** For each length, the n-grams of the pool and their place in ngram_indexes. Throws INVALID_MODEL. */
function poolOf(attributes: Attributes): Map<string, number>[] {
  const pool = (attributes['pool_strings'] ?? attributes['pool_int64s']) as readonly (string | number)[]
  const starts = intsAttribute(attributes, 'ngram_counts')!
  const places = intsAttribute(attributes, 'ngram_indexes')!.length
  let next = 0
  return starts.map((start, at) => {
    const length = at + 1
    const end = starts[at + 1] ?? pool.length
    if (start < 0 || end < start || end > pool.length || (end - start) % length !== 0)
      throw new LanewiseError('INVALID_MODEL', `ngram_counts ${starts.join(', ')} do not cut the pool into n-grams`)
    const grams = new Map<string, number>()
    for (let from = start; from < end; from += length) grams.set(keyOf(pool.slice(from, from + length)), next++)
    if (next > places) throw new LanewiseError('INVALID_MODEL', 'the pool holds more n-grams than ngram_indexes')
    return grams
  })
}

const keyOf = (gram: readonly (string | number)[]): string => JSON.stringify(gram)

const tfIdf: ReferenceKernel = ({ inputs: [x], outputs: [{ shape }], attributes }) => {
  const dims = concrete(shape)
  const width = dims[dims.length - 1]
  const length = x!.dims[x!.dims.length - 1]
  const pool = poolOf(attributes)
  const indexes = intsAttribute(attributes, 'ngram_indexes')!
  const weights = attributes['weights'] as readonly number[] | undefined
  const mode = stringAttribute(attributes, 'mode')
  const [min, max] = [intAttribute(attributes, 'min_gram_length'), intAttribute(attributes, 'max_gram_length')]
  const skips = intAttribute(attributes, 'max_skip_count')
  const items: readonly (string | number)[] = x!.type === 'string' ? textOf(x!) : x!.toNumbers()
  const result = new Float64Array(sizeOf(dims))
  for (let row = 0; row < sizeOf(dims.slice(0, -1)); row++) {
    const own = items.slice(row * length, (row + 1) * length)
    const counts = new Map<number, number>()
    for (let size = min; size <= Math.min(max, pool.length); size++) {
      const grams = pool[size - 1]
      if (!grams?.size) continue
      // Single items have no gaps: they count once.
      for (let distance = 1; distance <= (size === 1 ? 1 : Math.min(skips + 1, own.length)); distance++)
        for (let start = 0; start + (size - 1) * distance < own.length; start++) {
          const gram = Array.from({ length: size }, (_, i) => own[start + i * distance])
          const place = grams.get(keyOf(gram))
          if (place !== undefined) counts.set(place, (counts.get(place) ?? 0) + 1)
        }
    }
    for (const [place, count] of counts) {
      const weight = mode === 'TF' ? 1 : (weights?.[place] ?? 1)
      result[row * width + indexes[place]] = (mode === 'IDF' ? 1 : count) * weight
    }
  }
  return [tensorOf('float32', result, dims)]
}

export const stringKernels = {
  StringConcat: concat,
  StringSplit: split,
  StringNormalizer: normalizer,
  RegexFullMatch: fullMatch,
  TfIdfVectorizer: tfIdf,
} as const satisfies Record<keyof typeof strings, ReferenceKernel>
