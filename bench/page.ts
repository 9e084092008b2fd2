// What a page feels: `npm run bench:page -- [--rounds N]`. The longest task of the page's own thread in each phase of a
// page that predicts and trains: in processor time, as what other programs take is not the page's doing.
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import model5 from '../models/model5.js'
import { setRandomSeed } from '../src/index.js'
import { launchChromium, runPage } from '../test/embed/browser.js'
import { headers, type ServerOptions } from '../test/embed/server.js'

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const rounds = Number(options.rounds)

/** Of Chromium's trace format: times in microseconds, `tdur` in processor time. */
interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly tdur?: number
}

const isTask = ({ name }: TraceEvent) => name === 'RunTask' || name.endsWith('::RunTask')

/** The longest task of each phase of bench/pages/held.ts, in milliseconds of processor time. */
async function longestTasks(browser: Browser, page: ServerOptions): Promise<Map<string, number>> {
  await browser.startTracing(undefined, {
    categories: ['toplevel', 'blink.user_timing', 'disabled-by-default-devtools.timeline'],
  })
  await runPage(browser, 'pages/held.js', page)
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
  const marks = traceEvents.filter(({ name }) => name.startsWith('phase ')).sort((a, b) => a.ts - b.ts)
  const { pid, tid } = marks[0]
  const tasks = traceEvents.filter((event) => event.pid === pid && event.tid === tid && isTask(event))
  return new Map(
    marks.slice(0, -1).map(({ name, ts }, index) => {
      const times = tasks.filter((task) => task.ts >= ts && task.ts < marks[index + 1].ts).map(({ tdur = 0 }) => tdur)
      return [name.slice('phase '.length), Math.max(0, ...times) / 1000]
    }),
  )
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]

const browser = await launchChromium()
if (!browser) process.exit(1)
setRandomSeed(5)
const files = { '/files/model.onnx': model5.model().toOnnx() }

for (const [kind, sent] of Object.entries({ 'isolated, threads': headers.isolated, 'not isolated': {} })) {
  const times: Map<string, number>[] = []
  for (let round = 0; round < rounds; round++) times.push(await longestTasks(browser, { headers: sent, files }))
  console.log(`\nLongest task of the page, ms of processor time (${kind}; ${rounds} pages)\n`)
  console.log('| phase | median | worst |\n|---|---|---|')
  for (const phase of times[0].keys()) {
    const all = times.map((held) => held.get(phase) ?? 0)
    console.log(`| ${phase} | ${median(all).toFixed(1)} | ${Math.max(...all).toFixed(1)} |`)
  }
}
await browser.close()
