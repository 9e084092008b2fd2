// node models.mjs FOLDER: writes the course networks to FOLDER as ONNX files, by the bundles in it.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [folder] = process.argv.slice(2)
const load = (file) => import(pathToFileURL(join(folder, file)).href)
const { setRandomSeed } = await load('index.js')
setRandomSeed(1)
for (const number of [1, 2, 3, 4, 5]) {
  const { default: recipe } = await load(`models/model${number}.js`)
  writeFileSync(join(folder, `model${number}.onnx`), recipe.model().toOnnx())
}
