import type { Backend, Executable } from '../backend/backend.js'
import { evaluate } from '../backend/reference/evaluate.js'
import { compileInTurns } from '../compile.js'
import type { TypedArray } from '../core/dtype.js'
import type { Graph, HostValue, Value } from '../core/ir.js'
import { concrete } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { specialize } from '../graph/specialize.js'
import { isStatic } from '../graph/static.js'
import { withOperators } from '../packs/index.js'

/** A model for certain input shapes, ready to run. */
export interface Runnable {
  /** What runs slower than it could, and why, as far as runs have shown. */
  readonly notes: readonly string[]
  /**
   * A value for each input, in the graph's order; the results hold those of the outputs in `wanted`, all unless told.
   * `signal` ends the run of a program between two nodes.
   */
  run(
    inputs: readonly HostValue[],
    wanted?: readonly string[],
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, HostValue>>>
  dispose(): void
}

/**
 * Loads `graph` into `backend` for inputs of the shapes that `inputs` have: as one plan if its shapes allow, else as a
 * program. Throws LanewiseError.
 */
export const load = (graph: Graph, inputs: readonly HostValue[], backend: Backend): Promise<Runnable> =>
  withOperators(() => loadForm(graph, inputs, backend))

function loadForm(graph: Graph, inputs: readonly HostValue[], backend: Backend): Promise<Runnable> {
  const shapes = graph.inputs.flatMap(({ name }, index) => {
    const value = inputs[index]
    return value instanceof Tensor ? [[name, value.dims] as const] : []
  })
  const bound = specialize(graph, Object.fromEntries(shapes), evaluate)
  return isStatic(bound) ? loadPlan(bound, backend) : loadProgram(bound, backend)
}

const loadPlan = async (graph: Graph, backend: Backend): Promise<Runnable> =>
  planned(await compileInTurns(graph, backend), graph)

/** Keeps the inputs and outputs of the graph, not its constants. */
function planned(executable: Executable, { inputs: parameters, outputs }: Graph): Runnable {
  return {
    notes: executable.notes,
    async run(inputs, wanted = outputs.map(({ name }) => name)) {
      parameters.forEach(({ name }, index) => {
        executable.write(name, (inputs[index] as Tensor).data as TypedArray)
      })
      const { readsInOrder } = executable
      const running = executable.run()
      if (!readsInOrder) await running
      const read = async ({ name, dtype, shape }: Value) =>
        [name, new Tensor(dtype, await executable.read(name), concrete(shape, `the output '${name}'`))] as const
      const reads = outputs.filter(({ name }) => wanted.includes(name)).map(read)
      const [results] = await Promise.all([Promise.all(reads), running])
      return Object.fromEntries(results)
    },
    dispose: () => executable.dispose(),
  }
}

async function loadProgram(graph: Graph, backend: Backend): Promise<Runnable> {
  const { Program } = await import('./program.js')
  const program = new Program(graph, backend)
  return {
    get notes() {
      return program.notes
    },
    async run(inputs, _wanted, signal) {
      const results = await program.run(inputs, signal)
      return Object.fromEntries(graph.outputs.map(({ name }, index) => [name, results[index]]))
    },
    dispose: () => program.dispose(),
  }
}
