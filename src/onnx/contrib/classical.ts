import { LanewiseError } from '../../core/errors.js'
import type { Value } from '../../core/ir.js'
import { Tensor } from '../../core/tensor.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { inputOf } from '../opsets/adapter.js'
import type { AdapterTable, Draft } from '../opsets/draft.js'
import { numericOf } from './activations.js'
import { number, numbers, support, text, texts, type Writer, written } from './rule.js'

const row = (k: GraphBuilder, values: readonly number[]): Value => k.constant(new Tensor('float32', values))

/** The features of input 0 as float32. */
const features = (k: GraphBuilder, draft: Draft): Value => k.cast(inputOf(draft, 0), 'float32')

/** The scores that post_transform makes of the rows of `scores`. */
function transformed(k: GraphBuilder, scores: Value, name: string): Value {
  switch (name) {
    case 'NONE':
      return scores
    case 'LOGISTIC':
      return k.sigmoid(scores)
    case 'SOFTMAX':
      return k.softmax(scores, -1)
    default:
      throw new LanewiseError('UNSUPPORTED_OP', `the post_transform '${name}' is not supported here`)
  }
}

/** X [N, F] by coefficients [targets, F], and intercepts. */
function linear(k: GraphBuilder, draft: Draft, targets: number): Value {
  const coefficients = numbers(draft, 'coefficients') ?? []
  const intercepts = numbers(draft, 'intercepts')
  const width = coefficients.length / targets
  if (!Number.isInteger(width) || width === 0)
    throw new LanewiseError('INVALID_MODEL', `${coefficients.length} coefficients do not make ${targets} rows`)
  const weight = k.constant(new Tensor('float32', coefficients, [targets, width]), 'coefficients')
  const bias = intercepts && intercepts.length > 0 ? row(k, intercepts) : undefined
  return k.op('Gemm', [k.reshape(features(k, draft), [-1, width]), weight, bias], { transB: 1 })
}

const linearClassifier: Writer = (k, draft) => {
  const strings = texts(draft, 'classlabels_strings') ?? []
  const ints = numbers(draft, 'classlabels_ints') ?? []
  const labels = strings.length > 0 ? new Tensor('string', strings) : new Tensor('int64', ints)
  const intercepts = numbers(draft, 'intercepts')?.length || labels.size
  const binary = labels.size === 2 && intercepts === 1
  support(labels.size > 1, 'a LinearClassifier of one class')
  const sums = linear(k, draft, binary ? 1 : labels.size)
  const name = text(draft, 'post_transform', 'NONE')
  const table = k.constant(labels, 'labels')
  if (!binary) {
    const scores = transformed(k, sums, name)
    return [k.gather(table, k.argMax(scores, 1)), scores]
  }
  // One score decides; the other is what it lacks to 1, as in onnxruntime.
  const score = name === 'LOGISTIC' ? k.sigmoid(sums) : sums
  const second = k.greater(score, name === 'LOGISTIC' ? 0.5 : 0)
  const chosen = k.gather(table, k.op('Squeeze', [k.cast(second, 'int64'), k.ints([1])]))
  return [chosen, k.concat([k.sub(1, score), score], 1)]
}

/** Each row over its largest value, the sum of its absolute values, or the root of the sum of its squares. */
const normalizer: Writer = (k, draft) => {
  const x = features(k, draft)
  const norm = text(draft, 'norm', 'MAX')
  const sizes: Readonly<Record<string, () => Value>> = {
    MAX: () => k.max(x, [-1], true),
    L1: () => k.sum(k.abs(x), [-1], true),
    L2: () => k.sqrt(k.sum(k.square(x), [-1], true)),
  }
  if (!Object.hasOwn(sizes, norm)) throw new LanewiseError('INVALID_MODEL', `norm '${norm}' is none of MAX, L1, L2`)
  const size = sizes[norm]()
  return [k.div(x, k.where(k.equal(size, 0), 1, size))]
}

const imputer: Writer = (k, draft) => {
  const x = inputOf(draft, 0)
  const dtype = numericOf(x)
  const float = dtype === 'float32' || dtype === 'float64'
  const values = numbers(draft, float ? 'imputed_value_floats' : 'imputed_value_int64s') ?? []
  const missing = number(draft, float ? 'replaced_value_float' : 'replaced_value_int64', 0)
  if (values.length === 0) throw new LanewiseError('INVALID_MODEL', 'an Imputer needs values of the type of its input')
  const hit = Number.isNaN(missing) ? k.op('IsNaN', [x]) : k.equal(x, missing)
  const replacement = k.constant(new Tensor('float64', values))
  return [k.op('Where', [hit, k.cast(replacement, dtype), x])]
}

const oneHot: Writer = (k, draft) => {
  const x = inputOf(draft, 0)
  const strings = texts(draft, 'cats_strings') ?? []
  const categories =
    strings.length > 0 ? new Tensor('string', strings) : new Tensor('int64', numbers(draft, 'cats_int64s') ?? [])
  const elements = x.dtype === 'string' ? x : k.cast(x, 'int64')
  const hits = k.equal(k.op('Unsqueeze', [elements, k.ints([x.shape.length])]), k.constant(categories, 'categories'))
  return [k.cast(hits, 'float32')]
}

const extractor: Writer = (k, draft) => {
  const x = inputOf(draft, 0)
  const taken = k.gather(x, k.reshape(k.cast(inputOf(draft, 1), 'int64'), [-1]), -1)
  return [x.shape.length === 1 ? k.reshape(taken, [1, -1]) : taken]
}

/** Inputs beside each other, each cut or filled up with zeros to its number of columns. */
const vectorizer: Writer = (k, draft) => {
  const widths = numbers(draft, 'inputdimensions') ?? []
  const columns = draft.inputs.map((_, index) => {
    const x = k.cast(inputOf(draft, index), 'float32')
    const matrix = x.shape.length === 1 ? k.reshape(x, [-1, 1]) : x
    const width = matrix.shape[1]
    support(typeof width === 'number' && matrix.shape.length === 2, 'a FeatureVectorizer of inputs of unknown width')
    const wanted = widths[index] ?? width
    return wanted === width ? matrix : k.op('Pad', [matrix, k.ints([0, 0, 0, wanted - width])])
  })
  return [k.concat(columns, 1)]
}

/** Strings to integers or back, by position in two lists. */
const categoryMapper: Writer = (k, draft) => {
  const [strings, ints] = [texts(draft, 'cats_strings') ?? [], numbers(draft, 'cats_int64s') ?? []]
  const toInts = inputOf(draft, 0).dtype === 'string'
  const attributes = toInts
    ? { keys_strings: strings, values_int64s: ints, default_int64: number(draft, 'default_int64', -1) }
    : { keys_int64s: ints, values_strings: strings, default_string: text(draft, 'default_string', '_Unused') }
  return [k.op('ai.onnx.ml.LabelEncoder', [inputOf(draft, 0)], attributes)]
}

/** Before version 2, the classes are a list of strings, and the integers their places. */
const listedClasses: Writer = (k, draft) => {
  const strings = texts(draft, 'classes_strings') ?? []
  const places = strings.map((_, index) => index)
  const toInts = inputOf(draft, 0).dtype === 'string'
  const attributes = toInts
    ? { keys_strings: strings, values_int64s: places, default_int64: number(draft, 'default_int64', -1) }
    : { keys_int64s: places, values_strings: strings, default_string: text(draft, 'default_string', '_Unused') }
  return [k.op('ai.onnx.ml.LabelEncoder', [inputOf(draft, 0)], attributes)]
}

/** Preprocessing and linear models of ai.onnx.ml. */
export const classicalWriters: AdapterTable = {
  'ai.onnx.ml.LabelEncoder': [{ before: 2, adapt: (draft, k) => ({ values: listedClasses(k, draft, draft) }) }],
  'ai.onnx.ml.ArrayFeatureExtractor': written(extractor),
  'ai.onnx.ml.Binarizer': written((k, draft) => {
    const x = inputOf(draft, 0)
    return [k.cast(k.greater(x, number(draft, 'threshold', 0)), numericOf(x))]
  }),
  'ai.onnx.ml.CategoryMapper': written(categoryMapper),
  'ai.onnx.ml.FeatureVectorizer': written(vectorizer),
  'ai.onnx.ml.Imputer': written(imputer),
  'ai.onnx.ml.LinearClassifier': written(linearClassifier),
  'ai.onnx.ml.LinearRegressor': written((k, draft) => [
    transformed(k, linear(k, draft, number(draft, 'targets', 1)), text(draft, 'post_transform', 'NONE')),
  ]),
  'ai.onnx.ml.Normalizer': written(normalizer),
  'ai.onnx.ml.OneHotEncoder': written(oneHot),
  'ai.onnx.ml.Scaler': written((k, draft) => {
    const [offset, scale] = [numbers(draft, 'offset') ?? [0], numbers(draft, 'scale') ?? [1]]
    return [k.mul(k.sub(features(k, draft), row(k, offset)), row(k, scale))]
  }),
  /** A map from label to score for each row; here its tensor of scores, whose columns stand in the order of the labels. */
  'ai.onnx.ml.ZipMap': written((k, draft) => [k.op('Identity', [inputOf(draft, 0)])]),
}
