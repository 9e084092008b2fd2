// The worker of data-page.ts: the square of a number, its place, and a random number of the element's own.
import { serveMap, type Tensor } from '../../../src/index.js'

serveMap((element: Tensor | number, { index, random }) => {
  const value = typeof element === 'number' ? element : element.toNumbers()[0]
  if (value < 0) throw new Error(`no root of ${value}`)
  return [value * value, index, random.uniform()]
})
