import { LanewiseError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { sliceRows } from '../data/labels.js'
import type { InferenceSession } from '../session.js'
import { fitToInput } from './data.js'
import { argMax } from './terminal.js'

/** Where `lanewise train` keeps the loss's Keras name in an exported model's metadata. */
export const lossKey = 'lanewise.loss'

/** Loss of one row of scores for a class: mean squared error if the model says so, else categorical cross-entropy. */
function rowLoss(loss: string | undefined, scores: Float32Array, label: number): number {
  if (loss === 'mean_squared_error')
    return scores.reduce((sum, score, index) => sum + (score - (index === label ? 1 : 0)) ** 2, 0) / scores.length
  const total = scores.reduce((sum, score) => sum + score, 0)
  return -Math.log(Math.min(1 - 1e-7, Math.max(1e-7, scores[label] / total)))
}

/** Mean loss and accuracy of a classifier, and its scores [n, classes], over images [n, …] with class labels [n]. Throws SHAPE_MISMATCH. */
export async function evaluateSession(
  session: InferenceSession,
  images: Tensor,
  labels: Tensor,
  batchSize: number,
): Promise<{ loss: number; accuracy: number; scores: Tensor }> {
  const x = fitToInput(images, session.inputMetadata[0].shape)
  const classes = labels.toNumbers()
  let loss = 0
  let correct = 0
  let all = new Float32Array()
  for (let start = 0; start < classes.length; start += batchSize) {
    const batch = sliceRows(x, start, start + batchSize)
    const outputs = await session.run({ [session.inputNames[0]]: batch })
    const scores = outputs[session.outputNames[0]]
    const width = scores.dims[1]
    if (scores.dims.length !== 2 || scores.type !== 'float32')
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `a classifier gives float32 [batch, classes]; this model gives ${scores.type} ${formatShape(scores.dims)}`,
      )
    if (start === 0) all = new Float32Array(classes.length * width)
    all.set(scores.data as Float32Array, start * width)
    for (let row = 0; row < batch.dims[0]; row++) {
      const values = (scores.data as Float32Array).subarray(row * width, (row + 1) * width)
      loss += rowLoss(session.metadata[lossKey], values, classes[start + row])
      if (argMax(values) === classes[start + row]) correct++
    }
  }
  const dims = [classes.length, all.length / classes.length]
  return {
    loss: loss / classes.length,
    accuracy: correct / classes.length,
    scores: new Tensor('float32', all, dims),
  }
}
