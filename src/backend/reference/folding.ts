import { arithmeticKernels } from './arithmetic.js'
import { referenceKernels } from './table.js'

/** Makes known to `evaluate` what graphs of Keras's layers and their exports have evaluated besides: arithmetic on constants. */
export function addFoldingKernels(): void {
  Object.assign(referenceKernels, arithmeticKernels)
}
