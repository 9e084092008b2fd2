import type { Node } from '../../../core/ir.js'
import { Tensor } from '../../../core/tensor.js'
import { aggregations } from '../../../ops/classical.js'
import { type Ensemble, ensembleOf, isPlain, type TreeOp, wordsOfEnsemble } from '../../../ops/ensemble.js'
import { mapKernel } from '../kernel.js'
import { elementsOf, type Lowering, shapeOf } from './lowering.js'

const scoresOf = (node: Node) => node.outputs[node.outputs.length - 1]
const read = (node: Node): Ensemble => ensembleOf(node, shapeOf(scoresOf(node))[1])

const isWord = (label: number | string): boolean => typeof label === 'number' && Math.trunc(label) === (label | 0)

/** Where the parts of `wordsOfEnsemble` begin. */
function placesOf({ forest, bases }: Ensemble) {
  const nodes = forest.roots.length
  const starts = nodes + 5 * forest.features.length
  const votes = starts + forest.voteStart.length
  const base = votes + 2 * forest.voteWeights.length
  return { nodes, starts, votes, base, labels: base + bases.length }
}

/** Joins `sum` and `weight`, by the names of `aggregations`. */
const joins = {
  AVERAGE: 'sum + weight',
  SUM: 'sum + weight',
  MIN: 'min(sum, weight)',
  MAX: 'max(sum, weight)',
} as const

/** The scores of a row from the totals and votes of its targets, and the label where one is asked for. */
function scoreText(ensemble: Ensemble, labels: string | undefined, scores: string, targets: number): string {
  const { decision, complement, forest, voters, transform } = ensemble
  const { base, labels: labelsAt } = placesOf(ensemble)
  const label = labels ? `${labels}[i] = words[${labelsAt} + 2 * choice];` : ''
  const squash = (score: string) => (transform === 'LOGISTIC' ? `1.0 / (1.0 + exp(-(${score})))` : score)
  if (decision === 'aboveHalf' || decision === 'aboveZero')
    return `  let score = totals[0] + bitcast<f32>(words[${base}]);
  let choice = select(0, 1, score > ${decision === 'aboveHalf' ? '0.5' : '0.0'});
  ${scores}[i * 2u] = ${squash(complement ? '1.0 - score' : '-score')};
  ${scores}[i * 2u + 1u] = ${squash('score')};
  ${label}`
  const mean = aggregations[ensemble.aggregation] === 'AVERAGE' ? ` / ${forest.roots.length}.0` : ''
  return `  var choice = 0;
  var found = false;
  var largest = 0.0;
  for (var t = 0; t < ${targets}; t++) {
    let score = totals[t]${mean} + bitcast<f32>(words[${base} + t]);
    totals[t] = score;
    if (${voters ? 'voted[t] && ' : ''}(!found || score > largest)) { found = true; largest = score; choice = t; }
  }
  ${label}
  ${transform === 'SOFTMAX' ? `var top = totals[0]; for (var t = 1; t < ${targets}; t++) { top = max(top, totals[t]); }\n  var all = 0.0; for (var t = 0; t < ${targets}; t++) { totals[t] = exp(totals[t] - top); all += totals[t]; }` : ''}
  for (var t = 0; t < ${targets}; t++) { ${scores}[i * ${targets}u + u32(t)] = ${transform === 'SOFTMAX' ? 'totals[t] / all' : squash('totals[t]')}; }`
}

/** Targets whose totals a thread keeps. */
const MOST_TARGETS = 256

/** Trees over float32 whose thresholds and weights are float32, too: a thread a row, votes added in float32. */
const trees: Lowering = {
  accelerates(node) {
    if (node.inputs[0]!.dtype !== 'float32' || scoresOf(node).dtype !== 'float32') return false
    if (elementsOf(scoresOf(node)) === 0 || shapeOf(scoresOf(node))[1] > MOST_TARGETS) return false
    const ensemble = read(node)
    return isPlain(ensemble) && ensemble.labels.every(isWord)
  },
  lower(node, { place, table }) {
    const ensemble = read(node)
    const { forest, decision } = ensemble
    const { nodes, starts, votes } = placesOf(ensemble)
    const [rows, targets] = shapeOf(scoresOf(node))
    const features = shapeOf(node.inputs[0]!).at(-1)
    const words = wordsOfEnsemble(ensemble)
    const isSingle = decision === 'aboveHalf' || decision === 'aboveZero'
    return mapKernel({
      name: 'forest',
      count: rows,
      reads: { x: place(node.inputs[0]!), words: table(new Tensor('int32', Int32Array.from(words), [words.length])) },
      writes: {
        scores: place(scoresOf(node)),
        ...(decision !== 'none' && { labels: place(node.outputs[0]) }),
      } as Readonly<Record<string, ReturnType<typeof place>>>,
      // NaN by its bits: a driver may take for granted that there is none.
      declarations: `
fn holds(comparison: i32, value: f32, threshold: f32) -> bool {
  switch comparison {
    case 0: { return value <= threshold; }
    case 1: { return value < threshold; }
    case 2: { return value >= threshold; }
    case 3: { return value > threshold; }
    case 4: { return value == threshold; }
    default: { return value != threshold; }
  }
}`,
      body: (names: Readonly<Record<string, string>>) => `  var totals: array<f32, ${targets}>;
  var voted: array<bool, ${targets}>;
  for (var tree = 0; tree < ${forest.roots.length}; tree++) {
    var at = words[tree];
    while (at >= 0) {
      let node = ${nodes} + at * 5;
      let value = ${names['x']}[i * ${features}u + u32(words[node])];
      let mode = words[node + 4];
      let missing = (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
      let taken = select(holds(mode & 7, value, bitcast<f32>(words[node + 1])), mode >= 8, missing);
      at = words[node + select(3, 2, taken)];
    }
    let end = words[${starts} + ~at + 1];
    for (var vote = words[${starts} + ~at]; vote < end; vote++) {
      let t = ${isSingle ? '0' : `words[${votes} + 2 * vote]`};
      let weight = bitcast<f32>(words[${votes} + 2 * vote + 1]);
      let sum = totals[t];
      totals[t] = select(weight, ${joins[aggregations[ensemble.aggregation]]}, voted[t]);
      voted[t] = true;
    }
  }
${scoreText(ensemble, names['labels'], names['scores'], targets)}`,
    })
  },
}

export const forestLowerings = {
  'ai.onnx.ml.TreeEnsemble': trees,
  'ai.onnx.ml.TreeEnsembleRegressor': trees,
  'ai.onnx.ml.TreeEnsembleClassifier': trees,
} as const satisfies Record<`ai.onnx.ml.${TreeOp}`, Lowering>
