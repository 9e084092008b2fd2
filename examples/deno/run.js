// deno run --allow-read --allow-env --allow-sys run.js
// lanewise comes from node_modules here (`npm install lanewise`, or `deno add npm:lanewise`).
import { digits } from '../digits.js'

console.log(JSON.stringify(await digits('model5.onnx')))
