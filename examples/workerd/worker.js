// A Cloudflare worker. workerd compiles no WebAssembly from bytes: lanewise's build for it imports the .wasm files as modules,
// which wrangler uploads without any setting. One thread, and no GPU.
import { digits } from '../digits.js'
import model from './model5.onnx'

export default {
  fetch: async () => Response.json(await digits(model)),
}
