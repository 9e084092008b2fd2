// Here lanewise computes on this thread, with more workers where the page is cross-origin isolated.
import { digits } from '../digits.js'

addEventListener('message', async ({ data }) => postMessage(await digits(data)))
