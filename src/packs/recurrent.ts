import { recurrentRules } from '../autodiff/rules/recurrent.js'
import { recurrentLowerings } from '../backend/wasm/lower/rnn.js'
import { withBodies } from '../ops/definition.js'
import { recurrent } from '../ops/recurrent.js'
import { recurrentBodies } from '../ops/recurrent-body.js'
import { recurrentGradients } from '../ops/recurrent-gradients.js'
import { definePack } from './pack.js'

/** RNN, GRU, LSTM, and the recurrences of their gradients. */
export const pack = definePack({
  operators: { ...withBodies(recurrent, recurrentBodies), ...recurrentGradients },
  kernels: {},
  lowerings: recurrentLowerings,
  gradients: recurrentRules,
})
