import { LanewiseError } from '../core/errors.js'
import { formatShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'

type Classes = Tensor | readonly number[]

const tensorOf = (classes: Classes): Tensor => (classes instanceof Tensor ? classes : new Tensor(classes))

/**
 * How often each class was taken for which: row i, column j counts the samples of class i that were predicted as j, as in
 * scikit-learn. `yTrue` are class indices, a list or [n], or one-hot rows [n, classes], `yPred` too, or scores [n, classes], whose highest counts.
 * Throws SHAPE_MISMATCH when they do not belong together, INVALID_DATA for a class that is not below `classes`.
 */
export function confusionMatrix(yTrue: Classes, yPred: Classes, classes?: number): number[][] {
  const [actualTensor, predictedTensor] = [tensorOf(yTrue), tensorOf(yPred)]
  const width = classes ?? classesOf(actualTensor, predictedTensor)
  const [actual, predicted] = [classIndices(actualTensor), classIndices(predictedTensor)]
  if (actual.length !== predicted.length)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `a confusion matrix takes as many predictions as targets, got ${predicted.length} and ${actual.length}`,
    )
  const matrix = Array.from({ length: width }, () => new Array<number>(width).fill(0))
  actual.forEach((label, sample) => {
    for (const index of [label, predicted[sample]])
      if (!Number.isInteger(index) || index < 0 || index >= width)
        throw new LanewiseError('INVALID_DATA', `class ${index} of sample ${sample} is not one of ${width} classes`)
    matrix[label][predicted[sample]]++
  })
  return matrix
}

/** The class of each sample: indices [n] or [n, 1] as they are, of rows [n, classes] the place of the highest. Throws SHAPE_MISMATCH. */
export function classIndices(tensor: Tensor): number[] {
  const { dims } = tensor
  const width = dims[1] ?? 1
  if (dims.length < 1 || dims.length > 2 || width === 0)
    throw new LanewiseError('SHAPE_MISMATCH', `classes are of shape [n] or [n, classes], got ${formatShape(dims)}`)
  const values = tensor.toNumbers()
  if (width === 1) return values
  return Array.from({ length: dims[0] }, (_, row) => {
    let best = row * width
    for (let i = best + 1; i < (row + 1) * width; i++) if (values[i] > values[best]) best = i
    return best - row * width
  })
}

function classesOf(...tensors: readonly Tensor[]): number {
  const widths = tensors.map(({ dims }) => (dims.length === 2 ? dims[1] : 1))
  const widest = Math.max(...widths)
  if (widest > 1) return widest
  return 1 + tensors.flatMap(classIndices).reduce((highest, index) => Math.max(highest, index), -1)
}
