import type { DType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { TensorType } from '../core/ir.js'
import { broadcastShapes, formatShape } from '../core/shape.js'
import { type InferenceContext, intAttribute, intsAttribute, type OpDefinition, stringAttribute } from './definition.js'
import { freshShape, required } from './infer.js'

/** Input `index`, a tensor of strings. Throws TYPE_MISMATCH. */
function requiredStrings(context: InferenceContext, index: number): TensorType {
  const type = required(context, index)
  if (type.dtype !== 'string') throw new LanewiseError('TYPE_MISMATCH', `takes strings, got ${type.dtype}`)
  return type
}

function inferNormalizer(context: InferenceContext): TensorType[] {
  const { dtype, shape } = requiredStrings(context, 0)
  if (shape.length !== 1 && !(shape.length === 2 && (typeof shape[0] === 'string' || shape[0] === 1)))
    throw new LanewiseError('SHAPE_MISMATCH', `takes [C] or [1, C], got ${formatShape(shape)}`)
  const action = stringAttribute(context.attributes, 'case_change_action')
  if (!['NONE', 'LOWER', 'UPPER'].includes(action))
    throw new LanewiseError('INVALID_MODEL', `case_change_action '${action}' is none of NONE, LOWER, UPPER`)
  const length = freshShape(context, shape.length).at(-1)!
  return [{ dtype, shape: [...shape.slice(0, -1), length] }]
}

function inferTfIdf(context: InferenceContext): TensorType[] {
  const { attributes } = context
  const { dtype, shape } = required(context, 0)
  const expected: readonly DType[] = attributes['pool_strings'] ? ['string'] : ['int32', 'int64']
  if (!expected.includes(dtype))
    throw new LanewiseError('TYPE_MISMATCH', `the pool holds ${expected.join(' or ')}, the input ${dtype}`)
  if (shape.length !== 1 && shape.length !== 2)
    throw new LanewiseError('SHAPE_MISMATCH', `takes [C] or [N, C], got ${formatShape(shape)}`)
  if (!attributes['pool_strings'] === !attributes['pool_int64s'])
    throw new LanewiseError('INVALID_MODEL', 'needs pool_strings or pool_int64s, and not both')
  const mode = stringAttribute(attributes, 'mode')
  if (!['TF', 'IDF', 'TFIDF'].includes(mode))
    throw new LanewiseError('INVALID_MODEL', `mode '${mode}' is none of TF, IDF, TFIDF`)
  const indexes = intsAttribute(attributes, 'ngram_indexes')!
  const [min, max] = [intAttribute(attributes, 'min_gram_length'), intAttribute(attributes, 'max_gram_length')]
  if (indexes.length === 0 || indexes.some((index) => index < 0) || !(min >= 1 && min <= max))
    throw new LanewiseError('INVALID_MODEL', 'ngram_indexes and the gram lengths must be positive and in order')
  return [{ dtype: 'float32', shape: [...shape.slice(0, -1), indexes.reduce((a, b) => Math.max(a, b)) + 1] }]
}

/** Ops on strings. String tensors stay on the host: backends leave these to the reference kernels. */
export const strings = {
  /** a, b -> their concatenations, broadcast. */
  StringConcat: {
    since: 20,
    inputs: [2, 2],
    outputs: [1, 1],
    infer: (context) => {
      const [a, b] = [requiredStrings(context, 0), requiredStrings(context, 1)]
      return [{ dtype: 'string', shape: broadcastShapes(a.shape, b.shape) }]
    },
  },

  /** Strings -> their parts along a new last axis, padded with empty strings, and the number of parts (int64). */
  StringSplit: {
    since: 20,
    inputs: [1, 1],
    outputs: [2, 2],
    attributes: { delimiter: { type: 'string' }, maxsplit: { type: 'int' } },
    infer: (context) => {
      const { shape } = requiredStrings(context, 0)
      const parts = freshShape(context, shape.length + 1).at(-1)!
      return [
        { dtype: 'string', shape: [...shape, parts] },
        { dtype: 'int64', shape },
      ]
    },
  },

  /** [C] or [1, C] -> the strings that are no stop words, in the case asked for; one empty string where none is left. */
  StringNormalizer: {
    since: 10,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      case_change_action: { type: 'string', default: 'NONE' },
      is_case_sensitive: { type: 'int', default: 0 },
      locale: { type: 'string' },
      stopwords: { type: 'strings' },
    },
    infer: inferNormalizer,
  },

  /** Whether the whole of each string matches `pattern`, in RE2's syntax. */
  RegexFullMatch: {
    since: 20,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { pattern: { type: 'string', required: true } },
    infer: (context) => [{ dtype: 'bool', shape: requiredStrings(context, 0).shape }],
  },

  /** Sequences [C] or [N, C] of strings or integers -> how often they hold each n-gram of a pool, weighted. */
  TfIdfVectorizer: {
    since: 9,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      max_gram_length: { type: 'int', required: true },
      max_skip_count: { type: 'int', required: true },
      min_gram_length: { type: 'int', required: true },
      mode: { type: 'string', required: true },
      ngram_counts: { type: 'ints', required: true },
      ngram_indexes: { type: 'ints', required: true },
      pool_int64s: { type: 'ints' },
      pool_strings: { type: 'strings' },
      weights: { type: 'floats' },
    },
    infer: inferTfIdf,
  },
} as const satisfies Record<string, OpDefinition>
