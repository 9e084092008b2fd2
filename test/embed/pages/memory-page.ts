// A page whose model does not fit the memory that it is given; a smaller one then does.
import { configure, LanewiseError, layers, sequential, Tensor } from '../../../src/index.js'

async function predict(units: number): Promise<number> {
  const net = sequential([layers.dense({ units, inputShape: [4], kernelInitializer: 'ones' })])
  return (await net.predict(new Tensor('float32', Float32Array.of(1, 1, 1, 0), [1, 4]))).toNumbers()[0]
}

async function main(): Promise<{ code: string; after: number }> {
  configure({ maxBytes: 4 << 20 })
  const code = await predict(1 << 20).then(
    () => 'none',
    (error: unknown) => (error instanceof LanewiseError ? error.code : String(error)),
  )
  return { code, after: await predict(2) }
}

globalThis.result = main()
