// What a page feels: `npm run bench:page -- [--rounds N] [--only tasks|start]`. First the longest task of the page's own
// thread in each phase of a page that predicts and trains: in processor time, as what other programs take is not the page's
// doing. Then the time from the call of a page that nothing is cached of to its first prediction, beside onnxruntime-web and
// beside a page with nothing but a script, which is the browser's own share.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Browser } from 'playwright-core'
import model5 from '../models/model5.js'
import { setRandomSeed } from '../src/index.js'
import { build, launchChromium, type PageHost, resultOf, runPage } from '../test/embed/browser.js'
import { headers, type ServerOptions, serve } from '../test/embed/server.js'

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, only: { type: 'string' } },
})
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

/** The modules of `folder` that `entry` imports at once, itself first. */
function importsOf(folder: string, entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found
  found.add(entry)
  const text = readFileSync(join(folder, entry), 'utf8')
  for (const [, name] of text.matchAll(/(?:from|import)"\.\/(chunk-\w+\.js)"/g)) importsOf(folder, name, found)
  return found
}

/**
 * A page without a bundler that loads model5 and predicts once; its result is the milliseconds from its call on, and the output. The page names
 * all `modules` of the library, the entry first, as bundlers write pages, so that they come side by side.
 */
const startPage = (modules: readonly string[]) => `<!doctype html><meta charset="utf-8"><title>start</title>
${modules.map((module) => `<link rel="modulepreload" href="${module}">`).join('\n')}
<script type="module">
import { InferenceSession, Tensor } from '${modules[0]}'
const predict = async () => {
  const session = await InferenceSession.create('/files/model.onnx')
  const x = new Tensor('float32', new Float32Array(784).fill(0.5), [1, 28, 28, 1])
  const results = await session.run({ [session.inputNames[0]]: x })
  const output = results[session.outputNames[0]].data
  return { milliseconds: performance.now(), output: Array.from(output) }
}
globalThis.result = predict()
</script>`

/** What the browser itself takes to come to a page's script. */
const emptyPage = `<!doctype html><meta charset="utf-8"><title>start</title>
<script type="module">globalThis.result = Promise.resolve({ milliseconds: performance.now(), output: [] })</script>`

/** Opens pages whose window stands: Chromium loads hundreds of scripts of its own for a new one, in the processes of the page. */
const settled = (host: PageHost): PageHost => ({
  async newPage() {
    const page = await host.newPage()
    await new Promise((resolve) => setTimeout(resolve, 1500))
    return page
  },
})

interface Started {
  readonly milliseconds: number
  readonly output: readonly number[]
}

/**
 * Times of an empty page and of pages from both libraries by turns, each in a browser context that knows nothing; who begins
 * changes from round to round. The first of each is left out.
 */
async function coldStarts(browser: Browser, files: ServerOptions['files']): Promise<Map<string, number[]>> {
  const first = join(build(), 'first')
  const pages = {
    lanewise: [...importsOf(first, 'ort.js')].map((name) => `/first/${name}`),
    'onnxruntime-web': ['/onnxruntime/ort.wasm.bundle.min.mjs'],
  }
  const contents: Readonly<Record<string, string>> = {
    'an empty page': emptyPage,
    ...Object.fromEntries(Object.entries(pages).map(([name, modules]) => [name, startPage(modules)])),
  }
  const names = Object.keys(contents)
  const addresses = names.map((name, index) => [`/${index}.html`, contents[name]])
  const server = await serve({
    headers: headers.isolated,
    folders: { '/first/': first, '/onnxruntime/': resolve('node_modules/onnxruntime-web/dist') },
    files: { ...files, ...Object.fromEntries(addresses), '/favicon.ico': '' },
  })
  const times = new Map<string, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    const outputs: (readonly number[])[] = []
    for (const offset of names.keys()) {
      const index = (round + offset) % names.length
      const context = await browser.newContext()
      const { result } = await resultOf<Started>(settled(context), `${server.origin}/${index}.html`)
      await context.close()
      outputs[index] = result.output
      if (round > 0) times.get(names[index])!.push(result.milliseconds)
    }
    const [, ours, theirs] = outputs
    if (ours.some((value, index) => !(Math.abs(value - theirs[index]) < 1e-5))) throw new Error('the outputs differ')
  }
  await server.close()
  return times
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]

const browser = await launchChromium()
if (!browser) process.exit(1)
setRandomSeed(5)
const files = { '/files/model.onnx': model5.model().toOnnx() }

const kinds = options.only === 'start' ? {} : { 'isolated, threads': headers.isolated, 'not isolated': {} }
for (const [kind, sent] of Object.entries(kinds)) {
  const times: Map<string, number>[] = []
  for (let round = 0; round < rounds; round++) times.push(await longestTasks(browser, { headers: sent, files }))
  console.log(`\nLongest task of the page, ms of processor time (${kind}; ${rounds} pages)\n`)
  console.log('| phase | median | worst |\n|---|---|---|')
  for (const phase of times[0].keys()) {
    const all = times.map((held) => held.get(phase) ?? 0)
    console.log(`| ${phase} | ${median(all).toFixed(1)} | ${Math.max(...all).toFixed(1)} |`)
  }
}
if (options.only !== 'tasks') {
  console.log(
    `\nFirst prediction of a cold page, ms (${rounds} pages)\n\n| page | median | least | worst |\n|---|---|---|---|`,
  )
  const starts = await coldStarts(browser, files)
  for (const [name, times] of starts)
    console.log(`| ${name} | ${[median(times), Math.min(...times), Math.max(...times)].map(Math.round).join(' | ')} |`)
  const [empty, ours, theirs] = [...starts.values()].map(median)
  const without = (theirs - empty) / (ours - empty)
  console.log(
    `\n${(theirs / ours).toFixed(1)} times by the medians, ${without.toFixed(1)} without the empty page's share`,
  )
}
await browser.close()
