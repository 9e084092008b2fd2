// Rollup follows imports, but not the files that a script finds beside itself: kernels and workers are copied here.
import { readdirSync, readFileSync } from 'node:fs'
import resolve from '@rollup/plugin-node-resolve'

const lanewise = new URL('dist/browser/', import.meta.resolve('lanewise/package.json'))

const copyLanewise = {
  name: 'copy lanewise',
  generateBundle() {
    for (const fileName of readdirSync(lanewise))
      if (/\.wasm$|worker\.js$/.test(fileName))
        this.emitFile({ type: 'asset', fileName, source: readFileSync(new URL(fileName, lanewise)) })
  },
}

export default {
  input: 'app.js',
  output: { dir: 'dist', format: 'es' },
  plugins: [resolve({ browser: true }), copyLanewise],
}
