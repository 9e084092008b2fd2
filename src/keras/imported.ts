import { evaluate } from '../backend/reference/evaluate.js'
import { loadKernels } from '../backend/reference/loaded.js'
import type { Source } from '../core/source.js'
import { type LoadOptions, loadGraph } from '../onnx/source.js'
import { simplify } from '../optimise/simplify.js'
import { type KerasObject, notSerialisable } from './config.js'
import { Model, type ModelOptions } from './model.js'

/** A model that came from an ONNX file; what it was given on the way (metadata) goes back out with it. */
export class ImportedModel extends Model {
  override readonly className = 'Functional'
  readonly metadata: Readonly<Record<string, string>>
  readonly #outputNames: readonly string[]

  constructor(options: ModelOptions, metadata: Readonly<Record<string, string>>, outputNames: readonly string[]) {
    super(options)
    this.metadata = metadata
    this.#outputNames = outputNames
  }

  /** The names that the file has for its outputs, several of which one layer may give. */
  override get outputNames(): readonly string[] {
    return this.#outputNames
  }

  protected override get exportedMetadata(): Readonly<Record<string, string>> {
    return this.metadata
  }

  override serialize(): KerasObject {
    return notSerialisable(this.name)
  }
}

/**
 * An ONNX model as a Model: predict, freeze layers, replace the head, compile, fit, toOnnx. Each node becomes a layer named
 * after its first output; weights of convolutions, matrix products, normalizations and embeddings can be trained, what
 * exporters leave around them is folded away. Throws as `InferenceSession.create`.
 */
export async function loadOnnx(source: Source, options?: LoadOptions): Promise<ImportedModel> {
  const [{ layersOf }] = await Promise.all([import('./imported-layers.js'), loadKernels()])
  const graph = simplify(await loadGraph(source, options), { evaluate, decode: true })
  return new ImportedModel(
    layersOf(graph),
    graph.metadata,
    graph.outputs.map(({ name }) => name),
  )
}
