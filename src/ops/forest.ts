import { LanewiseError } from '../core/errors.js'
import type { Attributes } from '../core/ir.js'
import { Tensor } from '../core/tensor.js'

/** How a node compares its feature with its threshold, or looks it up in its set. */
export type Comparison = 'LEQ' | 'LT' | 'GTE' | 'GT' | 'EQ' | 'NEQ' | 'MEMBER'

/** All comparisons; kernels know them by their place. */
export const comparisons: readonly Comparison[] = ['LEQ', 'LT', 'GTE', 'GT', 'EQ', 'NEQ', 'MEMBER']

/** Decision trees. A branch is a node's index, or ~leaf; leaf l casts the votes voteStart[l] … voteStart[l + 1] - 1. */
export interface Forest {
  readonly roots: readonly number[]
  readonly features: readonly number[]
  readonly comparisons: readonly Comparison[]
  readonly thresholds: ArrayLike<number>
  readonly members: readonly (ReadonlySet<number> | undefined)[]
  readonly onTrue: readonly number[]
  readonly onFalse: readonly number[]
  /** Whether NaN takes the true branch. */
  readonly missingIsTrue: readonly boolean[]
  readonly voteStart: readonly number[]
  readonly voteTargets: readonly number[]
  readonly voteWeights: readonly number[]
}

const invalid = (reason: string): never => {
  throw new LanewiseError('INVALID_MODEL', reason)
}

const list = (attributes: Attributes, name: string): readonly number[] => {
  const value = attributes[name]
  return value instanceof Tensor ? value.toNumbers() : ((value as readonly number[] | undefined) ?? [])
}

/** A list of floats, or of doubles in the attribute `name_as_tensor`. */
export const floatsOf = (attributes: Attributes, name: string): readonly number[] => {
  const tensor = attributes[`${name}_as_tensor`]
  return tensor instanceof Tensor ? tensor.toNumbers() : list(attributes, name)
}

const sameLength = (attributes: Attributes, names: readonly string[], length: number): void => {
  for (const name of names)
    if (list(attributes, name).length !== length)
      invalid(`${name} has ${list(attributes, name).length} entries, ${length} are needed`)
}

/** The forest of TreeEnsembleClassifier (`votes` 'class') and TreeEnsembleRegressor ('target'). Throws INVALID_MODEL. */
export function forestOfNodes(attributes: Attributes, votes: 'class' | 'target', targets: number): Forest {
  const modes = (attributes['nodes_modes'] as readonly string[] | undefined) ?? []
  const count = modes.length
  const ids = ['nodes_treeids', 'nodes_nodeids', 'nodes_featureids', 'nodes_truenodeids', 'nodes_falsenodeids']
  sameLength(attributes, ids, count)
  const [trees, nodes, features, trueIds, falseIds] = ids.map((name) => list(attributes, name))
  const thresholds = floatsOf(attributes, 'nodes_values')
  if (thresholds.length !== count) invalid(`nodes_values has ${thresholds.length} entries, ${count} are needed`)
  const missing = list(attributes, 'nodes_missing_value_tracks_true')
  const keyOf = (tree: number, node: number) => `${tree}.${node}`
  const places = new Map<string, number>()
  for (let i = 0; i < count; i++) {
    const key = keyOf(trees[i], nodes[i])
    if (places.has(key)) invalid(`node ${nodes[i]} of tree ${trees[i]} is given twice`)
    places.set(key, modes[i] === 'LEAF' ? ~i : i)
  }
  const branch = (i: number, id: number): number => {
    if (modes[i] === 'LEAF') return ~i
    return places.get(keyOf(trees[i], id)) ?? invalid(`tree ${trees[i]} has no node ${id}`)
  }
  const leafVotes = modes.map((): number[] => [])
  const voteIds = ['treeids', 'nodeids', 'ids'].map((name) => list(attributes, `${votes}_${name}`))
  const weights = floatsOf(attributes, `${votes}_weights`)
  if (voteIds.some((entries) => entries.length !== weights.length)) invalid(`the ${votes}_ lists differ in length`)
  for (let vote = 0; vote < weights.length; vote++) {
    const place = places.get(keyOf(voteIds[0][vote], voteIds[1][vote]))
    if (place === undefined) invalid(`vote ${vote} is that of no node`)
    // Votes of inner nodes never count.
    leafVotes[place! < 0 ? ~place! : place!].push(vote)
  }
  const order = leafVotes.flat()
  const firstOfTree = new Map<number, number>()
  for (let i = count - 1; i >= 0; i--) firstOfTree.set(trees[i], modes[i] === 'LEAF' ? ~i : i)
  return checked(
    {
      roots: [...firstOfTree].sort(([a], [b]) => a - b).map(([, root]) => root),
      features,
      comparisons: modes.map((mode) => comparisonOf(mode.replace(/^BRANCH_/, ''))),
      thresholds,
      members: [],
      onTrue: trueIds.map((id, i) => branch(i, id)),
      onFalse: falseIds.map((id, i) => branch(i, id)),
      missingIsTrue: modes.map((_, i) => missing[i] === 1),
      voteStart: startsOf(leafVotes.map(({ length }) => length)),
      voteTargets: order.map((vote) => voteIds[2][vote]),
      voteWeights: order.map((vote) => weights[vote]),
    },
    targets,
  )
}

/** The forest of a TreeEnsemble. Throws INVALID_MODEL. */
export function forestOfEnsemble(attributes: Attributes, targets: number): Forest {
  const modes = list(attributes, 'nodes_modes')
  const count = modes.length
  const names = [
    'nodes_featureids',
    'nodes_splits',
    'nodes_truenodeids',
    'nodes_trueleafs',
    'nodes_falsenodeids',
    'nodes_falseleafs',
  ]
  sameLength(attributes, names, count)
  const [features, thresholds, trueIds, trueLeafs, falseIds, falseLeafs] = names.map((name) => list(attributes, name))
  const missing = list(attributes, 'nodes_missing_value_tracks_true')
  const weights = list(attributes, 'leaf_weights')
  sameLength(attributes, ['leaf_targetids'], weights.length)
  const branch = (id: number, leaf: number): number => {
    if (id < 0 || id >= (leaf ? weights.length : count)) invalid(`there is no ${leaf ? 'leaf' : 'node'} ${id}`)
    return leaf ? ~id : id
  }
  const sets = setsOf(list(attributes, 'membership_values'))
  const members = modes.map((mode) =>
    mode === 6 ? (sets.shift() ?? invalid('membership_values has too few sets')) : undefined,
  )
  return checked(
    {
      roots: list(attributes, 'tree_roots').map((root) => branch(root, 0)),
      features,
      comparisons: modes.map((mode) => comparisons[mode] ?? invalid(`there is no node mode ${mode}`)),
      thresholds,
      members,
      onTrue: trueIds.map((id, i) => branch(id, trueLeafs[i])),
      onFalse: falseIds.map((id, i) => branch(id, falseLeafs[i])),
      missingIsTrue: modes.map((_, i) => missing[i] === 1),
      voteStart: Array.from({ length: weights.length + 1 }, (_, leaf) => leaf),
      voteTargets: list(attributes, 'leaf_targetids'),
      voteWeights: weights,
    },
    targets,
  )
}

const comparisonOf = (name: string): Comparison =>
  name === 'LEAF' ? 'LEQ' : (comparisons.find((known) => known === name) ?? invalid(`there is no node mode ${name}`))

const startsOf = (counts: readonly number[]): number[] => {
  const starts = [0]
  for (const count of counts) starts.push(starts[starts.length - 1] + count)
  return starts
}

/** Sets of numbers, each ended by NaN. */
function setsOf(values: readonly number[]): Set<number>[] {
  const sets: Set<number>[] = []
  let open = new Set<number>()
  for (const value of values) {
    if (!Number.isNaN(value)) {
      open.add(value)
      continue
    }
    sets.push(open)
    open = new Set()
  }
  return sets
}

/** The forest itself, if every vote has a target and no node is its own descendant. Throws INVALID_MODEL. */
function checked(forest: Forest, targets: number): Forest {
  if (forest.voteTargets.some((target) => target < 0 || target >= targets))
    invalid(`a leaf votes for a target beyond the ${targets} that there are`)
  if (forest.features.some((feature) => feature < 0)) invalid('a node reads a feature of negative index')
  const state = new Uint8Array(forest.features.length)
  for (const root of forest.roots) {
    const stack = root >= 0 ? [root] : []
    for (let node = stack.at(-1); node !== undefined; node = stack.at(-1)) {
      if (state[node] !== 0) {
        state[node] = 2
        stack.pop()
        continue
      }
      state[node] = 1
      for (const next of [forest.onTrue[node], forest.onFalse[node]]) {
        if (next < 0 || state[next] === 2) continue
        if (state[next] === 1) invalid(`tree node ${next} is its own descendant`)
        stack.push(next)
      }
    }
  }
  return forest
}
