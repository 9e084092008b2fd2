import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const budget = JSON.parse(readFileSync('sizes.json', 'utf8')) as Record<string, number>
const { measureSizes } = (await import(pathToFileURL(resolve('scripts/sizes.mjs')).href)) as {
  measureSizes(): Promise<Record<string, { total: number }>>
}
const sizes = await measureSizes()

for (const [use, { total }] of Object.entries(sizes))
  test(`${use}: what a page downloads is within sizes.json`, () => {
    assert.ok(total > 0 && total <= budget[use], `${total} bytes of ${budget[use]}; npm run sizes shows the parts`)
  })

test('every budget is held against a size', () => assert.equal(Object.keys(budget), Object.keys(sizes)))

test.run()
