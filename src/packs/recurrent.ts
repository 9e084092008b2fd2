import { recurrentLowerings } from '../backend/wasm/lower/rnn.js'
import { withBodies } from '../ops/definition.js'
import { recurrent } from '../ops/recurrent.js'
import { recurrentBodies } from '../ops/recurrent-body.js'
import { definePack } from './pack.js'

/** RNN, GRU, LSTM. */
export const pack = definePack({
  operators: withBodies(recurrent, recurrentBodies),
  kernels: {},
  lowerings: recurrentLowerings,
})
