import { Tensor } from '../src/core/tensor.js'

/** Tensors by name, as a check compares them. */
export type Results = Readonly<Record<string, Tensor>>

/** The tensors of another library, or of another build of lanewise. Float16Array becomes its bits. */
export const resultsOf = (tensors: Readonly<Record<string, Pick<Tensor, 'type' | 'data' | 'dims'>>>): Results =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { type, data, dims }]) => {
      const view = type === 'float16' ? (data as Uint16Array) : undefined
      const bits = view && new Uint16Array(view.buffer, view.byteOffset, view.length)
      return [name, new Tensor(type, bits ?? data, dims)]
    }),
  )
