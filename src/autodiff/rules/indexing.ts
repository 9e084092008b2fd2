import { LanewiseError } from '../../core/errors.js'
import type { Node, Value } from '../../core/ir.js'
import { concrete, sizeOf } from '../../core/shape.js'
import { Tensor } from '../../core/tensor.js'
import { intAttribute } from '../../ops/definition.js'
import type { Emitter } from '../../ops/emitter.js'
import { scatterReduction } from '../../ops/indexing.js'
import type { GradientContext, GradientRules } from '../rule.js'

/** `indices` with the coordinates of their batch put before each row, so that they need no batch_dims. */
function withBatchCoordinates(emit: Emitter, indices: Value, batchDims: number): Value {
  if (batchDims === 0) return indices
  const dims = concrete(indices.shape.slice(0, -1), 'the indices')
  const inner = sizeOf(dims.slice(batchDims))
  const rows = sizeOf(dims)
  const coordinates: number[] = []
  for (let row = 0; row < rows; row++) {
    let rest = Math.floor(row / inner)
    const place = new Array<number>(batchDims)
    for (let axis = batchDims - 1; axis >= 0; axis--) {
      place[axis] = rest % dims[axis]
      rest = Math.floor(rest / dims[axis])
    }
    coordinates.push(...place)
  }
  const batch = emit.constant(new Tensor('int64', coordinates, [...dims, batchDims]))
  return emit.concat([batch, emit.cast(indices, 'int64')], dims.length)
}

/** A zero tensor of a value's type, which must be concrete. */
const zerosLike = (emit: Emitter, value: Value, node: Node): Value =>
  emit.constant(Tensor.zeros(value.dtype, concrete(value.shape, `an input of '${node.name}'`)))

/** `gather` and `scatter` read and write the elements that the op's indices name. */
function scatterGradient(
  { emit, node, inputs, gradient, needs }: GradientContext,
  gather: (dy: Value) => Value,
  scatter: string,
) {
  const reduction = scatterReduction(node)
  const dy = gradient(0)!
  if (reduction !== 'none' && reduction !== 'add')
    throw new LanewiseError(
      'UNSUPPORTED_OP',
      `${node.op} '${node.name}' with reduction '${reduction}' cannot be differentiated`,
    )
  const kept = () =>
    reduction === 'add'
      ? dy
      : emit.op(scatter, [dy, inputs[1], zerosLike(emit, inputs[2]!, node)], { axis: node.attributes['axis'] })
  return [needs(0) ? kept() : undefined, undefined, needs(2) ? gather(dy) : undefined]
}

export const indexingRules: GradientRules = {
  GatherElements: ({ emit, node, inputs, attributes, gradient }) => [
    emit.op('ScatterElements', [zerosLike(emit, inputs[0]!, node), inputs[1], gradient(0)], {
      axis: attributes['axis'],
      reduction: 'add',
    }),
  ],
  ScatterElements: (context) =>
    scatterGradient(
      context,
      (dy) => context.emit.op('GatherElements', [dy, context.inputs[1]], { axis: context.attributes['axis'] }),
      'ScatterElements',
    ),
  GatherND: ({ emit, node, inputs, attributes, gradient }) => {
    const indices = withBatchCoordinates(emit, inputs[1]!, intAttribute(attributes, 'batch_dims'))
    return [emit.op('ScatterND', [zerosLike(emit, inputs[0]!, node), indices, gradient(0)], { reduction: 'add' })]
  },
  ScatterND: (context) =>
    scatterGradient(context, (dy) => context.emit.op('GatherND', [dy, context.inputs[1]]), 'ScatterND'),
}
