import type { Executable } from '../../backend/backend.js'
import type { VariableStore } from '../../backend/store.js'
import type { TypedArray } from '../../core/dtype.js'
import { LanewiseError } from '../../core/errors.js'
import type { Variable } from '../../core/ir.js'
import type { Tensor } from '../../core/tensor.js'
import { gatherRows, roomFor, rowsOf } from './data.js'
import { type DataSource, indicesInput, type StepSources } from './step.js'

/** Arrays of samples for steps: inputs, targets, and sample weights of the outputs that have them. */
export interface Samples {
  readonly x: readonly Tensor[]
  readonly y: readonly Tensor[]
  readonly weights: readonly (Tensor | undefined)[]
  readonly count: number
}

/** Rows [start, end) of all arrays, without copies. */
export const sliceSamples = (samples: Samples, start: number, end: number): Samples => ({
  x: samples.x.map((tensor) => rowsOf(tensor, start, end)),
  y: samples.y.map((tensor) => rowsOf(tensor, start, end)),
  weights: samples.weights.map((tensor) => tensor && rowsOf(tensor, start, end)),
  count: end - start,
})

/** How batches of samples get into a step. */
export interface Feed {
  readonly sources: StepSources
  /** Makes samples order[from … to) the batch of the next run. */
  load(executable: Pick<Executable, 'write'>, order: Int32Array, from: number, to: number): void
  dispose(): void
}

const describe = (samples: Samples, resident: (tensor: Tensor, name: string) => Variable | undefined): StepSources => {
  const source = (tensor: Tensor, name: string): DataSource => ({
    name,
    dtype: tensor.type,
    sample: tensor.dims.slice(1),
    resident: resident(tensor, name),
  })
  return {
    x: samples.x.map((tensor, i) => source(tensor, `x${i}`)),
    y: samples.y.map((tensor, i) => source(tensor, `y${i}`)),
    weights: samples.weights.map((tensor, i) => tensor && source(tensor, `weights${i}`)),
  }
}

/** The samples' types as inputs of a step. */
export const fedSources = (samples: Samples): StepSources => describe(samples, () => undefined)

const bytesOf = (samples: Samples): number =>
  [...samples.x, ...samples.y, ...samples.weights].reduce(
    (sum, tensor) => sum + (tensor ? (tensor.data as TypedArray).byteLength : 0),
    0,
  )

/** All samples lie in backend memory, and a step gathers its batch there by indices. */
function residentFeed(samples: Samples, store: VariableStore): Feed {
  const variables: Variable[] = []
  const dispose = () => {
    for (const variable of variables) store.release(variable)
  }
  try {
    const sources = describe(samples, (tensor, name) => {
      const variable: Variable = { name: `data/${name}`, dtype: tensor.type, shape: tensor.dims, trainable: false }
      variables.push(variable)
      store.hold(variable, tensor)
      return variable
    })
    return {
      sources,
      load: (executable, order, from, to) => executable.write(indicesInput, order.subarray(from, to)),
      dispose,
    }
  } catch (error) {
    dispose()
    throw error
  }
}

/** Each batch is copied into the step's inputs. */
function copyingFeed(samples: Samples, batchSize: number): Feed {
  const sources = fedSources(samples)
  const pairs = [
    ...samples.x.map((tensor, i) => [sources.x[i], tensor] as const),
    ...samples.y.map((tensor, i) => [sources.y[i], tensor] as const),
    ...samples.weights.flatMap((tensor, i) => (tensor ? [[sources.weights[i]!, tensor] as const] : [])),
  ].map(([source, tensor]) => ({ name: source.name, tensor, room: roomFor(tensor, batchSize) }))
  return {
    sources,
    load: (executable, order, from, to) => {
      for (const { name, tensor, room } of pairs) {
        gatherRows(tensor, order, from, to, room)
        const row = room.length / batchSize
        executable.write(name, room.subarray(0, (to - from) * row))
      }
    },
    dispose: () => {},
  }
}

/** Keeps the samples in backend memory if they take at most `residentBytes` there and it has the room; else copies batches. */
export function createFeed(samples: Samples, batchSize: number, store: VariableStore, residentBytes: number): Feed {
  if (bytesOf(samples) <= residentBytes)
    try {
      return residentFeed(samples, store)
    } catch (error) {
      if (!(error instanceof LanewiseError && error.code === 'OUT_OF_MEMORY')) throw error
    }
  return copyingFeed(samples, batchSize)
}
