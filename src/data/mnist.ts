import { LanewiseError } from '../core/errors.js'
import { readFileIfPresent } from '../core/files.js'
import { node, requireNode } from '../core/node.js'
import { checkOptions } from '../core/options.js'
import { formatShape } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { writeFileAtomic } from '../core/write-files.js'
import { gunzip } from './compression.js'
import { download, type Progress } from './download.js'
import { parseIdx } from './idx.js'
import { parseNpy } from './npy.js'
import { syntheticDigits } from './synthetic.js'

/** Images float32 [n, 28, 28, 1] in [0, 1] and class labels uint8 [n]. */
export interface LabelledImages {
  readonly x: Tensor
  readonly y: Tensor
}

/** Images to train and to test on. */
export interface ImageDataset {
  readonly train: LabelledImages
  readonly test: LabelledImages
  /** Where the data came from, for people. */
  readonly source: string
  /** True when the images were drawn by a program because no real data could be had. */
  readonly synthetic: boolean
}

/** Where `mnist` looks, and what it tells. */
export interface MnistOptions {
  /** A folder that holds the data, or a folder `mnist` that does. If given, no other place is tried. */
  readonly dataDir?: string
  /** The content of mnist.npz, or of the four IDX files (packed or not), by name. If given, no other place is tried. */
  readonly files?: Readonly<Record<string, Uint8Array>>
  /** Where mnist.npz lies, or the folder of the four IDX files (.gz), ending in a slash. If given, no other place is tried. */
  readonly address?: string | URL
  /** False forbids the download; default true. */
  readonly download?: boolean
  /** True goes straight to the synthetic digits. */
  readonly synthetic?: boolean
  readonly onProgress?: Progress
  /** Told what happened on the way to a fallback. Default: console.warn. */
  readonly onNotice?: (text: string) => void
}

const mnistOptions: Readonly<Record<keyof MnistOptions, true>> = {
  dataDir: true,
  files: true,
  address: true,
  download: true,
  synthetic: true,
  onProgress: true,
  onNotice: true,
}

/** The archive that Keras's own mnist.load_data() fetches. */
const archive = {
  url: 'https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz',
  integrity: 'sha256-cxxaxgJ1J2DI5I+//PjDuFDZ3Coq7c8sxIRo/Be2c9E=',
  name: 'mnist.npz',
}

const idxNames = {
  trainImages: 'train-images-idx3-ubyte',
  trainLabels: 'train-labels-idx1-ubyte',
  testImages: 't10k-images-idx3-ubyte',
  testLabels: 't10k-labels-idx1-ubyte',
} as const

const syntheticSizes = { train: 20000, test: 4000 }

/** See datasets.ts. */
export async function mnist(options: MnistOptions = {}): Promise<ImageDataset> {
  checkOptions('mnist', options, mnistOptions)
  const notice = options.onNotice ?? ((text: string) => console.warn(text))
  if (options.synthetic) return synthetic('asked for')
  if (options.files !== undefined) return fromFiles(options.files)
  if (options.address !== undefined) return fromAddress(String(options.address), options.onProgress)
  if (options.dataDir !== undefined) {
    const folder = (await requireNode('the option dataDir').path()).resolve(options.dataDir)
    const found = await fromFolder(folder)
    if (found) return found
    throw new LanewiseError(
      'DATA_NOT_FOUND',
      `no MNIST in ${folder}: it needs mnist.npz or ${Object.values(idxNames).join(', ')} (.gz or unpacked), there or in its folder mnist`,
    )
  }
  const { folders, cache } = node ? await usualFolders() : { folders: [] }
  for (const folder of folders) {
    const found = await fromFolder(folder)
    if (found) return found
  }
  if (options.download === false) return synthetic('no local copy, and the download is switched off')
  try {
    const bytes = await download(archive.url, archive.integrity, options.onProgress)
    if (cache !== undefined)
      await writeFileAtomic(cache, bytes).catch((error: Error) => notice(`MNIST could not be cached: ${error.message}`))
    return fromArchive(bytes, archive.url)
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    return synthetic([...folders.map((folder) => `not found in ${folder}`), error.message].join('; '))
  }

  function synthetic(reason: string): ImageDataset {
    if (!options.synthetic)
      notice(`NOTE: these are SYNTHETIC digits, drawn by a program; results say nothing about MNIST (MNIST: ${reason})`)
    let train: LabelledImages | undefined
    let test: LabelledImages | undefined
    return {
      get train() {
        train ??= syntheticDigits(syntheticSizes.train, 1)
        return train
      },
      get test() {
        test ??= syntheticDigits(syntheticSizes.test, 2)
        return test
      },
      source: 'synthetic digits',
      synthetic: true,
    }
  }
}

/** The folders that are looked into, and the file in the last of them that keeps a download. */
async function usualFolders(): Promise<{ folders: string[]; cache?: string }> {
  const modules = requireNode('MNIST from a folder')
  const [{ join, resolve }, { default: envPaths }] = await Promise.all([modules.path(), modules.envPaths()])
  const cache = join(envPaths('lanewise', { suffix: '' }).cache, 'datasets')
  const folders = [process.env.LANEWISE_DATA || undefined, join('..', 'shared', 'data'), cache]
  return {
    folders: folders.flatMap((folder) => (folder === undefined ? [] : [resolve(folder)])),
    cache: join(cache, 'mnist', archive.name),
  }
}

async function fromFolder(folder: string): Promise<ImageDataset | undefined> {
  const { join } = await requireNode(folder).path()
  for (const place of [join(folder, 'mnist'), folder]) {
    const packed = await readFileIfPresent(join(place, archive.name))
    if (packed) return fromArchive(packed, join(place, archive.name))
    const found = await fromIdx(place, async (name) => {
      for (const path of [join(place, `${name}.gz`), join(place, name)]) {
        const bytes = await readFileIfPresent(path)
        if (bytes) return { bytes, path }
      }
      return undefined
    })
    if (found) return found
  }
  return undefined
}

/** Throws DATA_NOT_FOUND when `files` are neither the archive nor the IDX files, INVALID_DATA on a broken one. */
async function fromFiles(files: Readonly<Record<string, Uint8Array>>): Promise<ImageDataset> {
  const names = Object.keys(files)
  const npz = names.find((name) => name.endsWith('.npz'))
  if (npz !== undefined) return fromArchive(files[npz], npz)
  // Browsers number the copies of a download: train-images-idx3-ubyte (1).gz; some sites write a dot before idx3.
  const found = await fromIdx('the given files', async (name) => {
    const path = names.find((candidate) => candidate.replace('.idx', '-idx').startsWith(name))
    return path === undefined ? undefined : { bytes: files[path], path }
  })
  if (found) return found
  throw new LanewiseError(
    'DATA_NOT_FOUND',
    `MNIST is mnist.npz, or the four files ${Object.values(idxNames).join(', ')} (.gz or unpacked); given: ${names.join(', ') || 'none'}`,
  )
}

/** Throws DATA_NOT_FOUND or IO_ERROR when a file cannot be had, INVALID_DATA on a broken one. */
async function fromAddress(address: string, onProgress?: Progress): Promise<ImageDataset> {
  if (!address.endsWith('/')) return fromArchive(await download(address, undefined, onProgress), address)
  const found = await fromIdx(address, async (name) => {
    const path = `${address}${name}.gz`
    return { bytes: await download(path, undefined, onProgress), path }
  })
  return found!
}

/** The four IDX files, each as `read` gives it by its name without `.gz`; undefined unless all are there. */
async function fromIdx(
  source: string,
  read: (name: string) => Promise<{ bytes: Uint8Array; path: string } | undefined>,
): Promise<ImageDataset | undefined> {
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(
    Object.values(idxNames).map(async (name) => {
      const file = await read(name)
      return file && parseIdx(await gunzip(file.bytes, file.path), file.path)
    }),
  )
  if (!trainImages || !trainLabels || !testImages || !testLabels) return undefined
  return {
    train: labelled(trainImages, trainLabels, source),
    test: labelled(testImages, testLabels, source),
    source,
    synthetic: false,
  }
}

async function fromArchive(bytes: Uint8Array, path: string): Promise<ImageDataset> {
  const { ZipArchive } = await import('./zip.js')
  const archive = new ZipArchive(bytes, path)
  const member = (name: string) => parseNpy(archive.need(name), `${path}/${name}`)
  return {
    train: labelled(member('x_train.npy'), member('y_train.npy'), path),
    test: labelled(member('x_test.npy'), member('y_test.npy'), path),
    source: path,
    synthetic: false,
  }
}

/** Scales uint8 pixels to [0, 1] and checks that images and labels fit. */
function labelled(images: Tensor, labels: Tensor, where: string): LabelledImages {
  const [count, height, width] = images.dims
  if (images.type !== 'uint8' || images.dims.length !== 3 || labels.dims.length !== 1 || labels.dims[0] !== count)
    throw new LanewiseError(
      'INVALID_DATA',
      `${where}: expected uint8 images [n, 28, 28] with labels [n], got ${images.type} ${formatShape(images.dims)} with ${formatShape(labels.dims)}`,
    )
  const scaled = Float32Array.from(images.data as Uint8Array, (pixel) => pixel / 255)
  return {
    x: new Tensor('float32', scaled, [count, height, width, 1]),
    y: new Tensor('uint8', Uint8Array.from(labels.data as Uint8Array), [count]),
  }
}
