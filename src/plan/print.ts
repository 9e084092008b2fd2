import type { Value } from '../core/ir.js'
import { formatShape } from '../core/shape.js'
import type { Placement, Plan } from './plan.js'

const formatPlacement = (placement: Placement): string =>
  placement.kind === 'arena'
    ? `arena+${placement.offset} (${placement.bytes} B)`
    : `${placement.kind} %${placement.of.name}`

/** How far the arena is from the smallest that there can be. */
const ratio = ({ arenaBytes, lowerBoundBytes }: Plan): string =>
  lowerBoundBytes > 0 ? `${(arenaBytes / lowerBoundBytes).toFixed(3)} times` : 'all'

/** The plan as text: sizes, then one line a step with the place of every result. */
export function printPlan(plan: Plan): string {
  const place = (value: Value) => `%${value.name} @ ${formatPlacement(plan.placements.get(value)!)}`
  const lines = [
    `plan ${plan.graph.name}: ${plan.steps.length} steps, arena ${plan.arenaBytes} B, ${ratio(plan)} of the lower bound ${plan.lowerBoundBytes} B`,
    ...plan.graph.inputs.map((input) => `  input ${place(input)}`),
  ]
  plan.steps.forEach((step, index) => {
    if (step.kind === 'copy') lines.push(`  ${index}: ${place(step.to)} = copy %${step.from.name}`)
    else {
      const { op, inputs, outputs } = step.node
      const scratch = step.workspace ? ` workspace arena+${step.workspace.offset} (${step.workspace.bytes} B)` : ''
      lines.push(
        `  ${index}: ${outputs.map(place).join(', ')} = ${op}(${inputs.map((input) => (input ? `%${input.name}` : '-')).join(', ')})${scratch}`,
      )
    }
  })
  for (const output of plan.graph.outputs)
    lines.push(`  output ${place(output)} ${output.dtype} ${formatShape(output.shape)}`)
  return `${lines.join('\n')}\n`
}
