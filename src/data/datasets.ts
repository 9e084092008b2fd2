/** The data sets that lanewise can load, and the ways to make one. */
export { mnist } from './mnist.js'
export { fromArrays, fromGenerator } from './sources.js'
export { syntheticDigits } from './synthetic.js'
