import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'

/** Runs npm in a folder; what it prints. */
export const npm = (cwd: string, ...values: string[]): string =>
  execFileSync('npm', values, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

export interface PackedPackage {
  /** The folder that was packed, with dist/ as scripts/test.mjs built it. */
  readonly source: string
  readonly tarball: string
  /** The paths in the tarball. */
  readonly files: readonly string[]
}

/** Packs the package as `npm publish` would, into `folder`. */
export function packPackage(folder: string): PackedPackage {
  const build = process.env['LANEWISE_TEST_BUILD']
  if (build === undefined) throw new Error('LANEWISE_TEST_BUILD is not set: run these tests by npm run test:embed')
  const source = join(build, 'package')
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']) copyFileSync(name, join(source, name))
  const [packed] = JSON.parse(npm(source, 'pack', '--ignore-scripts', '--json', '--pack-destination', folder)) as [
    { filename: string; files: { path: string }[] },
  ]
  return { source, tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) }
}
