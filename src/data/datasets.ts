/** The data sets that lanewise can load, and the ways to make one. */
export { imageFolder } from './image-folder.js'
export { mnist } from './mnist.js'
export { fromArrays, fromGenerator } from './sources.js'
export { syntheticDigits } from './synthetic.js'
export { csv, npy, npz } from './tables.js'
