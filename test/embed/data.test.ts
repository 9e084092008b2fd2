import { encode as encodePng } from 'fast-png'
import { encode as encodeJpeg } from 'jpeg-js'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { RandomGenerator } from '../../src/core/random.js'
import { datasets } from '../../src/index.js'
import { launchChromium, launchFirefox, runPage } from './browser.js'
import type { DataPage } from './pages/data-page.js'
import { headers } from './server.js'

const [width, height] = [24, 20]

/** A smooth picture, which JPEG keeps well. */
const rgba = Uint8Array.from({ length: width * height * 4 }, (_, i) => {
  const [pixel, channel] = [i >> 2, i & 3]
  const [x, y] = [pixel % width, Math.floor(pixel / width)]
  return channel === 3 ? 255 : [8 * x, 10 * y, 128 + 4 * (x - y)][channel]
})
const files = {
  'bright/a.jpg': Uint8Array.from(encodeJpeg({ width, height, data: rgba }, 100).data),
  'dark/b.png': encodePng({ width, height, data: rgba.map((value, i) => (i % 4 === 3 ? value : value >> 2)) }),
  'dark/broken.jpg': Uint8Array.of(0xff, 0xd8, 0xff, 1, 2, 3),
}

/** What Node's decoders make of the same files. */
async function here(): Promise<number[][]> {
  const sources = (['bright/a.jpg', 'dark/b.png'] as const).map((path) => ({ path, read: async () => files[path] }))
  const { samples } = await datasets.imageFolder(sources, { imageSize: [16, 16], shuffle: false })
  return (await samples.toArray()).map(([image]) => image.toNumbers())
}

for (const [name, launch] of Object.entries({ Chromium: launchChromium, Firefox: launchFirefox }))
  test(`${name} decodes pictures as Node does, and maps in workers, under a strict policy`, async () => {
    const browser = await launch()
    if (!browser) return
    try {
      const { result } = await runPage<DataPage>(browser, 'pages/data-page.js', {
        headers: { ...headers.isolated, ...headers.strict },
        files: Object.fromEntries(Object.entries(files).map(([path, bytes]) => [`/files/${path}`, bytes])),
      })
      assert.equal(result.classNames, ['bright', 'dark'])
      const wanted = await here()
      result.pictures.forEach(({ label, pixels }, picture) => {
        assert.is(label, picture)
        assert.is(pixels.length, 16 * 16 * 3)
        // Decoders of JPEG round their transforms in ways of their own.
        const tolerance = picture === 0 ? 6 : 0
        const worst = Math.max(...pixels.map((value, i) => Math.abs(value - wanted[picture][i])))
        assert.ok(worst <= tolerance, `picture ${picture}: ${worst}`)
      })
      assert.is(result.pictures.length, 2)
      assert.match(result.damaged, /dark\/broken\.jpg: not a readable image/)
      const draw = (index: number) => new RandomGenerator(3, index).uniform()
      assert.equal(
        result.mapped,
        Array.from({ length: 10 }, (_, i) => [i * i, i, draw(i)]),
      )
      assert.match(result.failed, /map in a worker: no root of -1/)
    } finally {
      await browser.close()
    }
  })

test.run()
