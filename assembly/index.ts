export { configure, fail, join, lost, reset, run, stop, worker, workers } from './tape'
