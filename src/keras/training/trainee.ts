import type { Weight } from '../layers/weight.js'
import type { Network } from '../network.js'

/** What training needs to know of a model. */
export interface Trainee {
  readonly name: string
  readonly isConnected: boolean
  readonly network: Network
  readonly weights: readonly Weight[]
  readonly trainableWeights: readonly Weight[]
  readonly states: readonly Weight[]
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
}
