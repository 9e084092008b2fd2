// esbuild follows imports, but not the files that a script finds beside itself: kernels and workers are copied here.
import { copyFileSync, readdirSync } from 'node:fs'
import { build } from 'esbuild'

await build({ entryPoints: ['app.js'], bundle: true, splitting: true, format: 'esm', minify: true, outdir: 'dist' })

const lanewise = new URL('dist/browser/', import.meta.resolve('lanewise/package.json'))
for (const name of readdirSync(lanewise))
  if (/\.wasm$|worker\.js$/.test(name)) copyFileSync(new URL(name, lanewise), `dist/${name}`)
