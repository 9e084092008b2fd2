import { LanewiseError } from '../../core/errors.js'
import { node, requireNode } from '../../core/node.js'
import { readBeside, readModel } from '../../onnx/source.js'

/** Files by name: a folder in memory. */
export type Files = Readonly<Record<string, Uint8Array>>

/** A path, a URL, bytes, a Blob, or the files of a folder by name. A folder is one of a TensorFlow.js layers model. */
export type KerasSource = string | URL | Uint8Array | ArrayBuffer | Blob | Files

/** A file, and a way to those beside it. */
export interface OpenedFile {
  readonly bytes: Uint8Array
  /** What errors call it. */
  readonly name: string
  /** A file of the same folder. Throws DATA_NOT_FOUND, INVALID_MODEL. */
  beside(name: string): Promise<Uint8Array>
}

const folderFile = 'model.json'

/** Opens what `source` names. Throws DATA_NOT_FOUND, IO_ERROR. */
export async function openSource(source: KerasSource): Promise<OpenedFile> {
  if (source instanceof Uint8Array) return alone(source)
  if (source instanceof ArrayBuffer) return alone(new Uint8Array(source))
  if (typeof Blob !== 'undefined' && source instanceof Blob)
    return alone(new Uint8Array(await source.arrayBuffer()), 'name' in source ? String(source.name) : undefined)
  if (typeof source === 'string' || source instanceof URL) {
    const address = await fileOf(String(source))
    return { bytes: await readModel(address), name: address, beside: (name) => readBeside(address, name) }
  }
  return fromFiles(source as Files)
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

/** The model file of a folder, or `address` itself. */
async function fileOf(address: string): Promise<string> {
  if (node === undefined || /^(https?|data|blob):/.test(address)) return address
  const modules = requireNode(address)
  const [fs, path, url] = await Promise.all([modules.fs(), modules.path(), modules.url()])
  const place = address.startsWith('file:') ? url.fileURLToPath(address) : address
  const isFolder = await fs.stat(place).then(
    (stat) => stat.isDirectory(),
    () => false,
  )
  return isFolder ? path.join(place, folderFile) : place
}
