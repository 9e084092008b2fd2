import { RandomGenerator } from '../../src/core/random.js'
import { Tensor } from '../../src/core/tensor.js'
import { row as anyRow, fed, type Row, type RowAttribute } from './rows.js'

const row = (op: string, ...rest: Parameters<typeof anyRow> extends [unknown, ...infer R] ? R : never): Row =>
  anyRow(`ai.onnx.ml.${op}`, ...rest)

const random = new RandomGenerator(7)

/** Trees of three levels over `features` features, each leaf voting for one of `targets`, or for all of them. */
function forest(
  votes: 'class' | 'target',
  trees: number,
  features: number,
  ids: readonly (readonly number[])[],
  low: number,
) {
  const modes = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT']
  const lists = {
    treeids: [] as number[],
    nodeids: [] as number[],
    featureids: [] as number[],
    truenodeids: [] as number[],
    falsenodeids: [] as number[],
    missing_value_tracks_true: [] as number[],
  }
  const [values, names, weights] = [[] as number[], [] as string[], [] as number[]]
  const [voteTrees, voteNodes, voteIds] = [[] as number[], [] as number[], [] as number[]]
  for (let tree = 0; tree < trees; tree++)
    for (let node = 0; node < 7; node++) {
      const leaf = node > 2
      lists.treeids.push(tree)
      lists.nodeids.push(node)
      lists.featureids.push(leaf ? 0 : random.integer(features))
      lists.truenodeids.push(leaf ? 0 : 2 * node + 1)
      lists.falsenodeids.push(leaf ? 0 : 2 * node + 2)
      lists.missing_value_tracks_true.push(random.integer(2))
      values.push(leaf ? 0 : random.uniform(-1, 1))
      names.push(leaf ? 'LEAF' : modes[tree % modes.length])
      if (!leaf) continue
      for (const id of ids[node % ids.length]) {
        voteTrees.push(tree)
        voteNodes.push(node)
        voteIds.push(id)
        weights.push(random.uniform(low, 1))
      }
    }
  const attributes: Record<string, RowAttribute> = {
    nodes_values: { floats: values },
    nodes_modes: { strings: names },
    [`${votes}_treeids`]: { ints: voteTrees },
    [`${votes}_nodeids`]: { ints: voteNodes },
    [`${votes}_ids`]: { ints: voteIds },
    [`${votes}_weights`]: { floats: weights },
  }
  for (const [name, ints] of Object.entries(lists)) attributes[`nodes_${name}`] = { ints }
  return attributes
}

const both = { outputs: [true, true] }
const labels = (count: number): Record<string, RowAttribute> => ({
  classlabels_int64s: { ints: Array.from({ length: count }, (_, index) => 10 + index) },
})
const withNaN = () => {
  const x = fed([6, 4])
  ;(x.tensor.data as Float32Array)[5] = Number.NaN
  return x
}

const trees: readonly Row[] = [
  ...['SUM', 'AVERAGE', 'MIN', 'MAX'].map((name) =>
    row('TreeEnsembleRegressor', [fed([6, 4])], {
      ...forest('target', 3, 4, [[0, 1]], -1),
      n_targets: { i: 2 },
      aggregate_function: { s: name },
      base_values: { floats: [0.5, -0.5] },
    }),
  ),
  row('TreeEnsembleRegressor', [withNaN()], { ...forest('target', 5, 4, [[0]], -1), n_targets: { i: 1 } }),
  ...['NONE', 'SOFTMAX', 'LOGISTIC', 'SOFTMAX_ZERO'].flatMap((name) => [
    row(
      'TreeEnsembleClassifier',
      [withNaN()],
      { ...forest('class', 4, 4, [[0], [1], [2]], -1), ...labels(3), post_transform: { s: name } },
      both,
    ),
    ...[-1, 0].map((low) =>
      row(
        'TreeEnsembleClassifier',
        [fed([9, 4])],
        { ...forest('class', 1, 4, [[0]], low), ...labels(2), post_transform: { s: name } },
        { ...both, note: `one score, weights from ${low}` },
      ),
    ),
    row(
      'TreeEnsembleClassifier',
      [fed([9, 4])],
      { ...forest('class', 3, 4, [[0, 1]], 0), ...labels(2), post_transform: { s: name } },
      { ...both, compared: [1], note: 'two scores; onnxruntime names class 1 whenever its score is positive' },
    ),
  ]),
  row(
    'TreeEnsembleClassifier',
    [fed([9, 4])],
    {
      ...forest('class', 3, 4, [[0], [1]], 0),
      classlabels_strings: { strings: ['no', 'yes', 'maybe'] },
      base_values: { floats: [0.1, 0.2, 0.3] },
    },
    both,
  ),
]

const machines: readonly Row[] = [
  ...['LINEAR', 'POLY', 'RBF', 'SIGMOID'].map((name) =>
    row('SVMRegressor', [fed([5, 3])], {
      coefficients: { floats: [0.5, -0.3, 0.8, -0.2] },
      support_vectors: { floats: Array.from({ length: 12 }, () => random.uniform(-1, 1)) },
      kernel_type: { s: name },
      kernel_params: { floats: [0.4, 0.1, 3] },
      n_supports: { i: 4 },
      rho: { floats: [0.2] },
    }),
  ),
  ...[2, 3].flatMap((classes) =>
    [false, true].map((probabilities) => {
      const pairs = (classes * (classes - 1)) / 2
      const floats = (count: number) => ({ floats: Array.from({ length: count }, () => random.uniform(-1, 1)) })
      return row(
        'SVMClassifier',
        [fed([7, 3])],
        {
          coefficients: floats((classes - 1) * 2 * classes),
          support_vectors: floats(classes * 2 * 3),
          vectors_per_class: { ints: new Array<number>(classes).fill(2) },
          kernel_type: { s: 'RBF' },
          kernel_params: { floats: [0.4, 0, 3] },
          rho: floats(pairs),
          classlabels_ints: { ints: Array.from({ length: classes }, (_, index) => index) },
          ...(probabilities && {
            prob_a: { floats: new Array<number>(pairs).fill(-1.5) },
            prob_b: { floats: new Array<number>(pairs).fill(0.1) },
          }),
        },
        { ...both, note: `${classes} classes${probabilities ? ', probabilities' : ''}` },
      )
    }),
  ),
]

const coefficients = (count: number) => ({ floats: Array.from({ length: count }, () => random.uniform(-1, 1)) })
const strings = (...elements: string[]) => ({ tensor: new Tensor('string', elements) })

const linear: readonly Row[] = [
  row('LinearRegressor', [fed([5, 3])], {
    coefficients: coefficients(6),
    intercepts: coefficients(2),
    targets: { i: 2 },
  }),
  ...['NONE', 'SOFTMAX', 'LOGISTIC'].flatMap((name) => [
    row(
      'LinearClassifier',
      [fed([5, 3])],
      {
        coefficients: coefficients(9),
        intercepts: coefficients(3),
        classlabels_ints: { ints: [5, 6, 7] },
        post_transform: { s: name },
      },
      both,
    ),
    row(
      'LinearClassifier',
      [fed([5, 3])],
      {
        coefficients: coefficients(3),
        intercepts: coefficients(1),
        classlabels_strings: { strings: ['no', 'yes'] },
        post_transform: { s: name },
      },
      both,
    ),
  ]),
]

const preprocessing: readonly Row[] = [
  row('Scaler', [fed([5, 3])], { offset: { floats: [0.1, 0.2, 0.3] }, scale: { floats: [2, 3, 4] } }),
  row('Scaler', [fed([5, 3])], { offset: { floats: [0.1] }, scale: { floats: [2] } }),
  ...['MAX', 'L1', 'L2'].map((name) => row('Normalizer', [fed([5, 3])], { norm: { s: name } })),
  row('Imputer', [withNaN()], {
    imputed_value_floats: { floats: [1, 2, 3, 4] },
    replaced_value_float: { f: Number.NaN },
  }),
  row('Imputer', [fed([5, 3], 'int64', 0, 4)], {
    imputed_value_int64s: { ints: [9] },
    replaced_value_int64: { i: 2 },
  }),
  row('Binarizer', [fed([5, 3])], { threshold: { f: 0.3 } }),
  row('OneHotEncoder', [fed([5], 'int64', 0, 5)], { cats_int64s: { ints: [0, 1, 2, 3] }, zeros: { i: 1 } }),
  row('OneHotEncoder', [strings('a', 'b', 'x')], { cats_strings: { strings: ['b', 'a'] }, zeros: { i: 1 } }),
  row('ArrayFeatureExtractor', [fed([5, 3]), fed([2], 'int64', 0, 3)]),
  row('FeatureVectorizer', [fed([5, 2]), fed([5, 3])], { inputdimensions: { ints: [2, 3] } }),
  row('LabelEncoder', [fed([6], 'int64', 0, 4)], {
    keys_int64s: { ints: [0, 1, 2] },
    values_strings: { strings: ['a', 'b', 'c'] },
    default_string: { s: 'z' },
  }),
  row('LabelEncoder', [strings('a', 'q')], {
    keys_strings: { strings: ['a', 'b'] },
    values_floats: { floats: [1.5, 2.5] },
  }),
  row('CategoryMapper', [strings('a', 'q')], { cats_strings: { strings: ['a', 'b'] }, cats_int64s: { ints: [4, 5] } }),
]

/** Ops of ai.onnx.ml. */
export const classicalRows: readonly Row[] = [...trees, ...machines, ...linear, ...preprocessing]
