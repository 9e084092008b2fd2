// node run.js
import { digits } from '../digits.js'

console.log(JSON.stringify(await digits('model5.onnx')))
