/** Keras's layers, each an export of its own, for bundlers that leave out what a page does not import. */
export * from './keras/layers/factories.js'
