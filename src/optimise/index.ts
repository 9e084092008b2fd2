import { isHalf } from '../core/dtype.js'
import type { Graph } from '../core/ir.js'
import { later } from '../core/later.js'
import { atOnce } from '../core/turns.js'
import type { Evaluate } from '../graph/fold.js'
import { cancelTransposes } from './cancel-transposes.js'
import { channelsLast } from './channels-last.js'
import { eliminateDead } from './eliminate-dead.js'
import { type Accelerates, expandComposites } from './expand-composites.js'
import { foldAffine } from './fold-affine.js'
import { foldConstants } from './fold-constants.js'
import { fuseBias } from './fuse-bias.js'
import { fuseEpilogues } from './fuse-epilogues.js'
import { fuseGates } from './fuse-gates.js'
import { fuseMatMul } from './fuse-matmul.js'
import { fusePooledConv } from './fuse-pooled-conv.js'
import { mergeCommon } from './merge-common.js'
import { applied, type Pass } from './pass.js'
import { removeIdentities } from './remove-identities.js'
import { restorePlanes } from './restore-planes.js'

export interface OptimiseOptions {
  readonly evaluate: Evaluate
  /** Whether the backend has a kernel for a node; composites without one are expanded. All have one unless told. */
  readonly accelerates?: Accelerates
}

/** A pass that a pack brings for its ops; the backend's kernels may count. */
export type PackPass = (accelerates: Accelerates) => Pass

/** The passes that packs have brought, by their place in the list. */
export const packPasses: { quantized?: PackPass; gradients?: PackPass } = {}

const fromPack = (place: keyof typeof packPasses, accelerates: Accelerates): readonly Pass[] => {
  const pass = packPasses[place]
  return pass ? [pass(accelerates)] : []
}

/** The pass on floats of 16 bits; it comes with the first graph that holds some. */
export const halves = /* @__PURE__ */ later(
  'what computes on floats of 16 bits has not come yet: it does with the first session or step that holds some',
  () => import('./widen-halves.js'),
)

const widenHalves = (accelerates: Accelerates): Pass => ({
  name: 'widen halves',
  concerns: ({ inputs }) => inputs.some((input) => input && isHalf(input.dtype)),
  run: (graph) => halves().widenHalves(accelerates).run(graph),
})

/** The passes, in the order in which they run. */
export const passes = ({ evaluate, accelerates = () => true }: OptimiseOptions): readonly Pass[] => [
  eliminateDead,
  ...fromPack('quantized', accelerates),
  foldConstants(evaluate, true),
  widenHalves(accelerates),
  fuseGates,
  expandComposites(accelerates),
  foldConstants(evaluate),
  removeIdentities,
  mergeCommon,
  channelsLast,
  cancelTransposes,
  restorePlanes(accelerates),
  cancelTransposes,
  foldConstants(evaluate),
  removeIdentities,
  mergeCommon,
  ...fromPack('gradients', accelerates),
  fuseMatMul,
  fuseBias,
  foldAffine,
  fuseBias,
  foldConstants(evaluate),
  fuseEpilogues,
  fusePooledConv(accelerates),
]

/** Runs the passes in order, but for those that have seen the graph as it is. */
export function* runAll(graph: Graph, passes: readonly Pass[]): Generator<void, Graph> {
  const results = new Map<string, Graph>()
  let current = graph
  for (const pass of passes) {
    if (results.get(pass.name) === current) continue
    current = applied(pass, current)
    results.set(pass.name, current)
    yield
  }
  return current
}

/** As `optimise`, with a stop behind each pass. */
export const optimiseByPass = (graph: Graph, options: OptimiseOptions): Generator<void, Graph> =>
  runAll(graph, passes(options))

/** `graph` made faster to run: same inputs, outputs, variables and results. Works on training graphs too. */
export const optimise = (graph: Graph, options: OptimiseOptions): Graph => atOnce(optimiseByPass(graph, options))
