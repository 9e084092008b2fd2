export { configure, fail, run, stop, worker } from './tape'
