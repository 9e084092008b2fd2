// What wrangler does with a worker: bundle the scripts, leave .wasm and data files to be modules of their own.
import { copyFileSync, readdirSync } from 'node:fs'
import { build } from 'esbuild'

await build({
  entryPoints: ['worker.js'],
  bundle: true,
  format: 'esm',
  conditions: ['workerd'],
  external: ['*.wasm', '*.onnx'],
  outdir: 'dist',
})

const lanewise = new URL('dist/workerd/', import.meta.resolve('lanewise/package.json'))
for (const name of readdirSync(lanewise))
  if (name.endsWith('.wasm')) copyFileSync(new URL(name, lanewise), `dist/${name}`)
copyFileSync('model5.onnx', 'dist/model5.onnx')
