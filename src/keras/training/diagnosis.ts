import { isFloat } from '../../core/dtype.js'
import type { Graph, Node, Value } from '../../core/ir.js'

type Kind = 'NaN' | 'infinite'

/** How many elements of a value are NaN or infinite, and the range of the others. */
interface Contents {
  readonly nan: number
  readonly infinite: number
  readonly low: number
  readonly high: number
}

function contentsOf(numbers: ArrayLike<number>): Contents {
  let nan = 0
  let infinite = 0
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]
    if (Number.isNaN(number)) nan++
    else if (!Number.isFinite(number)) infinite++
    else {
      low = Math.min(low, number)
      high = Math.max(high, number)
    }
  }
  return { nan, infinite, low, high }
}

const has = (kind: Kind, { nan, infinite }: Contents): boolean => (kind === 'NaN' ? nan : infinite) > 0

/** `graph` as one that changes nothing and gives the float values on the way to its outputs. */
export function opened(graph: Graph): Graph {
  const needed = new Set<Value | undefined>(graph.outputs)
  const nodes: Node[] = []
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue
    for (const input of node.inputs) needed.add(input)
    nodes.push(node)
  }
  nodes.reverse()
  const outputs = nodes.flatMap((node) => node.outputs.filter(({ dtype }) => isFloat(dtype)))
  return { ...graph, nodes, outputs, updates: [] }
}

/**
 * Which node of a graph makes NaN, or else an infinity, of operands without, as a sentence. `read` gives the elements of a
 * float value that is no constant: an input, a variable, or an output of a node.
 */
export async function firstNonFinite(
  graph: Graph,
  read: (value: Value) => ArrayLike<number> | Promise<ArrayLike<number>>,
): Promise<string> {
  const known = new Map<Value, Contents>()
  const look = async (value: Value): Promise<Contents> => {
    const contents = known.get(value) ?? contentsOf(graph.constants.get(value)?.toNumbers() ?? (await read(value)))
    known.set(value, contents)
    return contents
  }
  const producer = new Map(graph.nodes.flatMap((node) => node.outputs.map((value) => [value, node] as const)))
  for (const kind of ['NaN', 'infinite'] as const)
    for (const node of graph.nodes) {
      if (!(await firstWith(kind, node.outputs, look))) continue
      const operands = node.inputs.filter((input): input is Value => input !== undefined && isFloat(input.dtype))
      const given = await firstWith(kind, operands, look)
      if (given) return `${sourceOf(given, graph)} held ${kind} numbers before the step`
      const ranges = await Promise.all(
        operands.map(async (operand) => `'${operand.name}' ${range(await look(operand))}`),
      )
      if (kind === 'NaN' && node.op === 'Gather')
        return `${describe(node)} made NaN numbers first: an index lies outside of what it reads, ${ranges.join(' and ')}`
      const infinite = kind === 'NaN' ? await firstWith('infinite', operands, look) : undefined
      const origin = infinite && producer.get(infinite)
      return `${describe(node)} made ${kind} numbers first, of ${ranges.join(' and ')}${
        origin ? `; the infinite ones come from ${describe(origin)}` : ''
      }`
    }
  return 'no node of the step gives such numbers when it runs without fusion'
}

const range = ({ low, high, infinite }: Contents): string =>
  `(${low > high ? '' : `${low} to ${high}`}${infinite > 0 ? `${low > high ? '' : ', '}${infinite} infinite` : ''})`

const sourceOf = (value: Value, graph: Graph): string => {
  const variable = graph.variables.get(value)
  return variable ? `the variable '${variable.name}'` : `the input '${value.name}'`
}

const describe = (node: Node): string => `${node.op} '${node.name}'`

async function firstWith(
  kind: Kind,
  values: readonly Value[],
  look: (value: Value) => Promise<Contents>,
): Promise<Value | undefined> {
  for (const value of values) if (isFloat(value.dtype) && has(kind, await look(value))) return value
  return undefined
}
