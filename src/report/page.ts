import type { Tensor } from '../core/tensor.js'
import { classIndices, confusionMatrix } from '../data/confusion.js'
import { lineChart } from './chart.js'
import { escapeHtml, htmlTable } from './html.js'
import { type Mistake, worstMistakes } from './mistakes.js'
import { filterPictures, samplePicture } from './pictures.js'
import { style } from './style.js'

/** Logs of one epoch by Keras's names. */
export type EpochLogs = Readonly<Record<string, number>>

/** What a report tells. */
export interface Report {
  readonly title: string
  /** Model, data, optimizer, environment, times: by name, in the order shown. */
  readonly facts: Readonly<Record<string, string>>
  /** Whether the data were drawn by a program. */
  readonly synthetic: boolean
  /** Of a training: its epochs, the first of which may not be 1 after a resumption. */
  readonly training?: { readonly firstEpoch: number; readonly logs: readonly EpochLogs[] } | undefined
  readonly test: {
    readonly loss: number
    readonly accuracy: number
    /** Samples [n, …] (shown where they are images [n, height, width] or with 1 or 3 channels last, from 0 to 1), class labels [n], and the scores that the network gives, [n, classes]. */
    readonly images: Tensor
    readonly labels: Tensor
    readonly scores: Tensor
    /** By number, where they are known. */
    readonly classNames?: readonly string[] | undefined
  }
  /** Weights of the first convolution, [filters, channels, height, width]. */
  readonly filters?: Tensor | undefined
}

const shownMistakes = 24

/** One page of HTML that needs nothing else: no scripts, no other files. */
export function reportPage(report: Report): string {
  const { title, facts, synthetic, training, test, filters } = report
  const labels = classIndices(test.labels)
  const confusion = confusionMatrix(test.labels, test.scores)
  const nameOf = (label: number) => test.classNames?.[label] ?? `${label}`
  const wrong = labels.length - confusion.reduce((sum, row, label) => sum + row[label], 0)
  const warning =
    'SYNTHETIC digits: drawn by a program, and easier than handwriting. The figures say nothing about MNIST.'
  const facts_ = Object.entries(facts).map(
    ([name, text]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(text)}</dd></div>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
${synthetic ? `<p class="warning">${warning}</p>` : ''}
<section><h2>Result</h2>
<dl class="result"><div><dt>test accuracy</dt><dd id="accuracy">${percent(test.accuracy)}</dd></div><div><dt>test loss</dt><dd id="loss">${test.loss.toFixed(4)}</dd></div><div><dt>test samples</dt><dd id="images">${labels.length}</dd></div><div><dt>mistakes</dt><dd id="mistakes">${wrong}</dd></div></dl>
</section>
<section><h2>Run</h2><dl>${facts_.join('')}</dl></section>
${training ? trainingSection(training) : ''}
<section><h2>Confusion matrix</h2>${confusionTable(confusion, nameOf)}</section>
${mistakesSection(worstMistakes(labels, test.scores, shownMistakes), wrong, test.images, nameOf)}
${filters ? filtersSection(filters) : ''}
</main>
</body>
</html>
`
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`

const number = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(4))

function trainingSection({ firstEpoch, logs }: NonNullable<Report['training']>): string {
  const names = [...new Set(logs.flatMap((log) => Object.keys(log)))]
  const metrics = names.filter((name) => !name.startsWith('val_'))
  const charts = metrics.map((name) => {
    const valuesOf = (log: string) => logs.map((epoch) => epoch[log] ?? null)
    const validation = names.includes(`val_${name}`) ? [{ label: 'validation', values: valuesOf(`val_${name}`) }] : []
    return lineChart(name, firstEpoch, [{ label: 'training', values: valuesOf(name) }, ...validation])
  })
  const rows = logs.map((log, i) => [`${firstEpoch + i}`, ...names.map((name) => number(log[name]))])
  return `<section><h2>Curves</h2><div class="charts">${charts.join('')}</div><details><summary>As a table</summary>${htmlTable('Logs of each epoch', ['epoch', ...names], rows, 'epochs')}</details></section>`
}

type NameOf = (label: number) => string

/** Tints are classes, tenths of the row's share, so that the page needs no style attributes. */
function confusionTable(confusion: readonly (readonly number[])[], nameOf: NameOf): string {
  const head = confusion.map((_, label) => `<th scope="col">${escapeHtml(nameOf(label))}</th>`).join('')
  const rows = confusion.map((row, label) => {
    const sum = row.reduce((all, count) => all + count, 0)
    const cells = row.map((count, seen) => {
      const share = sum ? count / sum : 0
      const tint = seen === label ? Math.round(10 * share) : Math.min(10, Math.ceil(60 * share))
      return `<td class="${seen === label ? 'right' : 'wrong'} tint${tint}">${count}</td>`
    })
    return `<tr><th scope="row">${escapeHtml(nameOf(label))}</th>${cells.join('')}</tr>`
  })
  return `<p id="confusion">Rows: the true class. Columns: the class that the network gives.</p><div class="scroll" tabindex="0" role="region" aria-label="confusion matrix"><table class="confusion" aria-describedby="confusion"><thead><tr><th scope="col">true</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`
}

function mistakesSection(worst: readonly Mistake[], wrong: number, images: Tensor, nameOf: NameOf): string {
  if (wrong === 0) return '<section><h2>Mistakes</h2><p>None.</p></section>'
  const figures = worst.map(({ sample, label, predicted, labelScore, predictedScore }) => {
    const source = samplePicture(images, sample)
    const [actual, given] = [label, predicted].map((number) => escapeHtml(nameOf(number)))
    const alt = `test sample ${sample}, a ${actual} taken for a ${given}`
    const picture = source ? `<img src="${source}" alt="${alt}">` : ''
    return `<figure>${picture}<figcaption><b>${actual} → ${given}</b><br>${percent(predictedScore)} to ${percent(labelScore)}<br>sample ${sample}</figcaption></figure>`
  })
  return `<section><h2>Worst mistakes</h2><p>${worst.length} of ${wrong}. The true class → the class that the network gives, with its score for the latter and for the former.</p><div class="pictures">${figures.join('')}</div></section>`
}

function filtersSection(filters: Tensor): string {
  const [count, channels, height, width] = filters.dims
  const pictures = filterPictures(filters).map(
    (source, i) => `<img class="filter" src="${source}" alt="filter ${i + 1}">`,
  )
  const mean = channels > 1 ? `, the mean over ${channels} channels` : ''
  return `<section><h2>Filters of the first convolution</h2><p>${count} filters of ${height} x ${width}${mean}; grey is 0, white positive, black negative.</p><div class="pictures filters">${pictures.join('')}</div></section>`
}
