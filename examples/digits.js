// The program of every example: it predicts a batch of digits, then trains the model on them for ten steps.
import { configure, datasets, environment, InferenceSession, loadOnnx, toCategorical } from 'lanewise'

/** `model`: what both loaders take: an address, a path, bytes, a Blob. Resolves to plain numbers. */
export async function digits(model) {
  // The same bits on every machine and in every browser; leave it out for the fastest build that the host can run.
  configure({ deterministic: true })
  const { x, y } = datasets.syntheticDigits(128, 3)

  const session = await InferenceSession.create(model)
  const results = await session.run({ [session.inputNames[0]]: x })
  const predicted = results[session.outputNames[0]].toNumbers()
  await session.release()

  const net = await loadOnnx(model)
  net.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy', metrics: ['accuracy'] })
  const losses = []
  for (let step = 0; step < 10; step++) losses.push((await net.trainOnBatch(x, toCategorical(y, 10))).loss)

  const { threads, notes } = await environment()
  return { threads, notes, predicted, losses }
}
