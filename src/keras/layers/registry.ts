import { camelKeys, invalid, isKerasObject, type KerasObject } from '../config.js'
import type { Field } from './fields.js'
import { Layer } from './layer.js'

const registry = new Map<string, (object: KerasObject) => Layer>()

/** Makes a class known to whatever reads Keras's serialised layers. */
export const registerClass = (className: string, make: (object: KerasObject) => Layer): void => {
  registry.set(className, make)
}

/** The class names that can be read. */
export const knownClasses = (): string[] => [...registry.keys()]

/** Makes a layer class of one's own known to `modelFromJSON` under its class name; it gets the config in camelCase. */
export const registerLayer = (className: string, layer: new (options: never) => Layer): void =>
  registerClass(className, ({ config }) => new layer(camelKeys(config) as never))

/** A layer from Keras's serialised form. Throws INVALID_ARGUMENT for classes and options that are not known. */
export function layerFromConfig(object: KerasObject): Layer {
  const make = registry.get(object.class_name)
  if (!make)
    throw invalid(`layer class '${object.class_name}' is not supported; supported: ${knownClasses().join(', ')}`)
  return make(object)
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
