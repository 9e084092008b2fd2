import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import type { Graph, Value } from '../core/ir.js'
import { node, requireNode } from '../core/node.js'
import { loadPngDecoder } from '../core/png.js'
import { subgraphsOf } from '../core/subgraph.js'
import { externalFilesOf } from './external.js'
import { importProto, overridableInputs } from './import.js'
import { loadNeeds } from './needs.js'
import { decodeModel } from './proto.js'
import { decodeValueType } from './types.js'

/** A model given as a path, a URL or bytes. */
export type ModelSource = string | URL | Uint8Array | ArrayBufferLike

export interface LoadOptions {
  /**
   * The content of the files that hold the model's external data, by the name that the model gives. Files that are not
   * given are looked for beside the model, where that is a path or a URL.
   */
  readonly externalData?: Readonly<Record<string, Uint8Array>> | undefined
}

/** A model's graph, and the forms of it where a caller gives content that the file has defaults for. */
export interface LoadedModel {
  readonly graph: Graph
  /** The initializers that are inputs, too (IR 4 and newer): a run may feed them. The graph holds them as constants. */
  readonly overridable: readonly Value[]
  /** The graph with the initializers `names`, of the overridable ones, as inputs. */
  override(names: ReadonlySet<string>): Graph
}

/** As loadModel, the graph alone. */
export const loadGraph = async (source: ModelSource, options: LoadOptions = {}): Promise<Graph> =>
  (await loadModel(source, options)).graph

/**
 * The graph of a model, its external data with it; errors of the import name its path or URL. Throws DATA_NOT_FOUND,
 * IO_ERROR, INVALID_MODEL (also for external data outside of the model's folder), UNSUPPORTED_OP.
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
  const bytes = await readModel(source)
  const address = typeof source === 'string' || source instanceof URL ? String(source) : undefined
  try {
    const model = decodeModel(bytes)
    await loadNeeds(model)
    const files = new Map(Object.entries(options.externalData ?? {}))
    if (address !== undefined)
      for (const name of externalFilesOf(model)) if (!files.has(name)) files.set(name, await readBeside(address, name))
    const graph = importProto(model, { externalData: files })
    if (decodesImages(graph)) await loadPngDecoder()
    const inputs = overridableInputs(model)
    if (inputs.length === 0) return { graph, overridable: [], override: () => graph }
    return {
      graph,
      overridable: inputs.map((input) => ({ name: input.name ?? '', ...decodeValueType(input) })),
      override: (overridden) => importProto(model, { externalData: files, overridden }),
    }
  } catch (error) {
    if (address === undefined || address.startsWith('data:') || !(error instanceof LanewiseError)) throw error
    throw new LanewiseError(error.code, `${address}: ${error.message}`, { cause: error })
  }
}

const decodesImages = ({ nodes }: Graph): boolean =>
  nodes.some((node) => node.op === 'ImageDecoder' || subgraphsOf(node).some(([, graph]) => decodesImages(graph)))

/** The bytes of a model. Throws DATA_NOT_FOUND, IO_ERROR. */
export async function readModel(source: ModelSource): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return source
  if (typeof source !== 'string' && !(source instanceof URL)) return new Uint8Array(source)
  const address = String(source)
  return isFile(address) ? readFile(await pathOf(address)) : download(address)
}

const isFile = (address: string): boolean => node !== undefined && !/^(https?|data|blob):/.test(address)

async function pathOf(address: string): Promise<string> {
  if (!address.startsWith('file:')) return address
  return (await requireNode(address).url()).fileURLToPath(address)
}

/** The content of a file in the folder of the model `address`. Throws INVALID_MODEL when a link leads out of it. */
export async function readBeside(address: string, name: string): Promise<Uint8Array> {
  if (!isFile(address)) return download(new URL(name, new URL(address, globalThis.location?.href)).href)
  const modules = requireNode(address)
  const [{ realpath }, { dirname, join, sep }] = await Promise.all([modules.fs(), modules.path()])
  const folder = dirname(await pathOf(address))
  const path = join(folder, name)
  const [root, target] = await Promise.all([folder, path].map((item) => realpath(item).catch(() => undefined)))
  if (root !== undefined && target !== undefined && !target.startsWith(root.endsWith(sep) ? root : root + sep))
    throw new LanewiseError('INVALID_MODEL', `external data '${name}' is a link that leads out of the model's folder`)
  return readFile(path)
}

async function download(address: string): Promise<Uint8Array> {
  let response: Response
  try {
    response = await fetch(address)
  } catch (cause) {
    throw new LanewiseError('IO_ERROR', `cannot fetch ${address}: ${(cause as Error).message}`, { cause })
  }
  if (!response.ok)
    throw new LanewiseError('DATA_NOT_FOUND', `cannot fetch ${address}: the server answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}
