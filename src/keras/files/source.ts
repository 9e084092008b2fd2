import { LanewiseError } from '../../core/errors.js'
import { folderError } from '../../core/file-kinds.js'
import { node, requireNode } from '../../core/node.js'
import { addressOf, isSource, type ReadOptions, readBeside, readSource, type Source } from '../../core/source.js'

/** Files by name: a folder in memory. */
export type Files = Readonly<Record<string, Uint8Array>>

/** A file, or the files of a folder by name. A folder is one of a TensorFlow.js layers model. */
export type KerasSource = Source | Files

/** A file, and a way to those beside it. */
export interface OpenedFile {
  readonly bytes: Uint8Array
  /** What errors call it. */
  readonly name: string
  /** A file of the same folder. Throws DATA_NOT_FOUND, INVALID_MODEL. */
  beside(name: string): Promise<Uint8Array>
}

const folderFile = 'model.json'

/** Opens what `source` names. Throws as readSource. */
export async function openSource(source: KerasSource, options?: ReadOptions): Promise<OpenedFile> {
  if (!isSource(source)) return fromFiles(source)
  const given = addressOf(source)
  if (given === undefined)
    return alone(
      await readSource(source, options),
      source instanceof Blob && 'name' in source ? String(source.name) : undefined,
    )
  const address = await fileOf(given)
  return {
    bytes: await readSource(address, options),
    name: address,
    beside: (name) => readBeside(address, name, options),
  }
}

const alone = (bytes: Uint8Array, name = 'the given file'): OpenedFile => ({
  bytes,
  name,
  beside: async (other) => {
    throw new LanewiseError(
      'DATA_NOT_FOUND',
      `the model needs the file '${other}'; give a path, a URL, or all files by name: { '${folderFile}': …, '${other}': … }`,
    )
  },
})

function fromFiles(files: Files): OpenedFile {
  const names = Object.keys(files)
  const name = names.find((candidate) => candidate === folderFile) ?? (names.length === 1 ? names[0] : undefined)
  if (name === undefined)
    throw new LanewiseError('DATA_NOT_FOUND', `there is no '${folderFile}' among the files ${names.join(', ')}`)
  return {
    bytes: files[name],
    name,
    beside: async (other) => {
      if (!Object.hasOwn(files, other))
        throw new LanewiseError(
          'DATA_NOT_FOUND',
          `the model needs the file '${other}', which is not among ${names.join(', ')}`,
        )
      return files[other]
    },
  }
}

/** The model file of a folder, or `address` itself. Throws INVALID_ARGUMENT for a folder without one. */
async function fileOf(address: string): Promise<string> {
  if (node === undefined || /^(https?|data|blob):/.test(address)) return address
  const modules = requireNode(address)
  const [fs, path, url] = await Promise.all([modules.fs(), modules.path(), modules.url()])
  const place = address.startsWith('file:') ? url.fileURLToPath(address) : address
  const names = await fs.readdir(place).catch(() => undefined)
  if (names === undefined) return place
  if (!names.includes(folderFile)) throw folderError(place, names)
  return path.join(place, folderFile)
}
