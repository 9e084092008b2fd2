import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import { requireNode } from '../core/node.js'
import { checkOptions } from '../core/options.js'
import { RandomGenerator } from '../core/random.js'
import { nextSeed } from '../core/seed.js'
import type { Tensor } from '../core/tensor.js'
import type { Dataset } from './dataset.js'
import { type ColorMode, channelsOf, decodeImage, resizeImage } from './images.js'

export interface ImageFolderOptions {
  /** Height and width that all images are brought to; 256 each unless given. */
  readonly imageSize?: readonly [height: number, width: number]
  /** `rgb` unless given. */
  readonly colorMode?: ColorMode
  /** `int`: class numbers; `categorical`: one-hot rows; null: images alone. */
  readonly labelMode?: 'int' | 'categorical' | null
  /** The subfolders, in the order of the class numbers; all, in alphabetical order, unless given. */
  readonly classNames?: readonly string[]
  /** Another order of the files each epoch; true unless given. */
  readonly shuffle?: boolean
  /** Of the order of the files, and of what is held out. */
  readonly seed?: number
  /** The share of the files that `subset: 'validation'` has; both subsets need the same seed. */
  readonly validationSplit?: number
  readonly subset?: 'training' | 'validation'
}

const optionNames: Readonly<Record<keyof ImageFolderOptions, true>> = {
  imageSize: true,
  colorMode: true,
  labelMode: true,
  classNames: true,
  shuffle: true,
  seed: true,
  validationSplit: true,
  subset: true,
}

/** A picture in a folder that is named after its class: a file that an input of a page gave, or what reads one. */
export type ImageFile = File | { readonly path: string; read(): Promise<Uint8Array> }

export interface ImageFolder {
  /** [image, label], image float32 [height, width, channels] from 0 to 255. */
  readonly samples: Dataset<readonly [image: Tensor, label: number | Float32Array]>
  readonly classNames: readonly string[]
  /** The files, in their order before any shuffling. */
  readonly paths: readonly string[]
}

interface Picture {
  readonly path: string
  readonly className: string
  read(): Promise<Uint8Array>
}

const isPicture = (path: string) => /\.(png|jpe?g)$/i.test(path) && !/(^|[/\\])\./.test(path)

/** The name of the folder right within the outermost. */
const classOf = (path: string) => path.split(/[/\\]/).at(-2) ?? ''

async function picturesIn(folder: string): Promise<Picture[]> {
  const modules = requireNode(`reading the folder ${folder}`)
  const [fs, { join }] = await Promise.all([modules.fs(), modules.path()])
  const list = async (path: string) =>
    fs.readdir(path, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
      const missing = cause.code === 'ENOENT' || cause.code === 'ENOTDIR'
      throw new LanewiseError(
        missing ? 'DATA_NOT_FOUND' : 'IO_ERROR',
        missing ? `there is no folder ${path}` : `cannot read the folder ${path}: ${cause.message}`,
        { cause },
      )
    })
  const pictures: Picture[] = []
  for (const entry of await list(folder)) {
    if (!entry.isDirectory()) continue
    const below = await fs.readdir(join(folder, entry.name), { recursive: true })
    for (const name of below) {
      const path = join(folder, entry.name, name)
      if (isPicture(name)) pictures.push({ path, className: entry.name, read: () => readFile(path) })
    }
  }
  return pictures
}

const pictureOf = (file: ImageFile): Picture =>
  'read' in file
    ? { path: file.path, className: classOf(file.path), read: () => file.read() }
    : {
        path: file.webkitRelativePath,
        className: classOf(file.webkitRelativePath),
        read: async () => new Uint8Array(await file.arrayBuffer()),
      }

function subsetOf(pictures: Picture[], { validationSplit, subset, seed }: ImageFolderOptions): Picture[] {
  if (validationSplit === undefined && subset === undefined) return pictures
  if (validationSplit === undefined || subset === undefined || seed === undefined)
    throw new LanewiseError('INVALID_ARGUMENT', 'validationSplit, subset and seed go together: give all three')
  if (!(validationSplit > 0 && validationSplit < 1))
    throw new LanewiseError('INVALID_ARGUMENT', `validationSplit must be between 0 and 1, got ${validationSplit}`)
  const order = new RandomGenerator(seed, 0xffffffff).permutation(pictures.length)
  const boundary = pictures.length - Math.floor(validationSplit * pictures.length)
  const chosen = subset === 'training' ? order.subarray(0, boundary) : order.subarray(boundary)
  return Array.from(chosen, (index) => pictures[index])
}

/** The pictures of a folder, which `imageFolder` of datasets.ts makes a dataset of. */
export interface FolderImages extends Omit<ImageFolder, 'samples'> {
  readonly seed: number
  /** The places of the pictures in `paths`, in the order of an epoch. */
  order(epoch: number): Int32Array
  /** The sample of the picture at that place. */
  read(index: number): Promise<readonly [image: Tensor, label: number | Float32Array]>
}

/** See datasets.ts. */
export async function imagesOf(
  folder: string | Iterable<ImageFile>,
  options: ImageFolderOptions = {},
): Promise<FolderImages> {
  checkOptions('imageFolder', options, optionNames)
  const { imageSize: [height, width] = [256, 256], colorMode = 'rgb', labelMode = 'int', shuffle = true } = options
  const { seed = nextSeed() } = options
  if (!(colorMode in channelsOf))
    throw new LanewiseError('INVALID_ARGUMENT', `colorMode is rgb, rgba or grayscale, got '${colorMode}'`)
  const what = typeof folder === 'string' ? folder : 'the files'
  const found = typeof folder === 'string' ? await picturesIn(folder) : Array.from(folder, pictureOf)
  const classNames = options.classNames ?? [...new Set(found.map(({ className }) => className))].sort()
  const byPath = (a: Picture, b: Picture) => (a.path < b.path ? -1 : 1)
  const all = found.filter(({ path, className }) => isPicture(path) && classNames.includes(className)).sort(byPath)
  const pictures = subsetOf(all, options)
  if (pictures.length === 0)
    throw new LanewiseError(
      'DATA_NOT_FOUND',
      `${what}: there are no PNG or JPEG files in subfolders named after classes`,
    )
  const labels = pictures.map(({ className }) => {
    const label = classNames.indexOf(className)
    return labelMode === 'categorical' ? Float32Array.from(classNames, (_, i) => (i === label ? 1 : 0)) : label
  })
  return {
    classNames,
    paths: pictures.map(({ path }) => path),
    seed,
    order(epoch) {
      const order = new RandomGenerator(seed, epoch).permutation(pictures.length)
      return shuffle ? order : order.sort()
    },
    async read(index) {
      const { path, read } = pictures[index]
      const image = resizeImage(await decodeImage(await read(), colorMode, path), height, width)
      return (labelMode === null ? [image] : [image, labels[index]]) as readonly [Tensor, number | Float32Array]
    },
  }
}
