import { recurrentLowerings } from '../backend/wasm/lower/rnn.js'
import { recurrent } from '../ops/recurrent.js'
import { definePack } from './pack.js'

/** RNN, GRU, LSTM. */
export const pack = definePack({ operators: recurrent, kernels: {}, lowerings: recurrentLowerings })
