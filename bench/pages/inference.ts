// What a page imports that runs models: a bundle of its own, as a page's bundler would make it.
export { InferenceSession, Tensor } from '../../src/index.js'
