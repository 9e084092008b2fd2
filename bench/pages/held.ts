// Loads a model, predicts, trains it and writes it; marks where each phase begins.

/** A mark on the timeline, and a turn of the event loop: what follows is another task. */
async function phase(name: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20))
  performance.mark(`phase ${name}`)
  await new Promise((resolve) => setTimeout(resolve))
}

async function main(): Promise<number> {
  const model = new Uint8Array(await (await fetch('/files/model.onnx')).arrayBuffer())
  await phase('import of lanewise')
  const { InferenceSession, loadOnnx, Tensor } = await import('../../src/index.js')
  const x = new Tensor('float32', new Float32Array(128 * 784).fill(0.5), [128, 28, 28, 1])
  const y = new Tensor('float32', new Float32Array(1280).fill(0.1), [128, 10])
  await phase('session')
  const session = await InferenceSession.create(model)
  const [input] = session.inputNames
  await phase('first prediction')
  await session.run({ [input]: x })
  await phase('ten predictions')
  for (let run = 0; run < 10; run++) await session.run({ [input]: x })
  await phase('model to train')
  const net = await loadOnnx(model)
  net.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  await phase('first training step')
  await net.trainOnBatch(x, y)
  await phase('ten training steps')
  for (let step = 0; step < 10; step++) await net.trainOnBatch(x, y)
  await phase('fit')
  await net.fit(x, y, { epochs: 3, batchSize: 32, validationSplit: 0.25, verbose: 0 })
  await phase('export')
  const file = await net.exportOnnx()
  await phase('end')
  return file.length
}

globalThis.result = main()

export {}
