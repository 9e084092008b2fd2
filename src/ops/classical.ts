import type { DType } from '../core/dtype.js'
import { LanewiseError } from '../core/errors.js'
import type { Attributes, TensorType } from '../core/ir.js'
import { type Dim, formatShape } from '../core/shape.js'
import { type InferenceContext, intAttribute, intsAttribute, type OpDefinition, stringAttribute } from './definition.js'
import { type Forest, floatsOf, forestOfEnsemble, forestOfNodes } from './forest.js'
import { required } from './infer.js'

/** What may be done to scores in the end; ai.onnx.ml's names. */
export const postTransforms = ['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO', 'PROBIT'] as const
export type PostTransform = (typeof postTransforms)[number]

/** How the votes of trees for one target become its score. */
export const aggregations = ['AVERAGE', 'SUM', 'MIN', 'MAX'] as const
export type Aggregation = (typeof aggregations)[number]

function oneOf<T extends string>(names: readonly T[], value: unknown, what: string): T {
  const name = typeof value === 'number' ? names[value] : names.find((known) => known === value)
  if (name === undefined) throw new LanewiseError('INVALID_MODEL', `${what} '${value}' is none of ${names.join(', ')}`)
  return name
}

export const postTransformOf = (attributes: Attributes): PostTransform =>
  oneOf(postTransforms, attributes['post_transform'], 'post_transform')

export const aggregationOf = (attributes: Attributes): Aggregation =>
  oneOf(aggregations, attributes['aggregate_function'], 'aggregate_function')

/** Rows and features of input 0, [N, F] or one row [F]. Throws SHAPE_MISMATCH, TYPE_MISMATCH. */
function rowsOf(context: InferenceContext): { rows: Dim; features: Dim } {
  const { dtype, shape } = required(context, 0)
  if (dtype === 'string') throw new LanewiseError('TYPE_MISMATCH', 'takes numbers, got strings')
  if (shape.length < 1 || shape.length > 2)
    throw new LanewiseError('SHAPE_MISMATCH', `takes [N, features], got ${formatShape(shape)}`)
  return { rows: shape.length === 2 ? shape[0] : 1, features: shape[shape.length - 1] }
}

function checkFeatures(forest: Forest, features: Dim): void {
  const last = forest.features.reduce((a, b) => Math.max(a, b), -1)
  if (typeof features === 'number' && last >= features)
    throw new LanewiseError('SHAPE_MISMATCH', `the trees read feature ${last} of rows of ${features}`)
}

const forests = new WeakMap<object, Forest>()

/** A forest is read from its attributes once. */
function cached(attributes: Attributes, read: () => Forest): Forest {
  const key = attributes['nodes_modes']
  if (typeof key !== 'object') return read()
  const known = forests.get(key)
  if (known) return known
  const forest = read()
  forests.set(key, forest)
  return forest
}

/** The forest of a tree op's attributes. Throws INVALID_MODEL. */
export const forestOf = {
  TreeEnsemble: (attributes: Attributes) =>
    cached(attributes, () => forestOfEnsemble(attributes, intAttribute(attributes, 'n_targets'))),
  TreeEnsembleRegressor: (attributes: Attributes) =>
    cached(attributes, () => forestOfNodes(attributes, 'target', intAttribute(attributes, 'n_targets'))),
  TreeEnsembleClassifier: (attributes: Attributes) =>
    cached(attributes, () => forestOfNodes(attributes, 'class', labelsOf(attributes).length)),
}

/** The classes of a classifier: integers or strings. Throws INVALID_MODEL where there are none. */
export function labelsOf(attributes: Attributes): readonly (number | string)[] {
  const strings = attributes['classlabels_strings'] as readonly string[] | undefined
  if (strings && strings.length > 0) return strings
  const ints = intsAttribute(attributes, 'classlabels_int64s') ?? intsAttribute(attributes, 'classlabels_ints') ?? []
  if (ints.length === 0) throw new LanewiseError('INVALID_MODEL', 'a classifier needs labels')
  return ints
}

const labelType = (labels: readonly (number | string)[]): DType => (typeof labels[0] === 'string' ? 'string' : 'int64')

/** Columns of scores that an SVMClassifier gives: probabilities, or decisions between pairs of classes. */
export function svmColumns(attributes: Attributes): number {
  const classes = labelsOf(attributes).length
  const vectors = (intsAttribute(attributes, 'vectors_per_class') ?? []).reduce((a, b) => a + b, 0)
  const probabilities = floatsOf(attributes, 'prob_a').length > 0
  const scores = vectors === 0 || probabilities ? classes : (classes * (classes - 1)) / 2
  return scores === 1 && postTransformOf(attributes) !== 'PROBIT' && classes === 2 ? 2 : scores
}

const nodeLists = {
  nodes_falsenodeids: { type: 'ints' },
  nodes_featureids: { type: 'ints' },
  nodes_hitrates: { type: 'floats' },
  nodes_hitrates_as_tensor: { type: 'tensor' },
  nodes_missing_value_tracks_true: { type: 'ints' },
  nodes_modes: { type: 'strings' },
  nodes_nodeids: { type: 'ints' },
  nodes_treeids: { type: 'ints' },
  nodes_truenodeids: { type: 'ints' },
  nodes_values: { type: 'floats' },
  nodes_values_as_tensor: { type: 'tensor' },
  base_values: { type: 'floats' },
  base_values_as_tensor: { type: 'tensor' },
  post_transform: { type: 'string', default: 'NONE' },
} as const

const svmLists = {
  coefficients: { type: 'floats', required: true },
  kernel_params: { type: 'floats' },
  kernel_type: { type: 'string', default: 'LINEAR' },
  rho: { type: 'floats', required: true },
  support_vectors: { type: 'floats' },
  post_transform: { type: 'string', default: 'NONE' },
} as const

const svmKernels = ['LINEAR', 'POLY', 'RBF', 'SIGMOID'] as const
export type SvmKernel = (typeof svmKernels)[number]

export const svmKernelOf = (attributes: Attributes): SvmKernel =>
  oneOf(svmKernels, stringAttribute(attributes, 'kernel_type'), 'kernel_type')

/** Models of classical machine learning: trees, support vector machines. */
export const classical = {
  /** X [N, F] -> scores [N, n_targets]. */
  'ai.onnx.ml.TreeEnsemble': {
    since: 5,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      aggregate_function: { type: 'int', default: 1 },
      leaf_targetids: { type: 'ints', required: true },
      leaf_weights: { type: 'tensor', required: true },
      membership_values: { type: 'tensor' },
      n_targets: { type: 'int', required: true },
      nodes_falseleafs: { type: 'ints', required: true },
      nodes_falsenodeids: { type: 'ints', required: true },
      nodes_featureids: { type: 'ints', required: true },
      nodes_hitrates: { type: 'tensor' },
      nodes_missing_value_tracks_true: { type: 'ints' },
      nodes_modes: { type: 'tensor', required: true },
      nodes_splits: { type: 'tensor', required: true },
      nodes_trueleafs: { type: 'ints', required: true },
      nodes_truenodeids: { type: 'ints', required: true },
      post_transform: { type: 'int', default: 0 },
      tree_roots: { type: 'ints', required: true },
    },
    infer: (context) => {
      const { attributes } = context
      const { rows, features } = rowsOf(context)
      checkFeatures(forestOf.TreeEnsemble(attributes), features)
      postTransformOf(attributes)
      aggregationOf(attributes)
      return [{ dtype: required(context, 0).dtype, shape: [rows, intAttribute(attributes, 'n_targets')] }]
    },
  },
  /** X [N, F] -> scores [N, n_targets] float32. */
  'ai.onnx.ml.TreeEnsembleRegressor': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      ...nodeLists,
      aggregate_function: { type: 'string', default: 'SUM' },
      n_targets: { type: 'int', default: 1 },
      target_ids: { type: 'ints' },
      target_nodeids: { type: 'ints' },
      target_treeids: { type: 'ints' },
      target_weights: { type: 'floats' },
      target_weights_as_tensor: { type: 'tensor' },
    },
    infer: (context) => {
      const { attributes } = context
      const { rows, features } = rowsOf(context)
      checkFeatures(forestOf.TreeEnsembleRegressor(attributes), features)
      postTransformOf(attributes)
      aggregationOf(attributes)
      return [{ dtype: 'float32', shape: [rows, intAttribute(attributes, 'n_targets')] }]
    },
  },
  /** X [N, F] -> labels [N], scores [N, classes] float32. */
  'ai.onnx.ml.TreeEnsembleClassifier': {
    since: 1,
    inputs: [1, 1],
    outputs: [2, 2],
    attributes: {
      ...nodeLists,
      class_ids: { type: 'ints' },
      class_nodeids: { type: 'ints' },
      class_treeids: { type: 'ints' },
      class_weights: { type: 'floats' },
      class_weights_as_tensor: { type: 'tensor' },
      classlabels_int64s: { type: 'ints' },
      classlabels_strings: { type: 'strings' },
    },
    infer: (context): TensorType[] => {
      const { attributes } = context
      const { rows, features } = rowsOf(context)
      const labels = labelsOf(attributes)
      if (labels.length < 2) throw new LanewiseError('UNSUPPORTED_OP', 'a classifier of one class is not supported')
      checkFeatures(forestOf.TreeEnsembleClassifier(attributes), features)
      postTransformOf(attributes)
      return [
        { dtype: labelType(labels), shape: [rows] },
        { dtype: 'float32', shape: [rows, labels.length] },
      ]
    },
  },
  /** X [N, F] -> [N, 1] float32. */
  'ai.onnx.ml.SVMRegressor': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: { ...svmLists, n_supports: { type: 'int', default: 0 }, one_class: { type: 'int', default: 0 } },
    infer: (context) => {
      const { rows } = rowsOf(context)
      svmKernelOf(context.attributes)
      postTransformOf(context.attributes)
      return [{ dtype: 'float32', shape: [rows, 1] }]
    },
  },
  /** X [N, F] -> labels [N], scores [N, classes or pairs of them] float32. */
  'ai.onnx.ml.SVMClassifier': {
    since: 1,
    inputs: [1, 1],
    outputs: [2, 2],
    attributes: {
      ...svmLists,
      classlabels_ints: { type: 'ints' },
      classlabels_strings: { type: 'strings' },
      prob_a: { type: 'floats' },
      prob_b: { type: 'floats' },
      vectors_per_class: { type: 'ints' },
    },
    infer: (context): TensorType[] => {
      const { rows } = rowsOf(context)
      svmKernelOf(context.attributes)
      return [
        { dtype: labelType(labelsOf(context.attributes)), shape: [rows] },
        { dtype: 'float32', shape: [rows, svmColumns(context.attributes)] },
      ]
    },
  },
} as const satisfies Record<string, OpDefinition>
