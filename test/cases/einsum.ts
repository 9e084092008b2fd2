import { f32, type OpCase } from './case.js'

const rows: readonly (readonly [equation: string, ...shapes: readonly (readonly number[])[]])[] = [
  ['ij->ji', [3, 5]],
  ['ij->', [3, 5]],
  ['ii->i', [4, 4]],
  ['iji->j', [3, 5, 3]],
  ['ij,jk->ik', [3, 5], [5, 7]],
  ['ij,jk', [3, 5], [5, 7]],
  ['bhqd,bkhd->bhqk', [2, 3, 4, 5], [2, 6, 3, 5]],
  ['...ij,...jk->...ik', [2, 3, 5], [5, 7]],
  ['...ij,...jk', [2, 1, 3, 5], [4, 5, 2]],
  ['i,j->ij', [3], [5]],
  ['i,i->', [7], [7]],
  ['i,ij,j->', [3], [3, 5], [5]],
  ['ab,cb,ad->cd', [3, 4], [5, 4], [3, 2]],
  ['...a->a...', [2, 3, 5]],
]

export const einsumCases: readonly OpCase[] = rows.map(([equation, ...shapes]) => ({
  op: 'Einsum',
  inputs: shapes.map((shape) => f32(shape)),
  attributes: { equation },
  gradient: shapes.map((_, index) => index),
}))
