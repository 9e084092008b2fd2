import { defineConstants } from './constants'

export { dividedByZero } from './faults'
export { columns_f32 } from './register-tiles'
export { configure, fail, join, lost, reset, run, stop, worker, workers } from './tape'
export { winograd_input_4x4_f32 } from './winograd-4x4'

defineConstants()
