import { word } from '../movement'

/**
 * Decision trees over rows x [rows, features] of float32. The list: `trees` roots; `nodes` nodes of five words (feature, threshold,
 * branch where the comparison holds, branch where it does not, comparison and 8 where NaN takes the first); `leaves` + 1 places in
 * the votes where a leaf's begin; votes of two words (target, weight); a base for each target; its label in two words.
 * A branch is a node, or ~leaf. `decision`: 0 scores alone; 1 the label of the largest score; 2 and 3 of two labels by the one
 * score of all votes, above 0.5 (2) or 0 (3). `voters`: without a base only targets with a vote are chosen. `complement`: the scores
 * of such a decision are 1 - s and s, otherwise -s and s. `workspace`: 16 `targets` bytes a tile.
 */
// @ts-ignore: decorator
@unmanaged
export class ForestParams {
  x: usize; scores: usize; labels: usize; workspace: usize
  rows: i32; chunk: i32; features: i32; targets: i32; trees: i32; nodes: i32; leaves: i32; votes: i32
  aggregation: i32; decision: i32; voters: i32; complement: i32
}

/** Comparisons and aggregations are numbered as in src/ops/forest.ts and classical.ts. */
function holds(comparison: i32, value: f32, threshold: f32): bool {
  switch (comparison) {
    case 0: return value <= threshold
    case 1: return value < threshold
    case 2: return value >= threshold
    case 3: return value > threshold
    case 4: return value == threshold
    default: return value != threshold
  }
}

/** The sums of the votes for a row, in float64 at `totals`, each followed by whether there was one. */
function vote(p: ForestParams, x: usize, roots: usize, totals: usize): void {
  const nodes = roots + (<usize>p.trees << 2)
  const starts = nodes + <usize>p.nodes * 20
  const votes = starts + (<usize>(p.leaves + 1) << 2)
  for (let tree = 0; tree < p.trees; tree++) {
    let place = word(roots, tree)
    while (place >= 0) {
      const node = nodes + <usize>place * 20
      const value = load<f32>(x + (<usize>word(node, 0) << 2))
      const mode = word(node, 4)
      const taken = value != value ? mode >= 8 : holds(mode & 7, value, load<f32>(node, 4))
      place = word(node, taken ? 2 : 3)
    }
    const end = word(starts, ~place + 1)
    for (let at = word(starts, ~place); at < end; at++) {
      const entry = votes + (<usize>at << 3)
      const total = totals + (<usize>(p.decision > 1 ? 0 : word(entry, 0)) << 4)
      const weight = <f64>load<f32>(entry, 4)
      const sum = load<f64>(total)
      if (load<i32>(total, 8) == 0) store<f64>(total, weight)
      else store<f64>(total, p.aggregation == 2 ? min(sum, weight) : p.aggregation == 3 ? max(sum, weight) : sum + weight)
      store<i32>(total, 1, 8)
    }
  }
}

/** The scores of each row, and its label where labels are asked for. */
export function forest_f32(p: ForestParams, tile: i32, thread: i32): void {
  const end = min((tile + 1) * p.chunk, p.rows)
  const roots = changetype<usize>(p) + offsetof<ForestParams>()
  const targets = p.targets
  const totals = p.workspace + (<usize>(tile * targets) << 4)
  const base = roots + (<usize>(p.trees + p.nodes * 5 + p.leaves + 1 + p.votes * 2) << 2)
  const labels = base + (<usize>targets << 2)
  for (let row = tile * p.chunk; row < end; row++) {
    memory.fill(totals, 0, <usize>targets << 4)
    vote(p, p.x + (<usize>(row * p.features) << 2), roots, totals)
    const scores = p.scores + (<usize>(row * targets) << 2)
    let choice = 0
    if (p.decision > 1) {
      const score = load<f64>(totals) + <f64>load<f32>(base)
      choice = i32(score > (p.decision == 2 ? 0.5 : 0))
      store<f32>(scores, <f32>(p.complement ? 1 - score : -score))
      store<f32>(scores, <f32>score, 4)
    } else {
      let largest = -Infinity
      for (let target = 0; target < targets; target++) {
        const total = totals + (<usize>target << 4)
        const sum = load<f64>(total)
        const score = (p.aggregation == 0 ? sum / p.trees : sum) + <f64>load<f32>(base + (<usize>target << 2))
        store<f32>(scores + (<usize>target << 2), <f32>score)
        if (p.voters && load<i32>(total, 8) == 0) continue
        if (score > largest) {
          largest = score
          choice = target
        }
      }
    }
    if (p.decision) store<i64>(p.labels + (<usize>row << 3), load<i64>(labels + (<usize>choice << 3)))
  }
}
