import { digits } from '../digits.js'

globalThis.result = digits('model5.onnx')
const { threads, losses } = await globalThis.result
document.querySelector('pre').textContent = `${threads} threads; the loss of ten steps: ${losses.join(', ')}`
