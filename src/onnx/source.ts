import { LanewiseError } from '../core/errors.js'
import type { Graph, Value } from '../core/ir.js'
import { loadPngDecoder } from '../core/png.js'
import { addressOf, type ReadOptions, readBeside, readSource, type Source } from '../core/source.js'
import { subgraphsOf } from '../core/subgraph.js'
import { inTurns } from '../core/turns.js'
import { externalFilesOf } from './external.js'
import { importParts, importProto, overridableInputs } from './import.js'
import type { ModelProto } from './messages.js'
import { loadNeeds } from './needs.js'
import { decodeModel } from './proto.js'
import { decodeValueType } from './types.js'

/** How an ONNX model's files come. */
export interface LoadOptions extends ReadOptions {
  /**
   * The files that hold the model's external data, by the name that the model gives: their content, or where it is. Files that
   * are not given are looked for beside the model, where that is a path or a URL. Hashes in `integrity` by name are about these, too.
   */
  readonly externalData?: Readonly<Record<string, Source>> | undefined
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
export const loadGraph = async (source: Source, options: LoadOptions = {}): Promise<Graph> =>
  (await loadModel(source, options)).graph

/**
 * The graph of a model, its external data with it; errors of the import name its path or URL. Throws DATA_NOT_FOUND,
 * IO_ERROR, INVALID_MODEL (also for external data outside of the model's folder), UNSUPPORTED_OP.
 */
export async function loadModel(source: Source, options: LoadOptions = {}): Promise<LoadedModel> {
  const { externalData = {}, ...reading } = options
  const bytes = await readSource(source, reading)
  const address = addressOf(source)
  try {
    const model = await decoded(bytes)
    const { integrity, ...others } = reading
    const forGiven = typeof integrity === 'string' ? others : reading
    const external = async (name: string): Promise<readonly [string, Uint8Array][]> => {
      if (Object.hasOwn(externalData, name)) return [[name, await readSource(externalData[name], forGiven, name)]]
      return address === undefined ? [] : [[name, await readBeside(address, name, reading)]]
    }
    const [read] = await Promise.all([Promise.all([...externalFilesOf(model)].map(external)), loadNeeds(model)])
    const files = new Map(read.flat())
    const graph = await inTurns(importParts(model, { externalData: files }))
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

/** As decodeModel, of a file in onnxruntime's own format, too; the error names what the file looks like where it is of another kind. */
async function decoded(bytes: Uint8Array): Promise<ModelProto> {
  try {
    return decodeModel(bytes)
  } catch (error) {
    const { isOrtModel, mismatch } = await import('../core/file-kinds.js')
    if (isOrtModel(bytes)) return (await import('./ort-format.js')).decodeOrtModel(bytes)
    const reason = mismatch('an ONNX model', bytes)
    throw reason === undefined ? error : new LanewiseError('INVALID_MODEL', reason, { cause: error })
  }
}

const decodesImages = ({ nodes }: Graph): boolean =>
  nodes.some((node) => node.op === 'ImageDecoder' || subgraphsOf(node).some(([, graph]) => decodesImages(graph)))
