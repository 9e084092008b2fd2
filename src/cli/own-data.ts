import { existsSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { LanewiseError } from '../core/errors.js'
import { RandomGenerator } from '../core/random.js'
import { type Dim, sizeOf } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { imageFolder } from '../data/datasets.js'
import type { ImageDataset, LabelledImages } from '../data/mnist.js'
import { csv, npz } from '../data/tables.js'

/** The share of the samples that is kept for the test where the data do not say, and the seed that draws it. */
const [testShare, testSeed] = [0.1, 20261]

/** A data set that may name its classes, in the order of their numbers. */
export interface NamedData extends ImageDataset {
  readonly classNames?: readonly string[] | undefined
}

type Split = Pick<NamedData, 'train' | 'test' | 'classNames'>
type NamedImages = LabelledImages & Pick<NamedData, 'classNames'>

/** The same images with the numbers that `classNames` gives to their classes. Throws INVALID_DATA for a class that it lacks. */
function renumbered(images: NamedImages, classNames: readonly string[] | undefined, where: string): NamedImages {
  if (!images.classNames || !classNames) return images
  const numbers = images.classNames.map((name) => classNames.indexOf(name))
  const unknown = images.classNames.filter((_, i) => numbers[i] < 0)
  if (unknown.length > 0)
    throw new LanewiseError(
      'INVALID_DATA',
      `${where}: ${quoted(unknown)} ${unknown.length > 1 ? 'are' : 'is'} not among the classes ${quoted(classNames)}`,
    )
  const labels = images.y.toNumbers().map((label) => numbers[label])
  return { x: images.x, y: new Tensor('int32', labels, images.y.dims), classNames }
}

const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

/** Some rows of a tensor of numbers, in the order given. */
function rowsOf(tensor: Tensor, order: ArrayLike<number>): Tensor {
  const size = sizeOf(tensor.dims.slice(1))
  const data = tensor.data.slice(0, order.length * size) as Float32Array
  const source = tensor.data as Float32Array
  for (let i = 0; i < order.length; i++) data.set(source.subarray(order[i] * size, (order[i] + 1) * size), i * size)
  return new Tensor(tensor.type, data, [order.length, ...tensor.dims.slice(1)])
}

function split({ x, y, classNames }: NamedImages, where: string): Split {
  const count = x.dims[0]
  const kept = Math.ceil(count * testShare)
  if (kept >= count)
    throw new LanewiseError('INVALID_DATA', `${where}: ${count} samples are too few to train and to test on`)
  const order = new RandomGenerator(testSeed).permutation(count)
  const part = (rows: Int32Array) => ({ x: rowsOf(x, rows), y: rowsOf(y, rows) })
  return { train: part(order.subarray(kept)), test: part(order.subarray(0, kept)), classNames }
}

/** Images in the size and the channels of a network's input [batch, height, width, channels], 0 to 1. */
async function images(
  folder: string,
  input: readonly (Dim | null)[],
  classNames?: readonly string[],
): Promise<NamedImages> {
  const [, height, width, channels = 1] = input
  const colorMode = ({ 1: 'grayscale', 3: 'rgb', 4: 'rgba' } as const)[Number(channels) as 1]
  if (typeof height !== 'number' || typeof width !== 'number' || !colorMode || input.length > 4)
    throw new LanewiseError(
      'SHAPE_MISMATCH',
      `--data ${folder}: images need a network that takes [height, width, channels] with 1, 3 or 4 channels`,
    )
  const found = await imageFolder(folder, { imageSize: [height, width], colorMode, shuffle: false })
  const data = new Float32Array(found.paths.length * height * width * Number(channels))
  const labels = new Int32Array(found.paths.length)
  let index = 0
  for await (const [image, label] of found.samples) {
    data.set(
      (image.data as Float32Array).map((value) => value / 255),
      index * image.size,
    )
    labels[index++] = label as number
  }
  const named = {
    x: new Tensor('float32', data, [index, height, width, Number(channels)]),
    y: new Tensor('int32', labels, [index]),
    classNames: found.classNames,
  }
  return renumbered(named, classNames, folder)
}

async function folderData(
  folder: string,
  input: readonly (Dim | null)[],
  classNames?: readonly string[],
): Promise<Split> {
  if (!existsSync(join(folder, 'train')) || !existsSync(join(folder, 'test')))
    return split(await images(folder, input, classNames), folder)
  const train = await images(join(folder, 'train'), input, classNames)
  const test = await images(join(folder, 'test'), input, train.classNames)
  return { train, test, classNames: train.classNames }
}

async function csvData(path: string, _: readonly (Dim | null)[], names?: readonly string[]): Promise<Split> {
  const { x, y, classNames } = await csv(path)
  return split(renumbered({ x, y: y!, classNames }, names, path), path)
}

/** Arrays under Keras's names (x_train, y_train, x_test, y_test), or x and y. Bytes become numbers from 0 to 1. */
async function npzData(path: string): Promise<Split> {
  const arrays = await npz(path)
  const pair = (xName: string, yName: string): LabelledImages | undefined => {
    if (!arrays[xName] || !arrays[yName]) return undefined
    const [x, y] = [arrays[xName], arrays[yName]]
    if (x.dims[0] !== y.dims[0])
      throw new LanewiseError('SHAPE_MISMATCH', `${path}: ${xName} has ${x.dims[0]} samples, ${yName} ${y.dims[0]}`)
    const unit = x.type === 'uint8' ? 1 / 255 : 1
    const data = Float32Array.from(x.toNumbers(), (value) => value * unit)
    return { x: new Tensor('float32', data, x.dims), y }
  }
  const [train, test, all] = [pair('x_train', 'y_train'), pair('x_test', 'y_test'), pair('x', 'y')]
  if (train && test) return { train, test }
  const whole = train ?? all
  if (whole) return split(whole, path)
  throw new LanewiseError(
    'INVALID_DATA',
    `${path}: it holds ${Object.keys(arrays).join(', ') || 'nothing'}; wanted are x_train, y_train, x_test and y_test, or x and y`,
  )
}

const files: Readonly<Record<string, typeof folderData>> = { '.csv': csvData, '.npz': npzData }

/**
 * A folder of images, a CSV file whose last column has the targets, or a .npz file, in memory. Where no test set is there,
 * a tenth of the samples is. Classes that the data name are numbered as in `classNames`, if given. Throws INVALID_ARGUMENT,
 * INVALID_DATA, and what reading throws.
 */
export async function loadOwnData(
  path: string,
  input: readonly (Dim | null)[] = [],
  classNames?: readonly string[],
): Promise<NamedData> {
  const load = existsSync(path) && (statSync(path).isDirectory() ? folderData : files[extname(path).toLowerCase()])
  if (!load)
    throw new LanewiseError(
      'INVALID_ARGUMENT',
      `--data ${path}: give mnist, a folder of images in subfolders named after their classes, a .csv file or a .npz file${existsSync(path) ? '' : '; there is no such file or folder'}`,
    )
  return { ...(await load(path, input, classNames)), source: path, synthetic: false }
}
