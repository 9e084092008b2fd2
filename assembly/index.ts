export { run, worker } from './tape'
