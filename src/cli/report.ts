import { cpus } from 'node:os'
import { version } from '../../package.json'
import type { Graph } from '../core/ir.js'
import { defaultBackend } from '../environment.js'
import type { KerasObject } from '../keras/config.js'
import { firstFilters } from '../report/filters.js'
import { type Report, reportPage } from '../report/page.js'
import { writeFile } from './write.js'

/** What a command knows of its run; the environment is added here. */
export interface Run extends Omit<Report, 'filters'> {
  /** The model, whose first convolution is shown. */
  readonly graph: Graph
}

/** Writes the page of `--report`, whole or not at all. Throws IO_ERROR. */
export async function writeReport(path: string, { graph, facts, ...run }: Run): Promise<void> {
  const { name: backend, variant, threads } = (await defaultBackend()).report
  const page = reportPage({
    ...run,
    filters: firstFilters(graph),
    facts: {
      ...facts,
      backend: `${backend} (${variant}), ${threads} thread${threads > 1 ? 's' : ''}`,
      machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${process.platform} ${process.arch}, Node ${process.versions.node}`,
      lanewise: version,
      written: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    },
  })
  await writeFile(path, page)
}

/** `Adam, learning_rate 0.001, …`: an optimizer's name and the settings that are not null, false or a name. */
export function describeOptimizer({ class_name, config }: KerasObject): string {
  const settings = Object.entries(config).filter(
    ([name, value]) =>
      (typeof value === 'number' || typeof value === 'object') &&
      (name !== 'ema_momentum' || config['use_ema'] === true),
  )
  const texts = settings.flatMap(([name, value]) => (value === null ? [] : [`${name} ${JSON.stringify(value)}`]))
  return [class_name, ...texts].join(', ')
}
