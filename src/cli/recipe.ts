import { existsSync } from 'node:fs'
import { extname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LanewiseError } from '../core/errors.js'
import { readSource } from '../core/source.js'
import { type CompileOptions, loadKeras, loadOnnx, type Model, modelFromJSON } from '../keras/index.js'
import { isKeras, kindOf } from './models.js'
import { fillParameters, type ModelParameters, refuseUnused, withParameters } from './parameters.js'

/** A network with the settings that it is trained with: what a module under models/ exports as default. */
export interface Recipe {
  readonly name: string
  /** One line for people. */
  readonly description: string
  /** The network, made with parameters if it has any. */
  model(parameters?: ModelParameters): Model
  compile(): CompileOptions
  readonly batchSize: number
  readonly epochs: number
  /** Train on the first `limit` images, test on the first `testLimit`. */
  readonly limit?: number
  readonly testLimit?: number
}

/** A recipe whose model may take time to load. */
export interface LoadedRecipe extends Omit<Recipe, 'model'> {
  model(): Model | Promise<Model>
  /** Whether the model comes compiled, with an optimizer that goes on where it was. */
  readonly isCompiled?: () => boolean
}

export const courseNames = ['model1', 'model2', 'model3', 'model4', 'model5'] as const

const defaults = {
  compile: (): CompileOptions => ({ optimizer: 'adam', loss: 'categoricalCrossentropy', metrics: ['accuracy'] }),
  batchSize: 128,
  epochs: 5,
}

/**
 * The recipe that MODEL names on the command line: a network under models/, a JavaScript module whose default export is
 * a Recipe, a Model or a function that makes one of parameters, a Keras JSON file, or an ONNX, .keras or .h5 file or a TensorFlow.js folder
 * to fine-tune, by path or URL. Throws DATA_NOT_FOUND, INVALID_MODEL, and INVALID_ARGUMENT for parameters that it does not have.
 */
export async function loadRecipe(model: string, parameters: ModelParameters = {}): Promise<LoadedRecipe> {
  const isFixed = () => refuseUnused(parameters, () => false, model, [])
  if ((courseNames as readonly string[]).includes(model)) {
    isFixed()
    const address = new URL(`./models/${model}.js`, import.meta.url).href
    return ((await import(address)) as { default: Recipe }).default
  }
  const isAddress = /^(https?|file):/.test(model)
  const path = isAddress ? model : resolve(model)
  if (!isAddress && !existsSync(path))
    throw new LanewiseError(
      'DATA_NOT_FOUND',
      `there is no model '${model}': give one of ${courseNames.join(', ')}, a module (.js, .mjs), a Keras model JSON (.json), a .keras, .h5 or .onnx file, or a TensorFlow.js folder`,
    )
  if (isKeras(await kindOf(path))) {
    isFixed()
    return fromKeras(model, path)
  }
  switch (extname(path)) {
    case '.json': {
      const json = fillParameters(parseJson(await readSource(path), model), parameters, model)
      return { ...defaults, name: model, description: path, model: () => modelFromJSON(json as object) }
    }
    case '.onnx': {
      isFixed()
      const net = await loadOnnx(path)
      return { ...defaults, name: model, description: `fine-tuning ${path}`, model: () => net }
    }
    case '.js':
    case '.mjs':
      if (/^https?:/.test(path))
        throw new LanewiseError('INVALID_MODEL', `${model}: modules are run from disk only; save it`)
      return fromModule(model, await defaultExport(isAddress ? path : pathToFileURL(path).href, model), parameters)
    default:
      throw new LanewiseError(
        'INVALID_MODEL',
        `${model}: training starts from a module (.js, .mjs), a Keras model JSON (.json), a .keras, .h5 or .onnx file, or a TensorFlow.js folder`,
      )
  }
}

/** What the module at `address` exports as default. Throws INVALID_MODEL where it does not load, with the place in it. */
async function defaultExport(address: string, name: string): Promise<unknown> {
  try {
    return ((await import(address)) as { default?: unknown }).default
  } catch (cause) {
    if (cause instanceof LanewiseError) throw cause
    const { message, stack = message } = cause as Error
    const place = stack.split('\n').find((line) => line.includes(address))
    throw new LanewiseError('INVALID_MODEL', `${name} does not load: ${message}${place ? ` (${place.trim()})` : ''}`, {
      cause,
    })
  }
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new LanewiseError('INVALID_MODEL', `Keras JSON: ${name}: ${(cause as Error).message}`, { cause })
  }
}

/** A Keras file, compiled as it says, or as networks are here. */
function fromKeras(name: string, path: string): LoadedRecipe {
  let net: Model | undefined
  return {
    ...defaults,
    name,
    description: `fine-tuning ${path}`,
    model: async () => {
      net ??= await loadKeras(path)
      return net
    },
    ...compiledAs(() => net),
  }
}

/** A model trains as it was compiled, or as networks are here. */
const compiledAs = (net: () => Model | undefined): Pick<LoadedRecipe, 'compile' | 'isCompiled'> => ({
  compile: () => net()?.compileOptions ?? defaults.compile(),
  isCompiled: () => net()?.compileOptions !== undefined,
})

async function fromModule(name: string, exported: unknown, parameters: ModelParameters): Promise<LoadedRecipe> {
  if (isRecipe(exported))
    return { ...exported, model: () => withParameters((given) => exported.model(given), parameters, name) }
  const isMade = typeof exported === 'function'
  const made = isMade ? await withParameters((given) => exported(given) as unknown, parameters, name) : exported
  if (!isMade) refuseUnused(parameters, () => false, name, [])
  if (isRecipe(made)) return made
  if (isModel(made)) return { ...defaults, name, description: name, model: () => made, ...compiledAs(() => made) }
  throw new LanewiseError(
    'INVALID_MODEL',
    `${name}: its default export is neither a model, nor a function that makes one, nor a recipe`,
  )
}

const isModel = (value: unknown): value is Model =>
  typeof value === 'object' && value !== null && typeof (value as Model).fit === 'function'

const isRecipe = (value: unknown): value is Recipe =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Recipe).model === 'function' &&
  typeof (value as Recipe).compile === 'function'
