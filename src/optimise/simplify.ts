import type { Graph } from '../core/ir.js'
import { atOnce } from '../core/turns.js'
import type { Evaluate } from '../graph/fold.js'
import { cancelTransposes } from './cancel-transposes.js'
import { eliminateDead } from './eliminate-dead.js'
import { foldConstants } from './fold-constants.js'
import { foldShapes } from './fold-shapes.js'
import { runAll } from './index.js'
import { mergeCommon } from './merge-common.js'
import type { Pass } from './pass.js'
import { removeIdentities } from './remove-identities.js'

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

/** `graph` without what an exporter leaves behind: foldable nodes, transposes that cancel, identities. */
export const simplify = (graph: Graph, options: SimplifyOptions): Graph =>
  atOnce(runAll(graph, portablePasses(options)))
