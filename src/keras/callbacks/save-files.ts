import { writeFileAtomic } from '../../core/write-files.js'
import type { Model } from '../model.js'
import type { ModelCheckpointOptions } from './model-checkpoint.js'
import { formatPath } from './path-template.js'

/** Writes the model's files to the path that `template` and `values` give; gives the path. */
export async function saveFiles(
  model: Model,
  template: string,
  values: Readonly<Record<string, number>>,
  write: NonNullable<ModelCheckpointOptions['write']> = writeFileAtomic,
): Promise<string> {
  const path = formatPath(template, values)
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  const files = Object.entries(await model.toFiles(name))
  for (const [file, bytes] of files) await write(path.slice(0, path.length - name.length) + file, bytes)
  return path
}
