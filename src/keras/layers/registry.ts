import { camelKeys, invalid, isKerasObject, type KerasObject } from '../config.js'
import type { Field, Fields, OptionsOf } from './fields.js'
import { Layer, type LayerOptions } from './layer.js'

const registry = new Map<string, (object: KerasObject) => Layer>()

/** Makes a class known to whatever reads Keras's serialised layers. */
export const registerClass = (className: string, make: (object: KerasObject) => Layer): void => {
  registry.set(className, make)
}

/** Keras's own layers by name, lower-case. */
const own = new Map<string, (object: KerasObject) => Layer>()

/** Makes a layer of Keras's known by its name in `layers`, which is the class's but for its case. */
export const registerOwn = (name: string, make: (object: KerasObject) => Layer): void => {
  own.set(name.toLowerCase(), make)
}

/** Whether a class can be read. */
export const isRegistered = (className: string): boolean => registry.has(className) || own.has(className.toLowerCase())

/** `layers.dense({ units })` for `new Dense({ units })`; options may be left out where none is needed. */
export type LayerFactory<F, L> =
  object extends OptionsOf<F>
    ? (options?: LayerOptions & OptionsOf<F>) => L
    : (options: LayerOptions & OptionsOf<F>) => L

/** A layer's class. */
export interface OwnLayerClass<F, L extends Layer> {
  // biome-ignore lint/suspicious/noExplicitAny: its options follow from its fields
  new (options: any): L
  readonly fields: F
  className?: string | undefined
}

/**
 * Makes a layer class of one's own known to `modelFromJSON` under a name, which its layers then have, and gives the
 * function that makes them. The class gets its config in camelCase.
 */
export function registerLayer<F, L extends Layer>(
  className: string,
  layer: OwnLayerClass<F, L>,
): [F] extends [Fields] ? LayerFactory<F, L> : (options?: LayerOptions & Readonly<Record<string, unknown>>) => L {
  layer.className = className
  registerClass(className, ({ config }) => new layer(camelKeys(config)))
  return ((options: object = {}) => new layer(options)) as never
}

/** A layer from Keras's serialised form, whose class must be registered. Throws INVALID_ARGUMENT for classes and options that are not known. */
export function layerFromConfig(object: KerasObject): Layer {
  const { class_name } = object
  const registered = registry.get(class_name)
  if (registered) return registered(object)
  const layer = own.get(class_name.toLowerCase())?.(object)
  if (layer?.className === class_name) return layer
  throw invalid(
    own.size === 0
      ? `a layer '${class_name}' in its serialised form: give the layer itself, or layerFromConfig of it`
      : `layer class '${class_name}' is not supported; supported: ${[...registry.keys(), ...own.keys()].join(', ')}`,
  )
}

/** A layer, or its serialised form. */
export type LayerLike = Layer | KerasObject

export const readLayer = (like: LayerLike, what: string): Layer => {
  if (like instanceof Layer) return like
  if (!isKerasObject(like)) throw invalid(`${what} must be a layer`)
  return layerFromConfig(like)
}

/** A layer within a layer. */
export const neededLayer: Field<LayerLike, Layer, true> = {
  needed: true,
  read: readLayer,
  write: (layer) => layer.serialize(),
}
