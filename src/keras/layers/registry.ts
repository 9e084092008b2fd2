import { LanewiseError } from '../../core/errors.js'
import { camelKeys, invalid, isKerasObject, type KerasObject } from '../config.js'
import type { Field, Fields, OptionsOf } from './fields.js'
import { Layer, type LayerOptions } from './layer.js'
import type { Operation } from './operation.js'
import { once } from './sharing.js'

type Maker = (object: KerasObject) => Layer

const registry = new Map<string, Maker>()

/** Makes a class known to whatever reads Keras's serialised layers. */
export const registerClass = (className: string, make: Maker): void => {
  registry.set(className, make)
}

/** Keras's own layers by name, lower-case: those in use, and all once `provideLayers` was called. */
const own = new Map<string, Maker>()
let isComplete = false

/** Makes a layer of Keras's known by its class's name, or but for the case of its letters. */
export const registerOwn = (name: string, make: Maker): void => {
  own.set(name.toLowerCase(), make)
}

type Factories = Readonly<Record<string, (options: never) => Layer>>

/** Makes layers of Keras's known: the functions that make them, by their names in `layers`. */
export function addLayers(factories: Factories): void {
  for (const [name, create] of Object.entries(factories))
    registerOwn(name, ({ config }) => create(camelKeys(config) as never))
}

/** `addLayers` of all but the rare ones. */
export function provideLayers(factories: Factories): void {
  isComplete = true
  addLayers(factories)
}

/** Keras's rarer operations by the names of their classes, once `loadLayers` has brought them. */
export const rareOperations = new Map<string, Operation>()

let complete = () => {}

/** What makes all of Keras's layers known, when one is asked for that is not. */
export const completeBy = (learn: () => void): void => {
  complete = learn
}

/** Whether a class can be read. */
export const isRegistered = (className: string): boolean => registry.has(className) || own.has(className.toLowerCase())

/** `layers.dense({ units })` for `new Dense({ units })`; options may be left out where none is needed. */
export type LayerFactory<F, L> =
  object extends OptionsOf<F>
    ? (options?: LayerOptions & OptionsOf<F>) => L
    : (options: LayerOptions & OptionsOf<F>) => L

interface NamedClass<F, L extends Layer> {
  new (options: never, className?: string, rank?: number): L
  readonly fields: F
}

/**
 * A function for a class, which layers name `className` in Keras's configs. A layer that was made can be made again from
 * its config, as wrappers do, also in pages that hold few classes.
 */
export const layerFactory = <F, L extends Layer>(
  className: string,
  layer: NamedClass<F, L>,
  rank?: number,
): LayerFactory<F, L> =>
  ((options: object = {}) => {
    registerOwn(className, ({ config }) => new layer(camelKeys(config) as never, className, rank))
    return new layer(options as never, className, rank)
  }) as LayerFactory<F, L>

/** A layer's class. */
export interface OwnLayerClass<F, L extends Layer> {
  new (options: never): L
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
  registerClass(className, ({ config }) => new layer(camelKeys(config) as never))
  return ((options: object = {}) => new layer(options as never)) as never
}

/** A class is neither registered nor one of Keras's layers that are there. */
export class UnknownLayer extends LanewiseError {
  constructor(message: string) {
    super('INVALID_ARGUMENT', message)
  }
}

/**
 * A layer from Keras's serialised form. Throws INVALID_ARGUMENT for options that are not known, and for classes that are
 * neither registered nor Keras's; of Keras's, in a page that reads no configs, only those are known that are in use.
 */
export function layerFromConfig(object: KerasObject): Layer {
  return once(object, () => layerOf(object))
}

function layerOf(object: KerasObject): Layer {
  const { class_name } = object
  const registered = registry.get(class_name)
  if (registered) return registered(object)
  const key = class_name.toLowerCase()
  if (!own.has(key)) complete()
  const layer = own.get(key)?.(object)
  if (layer?.className === class_name) return layer
  throw new UnknownLayer(
    isComplete
      ? `layer class '${class_name}' is not supported; supported: ${[...registry.keys(), ...own.keys()].join(', ')}; rarer ones once loadLayers() has come`
      : `a layer '${class_name}' in its serialised form: give the layer itself, or layerFromConfig of it`,
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
