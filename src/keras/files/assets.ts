import type { ZipArchive } from '../../data/zip.js'
import { isKerasObject, type KerasObject, snakeCase } from '../config.js'

const lookups = ['StringLookup', 'IntegerLookup', 'TextVectorization']

/**
 * The config of a .keras file with the vocabularies that `adapt` found, which lie in the archive's assets, one token a line.
 * Throws INVALID_DATA where one is missing.
 */
export function withVocabularies(object: unknown, archive: ZipArchive, path = 'assets'): unknown {
  if (!isKerasObject(object) || !Array.isArray(object.config?.layers)) return object
  const used = new Map<string, number>()
  const layers = (object.config.layers as readonly unknown[]).map((layer) => {
    if (!isKerasObject(layer)) return layer
    const base = snakeCase(layer.class_name)
    const count = used.get(base) ?? 0
    used.set(base, count + 1)
    const place = `${path}/layers/${count === 0 ? base : `${base}_${count}`}`
    if (!lookups.includes(layer.class_name)) return withVocabularies(layer, archive, place)
    return layer.config?.vocabulary === null ? filled(layer, archive, place) : layer
  })
  return { ...object, config: { ...object.config, layers } }
}

function filled(layer: KerasObject, archive: ZipArchive, place: string): KerasObject {
  const text = new TextDecoder().decode(archive.need(`${place}/vocabulary.txt`))
  const lines = text.replace(/[\r\n]+$/, '').split(/\r?\n/)
  const vocabulary = layer.class_name === 'IntegerLookup' ? lines.map(Number) : lines
  return { ...layer, config: { ...layer.config, vocabulary } }
}
