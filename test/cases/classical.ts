import { Tensor } from '../../src/core/tensor.js'
import { f32, type OpCase } from './case.js'

/** One tree: x[1] <= 0.5 ? 1 : (x[0] <= -0.25 ? 2 : 3). */
const nodes = {
  nodes_treeids: [0, 0, 0, 0, 0],
  nodes_nodeids: [0, 1, 2, 3, 4],
  nodes_featureids: [1, 0, 0, 0, 0],
  nodes_values: [0.5, 0, -0.25, 0, 0],
  nodes_modes: ['BRANCH_LEQ', 'LEAF', 'BRANCH_LEQ', 'LEAF', 'LEAF'],
  nodes_truenodeids: [1, 0, 3, 0, 0],
  nodes_falsenodeids: [2, 0, 4, 0, 0],
}

const machine = {
  coefficients: [1, -0.5],
  kernel_params: [0.5, 0, 3],
  kernel_type: 'RBF',
  rho: [0.25],
  support_vectors: [1, 0, -1, 2],
}

const threeClasses = {
  ...machine,
  coefficients: [1, 0.5, -0.25, -1, -0.75, 1.5, 0.25, -2],
  rho: [0.25, -0.5, 0.125],
  support_vectors: [1, 0, -1, 2, 0.5, 1, 0, -1],
  vectors_per_class: [2, 1, 1],
  classlabels_ints: [3, 8, -1],
}

const machines = ['LINEAR', 'POLY', 'RBF', 'SIGMOID'].map((name) => ({ kernel_type: name }))

/** The ops of ai.onnx.ml. */
export const classicalCases: readonly OpCase[] = [
  {
    op: 'ai.onnx.ml.TreeEnsemble',
    inputs: [f32([7, 2], { distinct: true })],
    attributes: {
      leaf_targetids: [0, 0, 0],
      leaf_weights: new Tensor('float32', [1, 2, 3]),
      n_targets: 1,
      nodes_falseleafs: [0, 1],
      nodes_falsenodeids: [1, 2],
      nodes_featureids: [1, 0],
      nodes_modes: new Tensor('uint8', [0, 0]),
      nodes_splits: new Tensor('float32', [0.5, -0.25]),
      nodes_trueleafs: [1, 1],
      nodes_truenodeids: [0, 1],
      tree_roots: [0],
    },
  },
  {
    op: 'ai.onnx.ml.TreeEnsembleRegressor',
    inputs: [f32([7, 2], { distinct: true })],
    attributes: {
      ...nodes,
      n_targets: 1,
      target_treeids: [0, 0, 0],
      target_nodeids: [1, 3, 4],
      target_ids: [0, 0, 0],
      target_weights: [1, 2, 3],
    },
  },
  {
    op: 'ai.onnx.ml.TreeEnsembleClassifier',
    inputs: [f32([7, 2], { distinct: true })],
    attributes: {
      ...nodes,
      class_treeids: [0, 0, 0],
      class_nodeids: [1, 3, 4],
      class_ids: [0, 1, 2],
      class_weights: [1, 1, 1],
      classlabels_int64s: [5, 7, 9],
    },
    outputs: 2,
  },
  ...machines.flatMap((kernel): OpCase[] => [
    {
      op: 'ai.onnx.ml.SVMRegressor',
      inputs: [f32([5, 2])],
      attributes: { ...machine, ...kernel, n_supports: 2 },
    },
    {
      op: 'ai.onnx.ml.SVMClassifier',
      inputs: [f32([5, 2])],
      attributes: { ...threeClasses, ...kernel },
      outputs: 2,
    },
  ]),
  { op: 'ai.onnx.ml.SVMRegressor', inputs: [f32([5, 2])], attributes: { ...machine, n_supports: 2, one_class: 1 } },
  { op: 'ai.onnx.ml.SVMRegressor', inputs: [f32([5, 2])], attributes: { coefficients: [1, -0.5], rho: [0.25] } },
  ...['NONE', 'LOGISTIC', 'SOFTMAX', 'SOFTMAX_ZERO'].flatMap((transform): OpCase[] =>
    [
      { ...machine, vectors_per_class: [1, 1], classlabels_ints: [3, 8] },
      { ...machine, coefficients: [1, 0.5], vectors_per_class: [1, 1], classlabels_ints: [3, 8] },
      threeClasses,
      { ...threeClasses, prob_a: [-1, -0.5, -2], prob_b: [0.1, -0.2, 0] },
      { coefficients: [1, 2, -1, 0.5, 0, -2], rho: [0.25], classlabels_ints: [1, 0, 7] },
    ].map((attributes) => ({
      op: 'ai.onnx.ml.SVMClassifier',
      inputs: [f32([5, 2])],
      attributes: { ...attributes, post_transform: transform },
      outputs: 2,
    })),
  ),
  {
    op: 'ai.onnx.ml.LabelEncoder',
    inputs: [f32([4], { data: [1, 2, 3, 2] })],
    attributes: { keys_floats: [1, 2], values_floats: [10, 20], default_float: -1 },
  },
  {
    op: 'ai.onnx.ml.LabelEncoder',
    inputs: [{ shape: [2, 5], dtype: 'int64', range: [-5, 5] }],
    attributes: { keys_int64s: [4, -5, 2, 0, 2, -3], values_floats: [1, 2, 3, 4, 5, 6], default_float: -1 },
  },
  {
    op: 'ai.onnx.ml.LabelEncoder',
    inputs: [f32([4], { data: [0.5, -2, 3, 2] })],
    attributes: { keys_floats: [3, 0.5], values_int64s: [-7, 9] },
  },
]
