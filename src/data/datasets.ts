import type { Source } from '../core/source.js'
import type { Tensor } from '../core/tensor.js'
import { Dataset } from './dataset.js'
import type { ImageFile, ImageFolder, ImageFolderOptions } from './image-folder.js'
import type { ImageDataset, MnistOptions } from './mnist.js'
import type { CsvOptions, CsvTable } from './tables.js'

/** The data sets that lanewise can load, and the ways to make one; what reads files comes when it is called. */
export { fromArrays, fromGenerator } from './sources.js'
export { syntheticDigits } from './synthetic.js'

/**
 * MNIST from the first place that has it: `dataDir`, the folder in LANEWISE_DATA, ../shared/data, the user's cache, the
 * address that Keras uses (kept in the cache); else synthetic digits, with a notice. Each folder may hold the four IDX
 * files, packed or not, or mnist.npz. Throws DATA_NOT_FOUND when `dataDir`, `files` or the server of `address` has none of them, IO_ERROR when
 * `address` cannot be fetched, INVALID_DATA on a broken file.
 */
export async function mnist(options?: MnistOptions): Promise<ImageDataset> {
  const { mnist } = await import('./mnist.js')
  return mnist(options)
}

/**
 * The PNG and JPEG files in the subfolders of a folder, each a class; read, decoded and resized (bilinear) as they are
 * asked for. In a page the files of an `<input webkitdirectory>` take the place of the folder. Throws DATA_NOT_FOUND,
 * IO_ERROR, INVALID_DATA naming the file.
 */
export async function imageFolder(
  folder: string | Iterable<ImageFile>,
  options?: ImageFolderOptions,
): Promise<ImageFolder> {
  const { imagesOf } = await import('./image-folder.js')
  const { classNames, order, paths, read, seed } = await imagesOf(folder, options)
  return { samples: new Dataset(order, paths.length).map(read, { parallel: 4, seed }), classNames, paths }
}

/** The arrays of a .npz file by name, as `numpy.savez` and `savez_compressed` write it. Throws INVALID_DATA, DATA_NOT_FOUND. */
export async function npz(source: Source): Promise<Record<string, Tensor>> {
  const { npz } = await import('./tables.js')
  return npz(source)
}

/** The array of a .npy file. Throws INVALID_DATA, DATA_NOT_FOUND. */
export async function npy(source: Source): Promise<Tensor> {
  const { npy } = await import('./tables.js')
  return npy(source)
}

/** A table of numbers, with a column of targets, from a CSV file (RFC 4180). Throws INVALID_DATA naming row and column. */
export async function csv(source: Source, options?: CsvOptions): Promise<CsvTable> {
  const { csv } = await import('./tables.js')
  return csv(source, options)
}
