import { build } from 'esbuild'

await build({
  entryPoints: ['service-worker.js'],
  bundle: true,
  format: 'iife',
  outfile: 'sw.js',
  alias: { lanewise: 'lanewise/inline' },
})
