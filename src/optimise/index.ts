import type { Graph } from '../core/ir.js'
import { atOnce } from '../core/turns.js'
import type { Evaluate } from '../graph/fold.js'
import { cancelTransposes } from './cancel-transposes.js'
import { channelsLast } from './channels-last.js'
import { eliminateDead } from './eliminate-dead.js'
import { type Accelerates, expandComposites } from './expand-composites.js'
import { foldAffine } from './fold-affine.js'
import { foldConstants } from './fold-constants.js'
import { foldShapes } from './fold-shapes.js'
import { fuseBias } from './fuse-bias.js'
import { fuseEpilogues } from './fuse-epilogues.js'
import { fuseGates } from './fuse-gates.js'
import { fuseMatMul } from './fuse-matmul.js'
import { mergeCommon } from './merge-common.js'
import type { Pass } from './pass.js'
import { removeIdentities } from './remove-identities.js'
import { widenHalves } from './widen-halves.js'

export interface OptimiseOptions {
  readonly evaluate: Evaluate
  /** Whether the backend has a kernel for a node; composites without one are expanded. All have one unless told. */
  readonly accelerates?: Accelerates
}

/** The passes that a pack brings for its ops; the backend's kernels may count. */
export type PackPasses = (accelerates: Accelerates) => readonly Pass[]

/** The passes that packs have brought, by their place in the list. */
export const packPasses: { quantized?: PackPasses; gradients?: PackPasses } = {}

const fromPack = (place: keyof typeof packPasses, accelerates: Accelerates): readonly Pass[] =>
  packPasses[place]?.(accelerates) ?? []

/** The passes, in the order in which they run. */
export const passes = ({ evaluate, accelerates = () => true }: OptimiseOptions): readonly Pass[] => [
  eliminateDead,
  ...fromPack('quantized', accelerates),
  eliminateDead,
  foldConstants(evaluate, true),
  widenHalves(accelerates),
  fuseGates,
  expandComposites(accelerates),
  foldConstants(evaluate),
  removeIdentities,
  mergeCommon,
  channelsLast,
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
  eliminateDead,
]

export interface SimplifyOptions {
  readonly evaluate: Evaluate
  /** Whether quantized constants become the real numbers that they stand for; they stay as small as they are unless told. */
  readonly decode?: boolean
}

/** The passes that keep a graph in standard ops and in its layout: for a model that goes to another runtime. */
const portablePasses = ({ evaluate, decode }: SimplifyOptions): readonly Pass[] => [
  eliminateDead,
  foldConstants(evaluate, decode),
  foldShapes,
  cancelTransposes,
  foldConstants(evaluate),
  removeIdentities,
  mergeCommon,
  eliminateDead,
]

/** Runs the passes in order, but for those that have seen the graph as it is. */
function* runAll(graph: Graph, passes: readonly Pass[]): Generator<void, Graph> {
  const results = new Map<string, Graph>()
  let current = graph
  for (const pass of passes) {
    if (results.get(pass.name) === current) continue
    current = pass.run(current)
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

/** `graph` without what an exporter leaves behind: foldable nodes, transposes that cancel, identities. */
export const simplify = (graph: Graph, options: SimplifyOptions): Graph =>
  atOnce(runAll(graph, portablePasses(options)))
