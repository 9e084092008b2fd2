import type { Backend, Executable, Storage } from './backend/backend.js'
import { evaluate } from './backend/reference/evaluate.js'
import { LanewiseError } from './core/errors.js'
import type { ConstantOf, Graph, Node, Value, Variable } from './core/ir.js'
import { formatType, isConcrete } from './core/shape.js'
import { atOnce, inTurns } from './core/turns.js'
import { describeNode } from './graph/infer.js'
import { specialize } from './graph/specialize.js'
import { isProgramOp, loadedDefinitionOf } from './ops/index.js'
import { optimiseByPass } from './optimise/index.js'
import type { Plan } from './plan/plan.js'
import { planGraph } from './plan/planner.js'

/** What the stages give: the graph as it came, optimised, planned, and what the backend runs. */
export interface Stages {
  readonly graph: Graph
  readonly optimised: Graph
  readonly plan: Plan
  readonly backend: Executable
}

export type Stage = keyof Stages

/** How a graph is compiled, and what is told on the way. */
export interface CompileOptions {
  /** The memory behind each variable of the graph, as `VariableStore.storageOf` gives it. */
  readonly storageOf?: (variable: Variable) => Storage
  /** The shapes of the inputs that have symbolic dimensions, by name. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>
  /** Called with what each stage gives. */
  readonly onStage?: <S extends Stage>(stage: S, result: Stages[S]) => void
}

const noVariables = (variable: Variable): never => {
  throw new LanewiseError(
    'INVALID_ARGUMENT',
    `the graph has the variable '${variable.name}', but no memory was given for it`,
  )
}

/** Whether every shape is known. */
const isBound = (graph: Graph): boolean =>
  graph.inputs.every((input) => isConcrete(input.shape)) &&
  graph.nodes.every((node) => node.outputs.every((output) => isConcrete(output.shape)))

/** Throws UNSUPPORTED_OP, naming the node, for a graph that no single plan can run. */
function refuseDynamic(graph: Graph): void {
  const node = graph.nodes.find((candidate) => isProgramOp(candidate.op) || !candidate.outputs.every(isTensor))
  if (!node) return
  const gives = node.outputs.map(formatType).join(', ')
  throw new LanewiseError(
    'UNSUPPORTED_OP',
    `no single plan can run ${describeNode(node)}, which gives ${gives}: an InferenceSession runs such models`,
  )
}

const isTensor = ({ shape, container }: Value): boolean => isConcrete(shape) && !container

/**
 * Runs the stages in order: graph in, executable out. Throws LanewiseError; then nothing stays allocated.
 * A graph with control flow, sequences or shapes that follow from data is refused: `src/program/` runs those.
 */
export const compile = (graph: Graph, backend: Backend, options: CompileOptions = {}): Executable =>
  atOnce(stages(graph, backend, options))

/** As `compile`, with turns for the event loop in between: a page stays responsive. The executable is ready. */
export async function compileInTurns(
  graph: Graph,
  backend: Backend,
  options: CompileOptions = {},
): Promise<Executable> {
  return readied(await inTurns(stages(graph, backend, options)))
}

/** The executable of a plan that was made for `backend`, with any memory behind its variables. */
export const loadPlan = (
  plan: Plan,
  backend: Backend,
  storageOf: (variable: Variable) => Storage,
): Promise<Executable> => readied(backend.load(plan, storageOf))

async function readied(executable: Executable): Promise<Executable> {
  try {
    await executable.ready
  } catch (error) {
    executable.dispose()
    throw error
  }
  return executable
}

function* stages(graph: Graph, backend: Backend, options: CompileOptions): Generator<void, Executable> {
  yield
  const { storageOf = noVariables, inputShapes = {}, onStage } = options
  onStage?.('graph', graph)
  const bound = isBound(graph) ? graph : specialize(graph, inputShapes, evaluate)
  refuseDynamic(bound)
  for (const { op } of bound.nodes) loadedDefinitionOf(op)
  yield
  const accelerates = (node: Node, constant: ConstantOf) => backend.accelerates(node, constant)
  const optimised = yield* optimiseByPass(bound, { evaluate, accelerates })
  onStage?.('optimised', optimised)
  const plan = planGraph(optimised, {
    workspace: (node, constant) => backend.workspace(node, constant),
    layout: backend.layout,
  })
  onStage?.('plan', plan)
  yield
  const executable = backend.load(plan, storageOf)
  onStage?.('backend', executable)
  return executable
}
