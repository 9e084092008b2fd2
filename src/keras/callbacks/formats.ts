import { formatSafetensors } from '../../data/safetensors.js'
import { invalid } from '../config.js'
import type { Model } from '../model.js'

/** A form of file for a model. */
export interface ModelFormat {
  /** Whether it holds weights alone, to be read into a model that is built alike. */
  readonly weightsOnly: boolean
  write(model: Model): Promise<Uint8Array>
}

/** By the end of a file's name. */
const formats: Readonly<Record<string, ModelFormat>> = {
  '.onnx': { weightsOnly: false, write: (model) => model.exportOnnx() },
  '.safetensors': { weightsOnly: true, write: safetensors },
}

/** Weights under their names, as `layer/kernel`. */
async function safetensors(model: Model): Promise<Uint8Array> {
  const contents = await model.weightContents()
  const tensors = new Map(model.weights.map((weight, i) => [weight.name, contents[i]]))
  if (tensors.size < contents.length)
    throw invalid(`model '${model.name}' has two weights of one name; name its layers`)
  return formatSafetensors({ tensors, metadata: { format: 'lanewise', model: model.name } })
}

/** The form that the end of `path` asks for. Throws INVALID_ARGUMENT listing what there is. */
export function modelFormat(path: string, weightsOnly: boolean): ModelFormat {
  const fitting = Object.entries(formats).filter(([, format]) => format.weightsOnly === weightsOnly)
  const found = fitting.find(([extension]) => path.endsWith(extension))
  if (found) return found[1]
  const what = weightsOnly ? 'weights are saved' : 'a whole model is saved'
  const other = weightsOnly ? '' : '; weights alone with saveWeightsOnly'
  throw invalid(`${path}: ${what} as ${fitting.map(([extension]) => extension).join(' or ')}${other}`)
}
