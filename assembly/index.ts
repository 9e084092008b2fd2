export { configure, fail, join, run, stop, worker, workers } from './tape'
