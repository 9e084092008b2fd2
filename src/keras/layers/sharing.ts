import type { KerasObject } from '../config.js'
import type { Layer } from './layer.js'

/** The layers met while a config is written, and the numbers of those that it holds more than once. */
let writing: { readonly met: Set<Layer>; readonly shared: Map<Layer, number> } | undefined

/** `write`, with Keras's `shared_object_id` for layers that the config around holds more than once. */
export function numbered(layer: Layer, write: () => KerasObject): KerasObject {
  if (!writing) {
    writing = { met: new Set(), shared: new Map() }
    try {
      const object = numbered(layer, write)
      if (writing.shared.size === 0) return object
      writing.met.clear()
      return numbered(layer, write)
    } finally {
      writing = undefined
    }
  }
  const { met, shared } = writing
  if (met.has(layer) && !shared.has(layer)) shared.set(layer, shared.size + 1)
  met.add(layer)
  const object = write()
  const id = shared.get(layer)
  return id === undefined ? object : { ...object, shared_object_id: id }
}

/** The layers of the config that is being read, by their `shared_object_id`. */
let reading: Map<unknown, Layer> | undefined

/** What `read` makes of `object`: the same layer wherever a config has its `shared_object_id`. */
export function once(object: KerasObject, read: () => Layer): Layer {
  const outermost = reading === undefined
  reading ??= new Map()
  try {
    const id = object.shared_object_id
    const known = id === undefined ? undefined : reading.get(id)
    if (known?.className === object.class_name) return known
    const layer = read()
    if (id !== undefined) reading.set(id, layer)
    return layer
  } finally {
    if (outermost) reading = undefined
  }
}
