import type { Node } from '../../../core/ir.js'
import { later } from '../../../core/later.js'
import type { Lowering } from './lowering.js'

/** Which of a convolution's x [N, D, …], w [kD, …] and y [N, D', …] its first two inputs and its output are. */
export type Roles = 'xwy' | 'ywx' | 'xyw'

/** What makes planes of volumes; it comes with the first plan that holds some. */
export const volumes = /* @__PURE__ */ later(
  'convolutions over volumes have not come yet: they do with the first session or step that holds some',
  () => import('./volume.js'),
)

/** The lowering of convolutions of one or two spatial axes, for three as well. */
export const overVolumes = (lowering: Lowering, roles: Roles): Lowering => {
  const isVolume = (node: Node) => node.inputs[0]!.shape.length === 5
  const folded = (node: Node) => volumes().foldDepth(node, roles, lowering)
  return {
    accelerates: (node, constant) => lowering.accelerates!(isVolume(node) ? folded(node).node : node, constant),
    workspace: (node, constant) => (isVolume(node) ? folded(node).workspaceBytes : lowering.workspace!(node, constant)),
    lower: (node, context) => (isVolume(node) ? folded(node).calls(context) : lowering.lower(node, context)),
  }
}
