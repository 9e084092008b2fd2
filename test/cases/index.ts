import { activationCases } from './activations.js'
import type { OpCase } from './case.js'

/** Every op case. */
export const cases: readonly OpCase[] = [...activationCases]
