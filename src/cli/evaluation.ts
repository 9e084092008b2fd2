import { LanewiseError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { sliceRows } from '../data/labels.js'
import type { InferenceSession } from '../session.js'
import { fitToInput } from './data.js'
import { areProbabilities, argMax } from './terminal.js'

/** Where `lanewise train` keeps the loss's Keras name in an exported model's metadata. */
export const lossKey = 'lanewise.loss'

/**
 * A classifier's scores [n, classes] as probabilities. One value a sample is that of class 1, and becomes two. Where values lie
 * outside [0, 1] they are logits: the softmax of each row, the sigmoid of one value, is taken.
 */
export function probabilitiesOf(scores: Tensor): Tensor {
  const values = scores.data as Float32Array
  const [count, width] = scores.dims
  const areLogits = !areProbabilities(values)
  if (width !== 1 && !areLogits) return scores
  const classes = Math.max(2, width)
  const data = new Float32Array(count * classes)
  for (let row = 0; row < count; row++) {
    const given = values.subarray(row * width, (row + 1) * width)
    const pair = areLogits ? [0, given[0]] : [1 - given[0], given[0]]
    const own = width === 1 ? pair : given
    data.set(areLogits ? softmax(own) : own, row * classes)
  }
  return new Tensor('float32', data, [count, classes])
}

function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const most = Math.max(...values)
  const powers = values.map((value) => Math.exp(value - most))
  const sum = powers.reduce((all, power) => all + power, 0)
  return powers.map((power) => power / sum)
}

/** Loss of one row of scores for a class: mean squared error if the model says so, else categorical cross-entropy. */
function rowLoss(loss: string | undefined, scores: Float32Array, label: number): number {
  if (loss === squaredError)
    return scores.reduce((sum, score, index) => sum + (score - (index === label ? 1 : 0)) ** 2, 0) / scores.length
  const total = scores.reduce((sum, score) => sum + score, 0)
  return -Math.log(Math.min(1 - 1e-7, Math.max(1e-7, scores[label] / total)))
}

const squaredError = 'mean_squared_error'

/**
 * Mean loss and accuracy of a classifier, and its scores [n, classes], over images [n, …] with class labels [n]. Scores are
 * probabilities but for models trained on squared errors. Throws SHAPE_MISMATCH, and INVALID_DATA for labels that are no class.
 */
export async function evaluateSession(
  session: InferenceSession,
  images: Tensor,
  labels: Tensor,
  batchSize: number,
): Promise<{ loss: number; accuracy: number; scores: Tensor }> {
  const given = await scoresOf(session, fitToInput(images, session.inputMetadata[0].shape), batchSize)
  const kind = session.metadata[lossKey]
  const scores = kind === squaredError && given.dims[1] > 1 ? given : probabilitiesOf(given)
  const [count, classes] = scores.dims
  let loss = 0
  let correct = 0
  labels.toNumbers().forEach((label, row) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      throw new LanewiseError(
        'INVALID_DATA',
        `label ${label} of sample ${row} is not one of the model’s ${classes} classes`,
      )
    const values = (scores.data as Float32Array).subarray(row * classes, (row + 1) * classes)
    loss += rowLoss(kind, values, label)
    if (argMax(values) === label) correct++
  })
  return { loss: loss / count, accuracy: correct / count, scores }
}

/** The first output for all rows of `x`, [n, classes]. Throws SHAPE_MISMATCH for another rank. */
async function scoresOf(session: InferenceSession, x: Tensor, batchSize: number): Promise<Tensor> {
  const count = x.dims[0]
  let width = 0
  let all = new Float32Array()
  for (let start = 0; start < count; start += batchSize) {
    const outputs = await session.run({ [session.inputNames[0]]: sliceRows(x, start, start + batchSize) })
    const scores = outputs[session.outputNames[0]]
    if (scores.dims.length !== 2 || scores.type !== 'float32')
      throw new LanewiseError(
        'SHAPE_MISMATCH',
        `a classifier gives float32 [batch, classes]; this model gives ${scores.type} ${formatShape(scores.dims)}`,
      )
    if (start === 0) {
      width = scores.dims[1]
      all = new Float32Array(count * width)
    }
    all.set(scores.data as Float32Array, start * width)
  }
  return new Tensor('float32', all, [count, width])
}
