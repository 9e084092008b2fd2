import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decode } from 'fast-png'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { sliceRows } from '../src/data/labels.js'
import { syntheticDigits } from '../src/data/synthetic.js'
import { confusionMatrix, InferenceSession, Tensor } from '../src/index.js'
import { lineChart, ticks } from '../src/report/chart.js'
import { escapeHtml } from '../src/report/html.js'
import { worstMistakes } from '../src/report/mistakes.js'
import { filterPictures, pictureOf } from '../src/report/pictures.js'
import { runCli, withFolder } from './support/cli.js'

const cli = fileURLToPath(new URL('../cli.js', import.meta.url))

const textOf = (page: string, id: string): string => new RegExp(`id="${id}">([^<]*)<`).exec(page)?.[1] ?? ''

/** The cells of the table of a class, row by row. */
function cellsOf(page: string, className: string): string[][] {
  const body = new RegExp(`<table class="${className}"[^>]*>.*?<tbody>(.*?)</tbody>`, 's').exec(page)?.[1] ?? ''
  return body
    .split('</tr>')
    .slice(0, -1)
    .map((row) => [...row.matchAll(/<t[hd][^>]*>([^<]*)</g)].map((cell) => cell[1]))
}

const picturesOf = (page: string): { source: string; alt: string }[] =>
  [...page.matchAll(/<img[^>]*src="([^"]*)" alt="([^"]*)"/g)].map(([, source, alt]) => ({ source, alt }))

const pngOf = (source: string) => decode(Buffer.from(source.slice('data:image/png;base64,'.length), 'base64'))

/** Whether a page needs nothing but itself, and closes the tags that it opens. */
function selfContained(page: string): void {
  assert.not.match(page, /<script|<link|@import|https?:|style="/)
  for (const tag of ['section', 'table', 'figure', 'svg', 'dl', 'tr', 'div'])
    assert.is(page.split(new RegExp(`<${tag}[ >]`)).length, page.split(`</${tag}>`).length, tag)
}

test('train and evaluate --report: the numbers of the run, pictures of the mistakes, filters', () =>
  withFolder(async (folder) => {
    const args = [
      'train',
      'model4',
      '--synthetic',
      '--limit',
      '320',
      '--epochs',
      '2',
      '--seed',
      '3',
      '--optimizer',
      'adam',
    ]
    const files = ['--validation-split', '0.2', '--out', 'm.onnx', '--report', 'out.html', '--json']
    const [first, second, last] = runCli(cli, [...args, ...files], folder).json() as Record<string, number>[]
    const result = last as unknown as { test: { loss: number; accuracy: number }; report: string }
    assert.is(result.report, 'out.html')
    assert.equal(readdirSync(folder).sort(), ['m.onnx', 'out.html'])
    const page = readFileSync(join(folder, 'out.html'), 'utf8')
    selfContained(page)
    assert.match(page, /<p class="warning">SYNTHETIC/)
    assert.match(page, /<title>model4, trained on synthetic digits</)
    assert.is(textOf(page, 'accuracy'), `${(100 * result.test.accuracy).toFixed(2)} %`)
    assert.is(textOf(page, 'loss'), result.test.loss.toFixed(4))
    assert.equal(
      cellsOf(page, 'epochs').map((row) => [...row].sort()),
      [first, second].map((line) =>
        [
          `${line.epoch}`,
          ...[line.loss, line.accuracy, line.valLoss, line.valAccuracy].map((x) => x.toFixed(4)),
        ].sort(),
      ),
    )
    assert.is(page.split('<polyline').length - 1, 4)

    const { x, y } = syntheticDigits(4000, 2)
    const session = await InferenceSession.create(new Uint8Array(readFileSync(join(folder, 'm.onnx'))))
    const scores = (await session.run({ [session.inputNames[0]]: x }))[session.outputNames[0]]
    await session.release()
    const confusion = confusionMatrix(y, scores)
    assert.equal(
      cellsOf(page, 'confusion').map(([, ...counts]) => counts.map(Number)),
      confusion,
    )
    const wrong = 4000 - confusion.reduce((sum, row, label) => sum + row[label], 0)
    assert.is(textOf(page, 'mistakes'), `${wrong}`)
    assert.ok(wrong > 24, `only ${wrong} mistakes`)

    const pictures = picturesOf(page)
    assert.is(pictures.length, 24 + 20)
    const [{ source, alt }] = pictures
    const [, sample, label] = /test sample (\d+), a (\d) taken for/.exec(alt)!.map(Number)
    assert.is(label, y.toNumbers()[sample])
    const { width, height, data } = pngOf(source)
    assert.equal([width, height], [28, 28])
    const pixels = sliceRows(x, sample, sample + 1).toNumbers()
    assert.equal(
      Array.from(data),
      pixels.map((pixel) => Math.round(255 * pixel)),
    )
    assert.equal([pngOf(pictures[24].source).width, pictures[43].alt], [5, 'filter 20'])

    const measured = runCli(cli, ['evaluate', 'm.onnx', '--synthetic', '--limit', '500', '--report', 'e.html'], folder)
    assert.is(measured.status, 0, measured.stderr)
    const tested = readFileSync(join(folder, 'e.html'), 'utf8')
    selfContained(tested)
    assert.is(textOf(tested, 'images'), '500')
    assert.equal(
      cellsOf(tested, 'confusion').map(([, ...counts]) => counts.map(Number)),
      confusionMatrix(sliceRows(y, 0, 500), sliceRows(scores, 0, 500), 10),
    )
    assert.not.match(tested, /<polyline/)
  }))

test('--report within what is no folder is refused before training', () =>
  withFolder((folder) => {
    writeFileSync(join(folder, 'a'), '')
    const args = ['train', 'model1', '--synthetic', '--report', 'a/out.html']
    const { status, stderr } = runCli(cli, args, folder)
    assert.is(status, 1)
    assert.match(stderr, /--report a\/out.html: .* is a file, not a folder/)
    assert.equal(readdirSync(folder), ['a'])
  }))

test('charts: round ticks, epochs that do not begin at 1, values that are not numbers', () => {
  assert.equal(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1])
  assert.equal(ticks(-0.003, 0.012, 5), [0, 0.005, 0.01])
  assert.equal(ticks(3, 3, 4), [3])
  const chart = lineChart('loss', 3, [{ label: 'training', values: [2, Number.NaN, null, 1] }])
  assert.match(chart, /over epochs 3 to 6/)
  assert.is(/points="([^"]*)"/.exec(chart)![1].split(' ').length, 2)
  assert.not.match(chart, /NaN/)
  assert.is(lineChart('loss', 1, [{ label: 'training', values: [Number.NaN] }]), '')
})

test('the worst mistakes come first; filters share one scale', () => {
  const scores = new Tensor('float32', [0.9, 0.1, 0.4, 0.6, 0.2, 0.8, 0, 1], [4, 2])
  assert.equal(
    worstMistakes([1, 0, 0, 1], scores, 2).map(({ sample, predicted }) => [sample, predicted]),
    [
      [0, 0],
      [2, 1],
    ],
  )
  const filters = new Tensor('float32', [1, -1, 0.5, 0, 0, 0, 0, 0.25], [2, 1, 2, 2])
  const [first, second] = filterPictures(filters).map((source) => Array.from(pngOf(source).data))
  assert.equal(
    [first, second],
    [
      [255, 0, 191, 128],
      [128, 128, 128, 159],
    ],
  )
  assert.equal(Array.from(pngOf(pictureOf([-1, 2], [1, 2])).data), [0, 255])
})

test('text is escaped', () => {
  assert.is(escapeHtml(`<a href="x">'&`), '&lt;a href=&quot;x&quot;&gt;&#39;&amp;')
})

test.run()
