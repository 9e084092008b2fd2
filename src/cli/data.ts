import { SingleBar } from 'cli-progress'
import { LanewiseError } from '../core/errors.js'
import { type Dim, formatShape, sizeOf } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { mnist } from '../data/mnist.js'
import { loadOwnData, type NamedData } from './own-data.js'

export interface DataOptions {
  readonly data: string
  /** The classes in the order of their numbers. */
  readonly classNames?: readonly string[] | undefined
  readonly dataDir?: string
  readonly synthetic?: boolean
}

/**
 * The data set that `--data` names, with a download bar on stderr: mnist, or a folder or file of one's own, whose images
 * come in the size of `input`, and whose classes, where it names them, have the numbers that `classNames` gives them. Throws
 * INVALID_ARGUMENT for an unknown name, INVALID_DATA for a class that is not one of those.
 */
export async function loadData(options: DataOptions, input?: readonly (Dim | null)[]): Promise<NamedData> {
  if (options.data !== 'mnist') return loadOwnData(options.data, input, options.classNames)
  const bar = new SingleBar({ stream: process.stderr, format: 'downloading MNIST {bar} {value}/{total} bytes' })
  let started = false
  try {
    return await mnist({
      dataDir: options.dataDir,
      synthetic: options.synthetic,
      onNotice: (text) => process.stderr.write(`${text}\n`),
      onProgress: (received, total) => {
        if (!started) bar.start(total ?? received, 0)
        started = true
        bar.update(received)
      },
    })
  } finally {
    if (started) bar.stop()
  }
}

/** `x` under the shape of a network's input, whose first dimension is the batch. Throws SHAPE_MISMATCH if the sizes differ. */
export function fitToInput(x: Tensor, input: readonly (Dim | null)[]): Tensor {
  const sample = input.slice(1)
  if (sample.every((dim) => typeof dim === 'number') && sizeOf(sample as number[]) === sizeOf(x.dims.slice(1)))
    return x.reshape([x.dims[0], ...(sample as number[])])
  throw new LanewiseError(
    'SHAPE_MISMATCH',
    `the network takes ${formatShape(input.map((dim) => dim ?? 'batch'))}, a sample is ${formatShape(x.dims.slice(1))}`,
  )
}
