import type { Graph } from '../core/ir.js'
import type { Evaluate } from '../graph/fold.js'
import { cancelTransposes } from './cancel-transposes.js'
import { channelsLast } from './channels-last.js'
import { eliminateDead } from './eliminate-dead.js'
import { foldConstants } from './fold-constants.js'
import { fuseBias } from './fuse-bias.js'
import { fuseEpilogues } from './fuse-epilogues.js'
import { fuseMatMul } from './fuse-matmul.js'
import { mergeCommon } from './merge-common.js'
import type { Pass } from './pass.js'
import { removeIdentities } from './remove-identities.js'

/** The passes, in the order in which they run. */
export const passes = ({ evaluate }: { readonly evaluate: Evaluate }): readonly Pass[] => [
  eliminateDead,
  foldConstants(evaluate),
  removeIdentities,
  mergeCommon,
  channelsLast,
  cancelTransposes,
  foldConstants(evaluate),
  removeIdentities,
  mergeCommon,
  fuseMatMul,
  fuseBias,
  fuseEpilogues,
  eliminateDead,
]

/** `graph` made faster to run: same inputs, outputs, variables and results. Works on training graphs too. */
export const optimise = (graph: Graph, options: { readonly evaluate: Evaluate }): Graph =>
  passes(options).reduce((current, pass) => pass.run(current), graph)
