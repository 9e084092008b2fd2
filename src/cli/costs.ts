import type { Backend } from '../backend/backend.js'
import { evaluate } from '../backend/reference/evaluate.js'
import type { Graph } from '../core/ir.js'
import { formatShape } from '../core/shape.js'
import { costOf } from '../ops/cost.js'
import { optimise } from '../optimise/index.js'
import { planGraph } from '../plan/planner.js'

const inUnits = (value: number): string => {
  const units = ['', ' k', ' M', ' G', ' T']
  const power = value < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3))
  return `${Number((value / 1000 ** power).toPrecision(3))}${units[power]}`
}

/**
 * A graph of concrete shapes as the backend would run it, as text: for each node its result, floating-point operations,
 * bytes of operands and results, and where it runs; then the sums, and the memory of the plan.
 */
export function describeCosts(graph: Graph, backend: Backend): string {
  const optimised = optimise(graph, { evaluate, accelerates: (node, constant) => backend.accelerates(node, constant) })
  const plan = planGraph(optimised, {
    workspace: (node, constant) => backend.workspace(node, constant),
    layout: backend.layout,
  })
  let [flops, bytes] = [0, 0]
  const inReference: string[] = []
  const lines = plan.steps.flatMap((step) => {
    if (step.kind !== 'node') return []
    const { node } = step
    const cost = costOf(node)
    flops += cost.flops
    bytes += cost.bytes
    const runs = backend.accelerates(node, (value) => optimised.constants.get(value)) ? 'kernel' : 'reference'
    if (runs === 'reference') inReference.push(`${node.op} '${node.name}'`)
    const results = node.outputs.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`).join(', ')
    return [`  ${node.op} '${node.name}' -> ${results}: ${inUnits(cost.flops)}FLOP, ${inUnits(cost.bytes)}B, ${runs}`]
  })
  return [
    'nodes',
    ...lines,
    `sum: ${inUnits(flops)}FLOP, ${inUnits(bytes)}B moved`,
    `memory: an arena of ${inUnits(plan.arenaBytes)}B; no plan can do with less than ${inUnits(plan.lowerBoundBytes)}B`,
    inReference.length
      ? `in the reference backend, as no kernel takes them: ${inReference.join(', ')}`
      : 'every node has a kernel',
  ].join('\n')
}
