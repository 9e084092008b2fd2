import { f32, type OpCase } from './case.js'

const slot = { range: [0.01, 1] } as const
const rate = f32([], { values: [0.1] })

export const optimizerCases: readonly OpCase[] = [[1], [5, 7], [3, 3, 1, 33]].flatMap((shape): OpCase[] => [
  { op: 'lanewise.SgdUpdate', inputs: [f32(shape), f32(shape), rate] },
  ...[0, 1].map((nesterov) => ({
    op: 'lanewise.MomentumUpdate',
    inputs: [f32(shape), f32(shape), f32(shape), rate],
    attributes: { momentum: 0.9, nesterov },
    outputs: 2,
  })),
  {
    op: 'lanewise.AdamUpdate',
    inputs: [f32(shape), f32(shape), f32(shape), f32(shape, slot), rate],
    outputs: 3,
  },
  { op: 'lanewise.RmspropUpdate', inputs: [f32(shape), f32(shape), f32(shape, slot), rate], outputs: 2 },
  { op: 'lanewise.AdagradUpdate', inputs: [f32(shape), f32(shape), f32(shape, slot), rate], outputs: 2 },
])
