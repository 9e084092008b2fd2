import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { barChart } from '../bench/chart.js'
import { writeDocs } from '../bench/docs.js'
import { difference, interleave } from '../bench/measure.js'
import { modelOf, operators, products } from '../bench/ops.js'
import { formatProfile, profile, traceOfProfiles } from '../bench/profile.js'
import { cells } from '../bench/report.js'
import { Tensor } from '../src/core/tensor.js'
import { InferenceSession } from '../src/index.js'
import { loadEverything } from './support/operators.js'

await loadEverything()

const product = products.find(({ name }) => name === '128x128x128')!
const workload = { group: 'gemm', name: product.name, kind: 'inference', ...modelOf(product) } as const

test('each model of one node runs', async () => {
  for (const node of [...products, ...operators].filter(({ operands }) =>
    operands.every((item) => item!.tensor.size < 1e5),
  )) {
    const { model, inputs } = modelOf(node)
    const session = await InferenceSession.create(model)
    const { y } = await session.run(inputs)
    assert.ok(y.size > 0, node.name)
    await session.release()
  }
})

test('differences are found, within the tolerance of the type', () => {
  const y = (...numbers: number[]) => ({ y: new Tensor('float32', numbers, [numbers.length]) })
  assert.is(difference(y(1, 2), y(1.0005, 2)), undefined)
  assert.match(difference(y(1, 2), y(1, 2.01))!, /'y': element 1/)
  assert.match(difference(y(1, Number.NaN), y(1, 2))!, /'y': element 1/)
  assert.match(difference(y(1), y(1, 2))!, /shape/)
})

test('runners take turns, and constants are not run', async () => {
  const order: string[] = []
  const runner = (name: string, ms: number) => ({
    run: () => {
      order.push(name)
      return new Promise<number>((done) => setTimeout(() => done(ms), 60))
    },
    units: 2,
    results: async () => ({}),
    dispose: () => {},
  })
  const constant = { ...runner('c', 0), constantMs: 7 }
  assert.equal(await interleave([runner('a', 4), runner('b', 6), constant], 0.1), [2, 3, 7])
  assert.is(order.slice(0, 4).join(''), 'abab')
  assert.not.ok(order.includes('c'))
})

test('a profile counts operations and becomes a trace', async () => {
  const measured = (await profile(workload, { backend: 'wasm', threads: 1 }, 30))!
  const flops = measured.nodes.reduce((sum, node) => sum + node.flops, 0)
  assert.is(flops, 2 * 128 ** 3)
  assert.match(formatProfile(measured), /gemm_f32/)
  const { traceEvents } = JSON.parse(traceOfProfiles([measured]))
  const slices = traceEvents.filter((event: { ph: string }) => event.ph === 'X')
  assert.ok(slices.length > 0 && slices.every((slice: { dur: number }) => slice.dur > 0))
})

test('rows say whether a target is reached, and charts mark it', () => {
  const row = { group: 'ops', name: 'x', node: '20.1.0', threads: 1, variant: '', peer: 'p', peerVersion: '1' }
  assert.is(cells({ ...row, ms: 1, peerMs: 2, ratio: 2, target: 2 }).at(-1), '2 reached')
  assert.is(cells({ ...row, ms: 2, peerMs: 2, ratio: 1, target: 2 }).at(-1), '2 not reached')
  assert.is(cells({ ...row, error: 'no rule' }).at(-1), 'no rule')
  const chart = barChart('t', ['a'], [{ label: 'x <1>', series: 0, value: 2, mark: 3 }])
  assert.match(chart, /x &lt;1>/)
  assert.is(chart.match(/stroke="#d62728"/g)?.length, 1)
})

test('docs are not written without the profile of a target', async () => {
  const root = mkdtempSync(join(tmpdir(), 'lanewise-docs-'))
  mkdirSync(join(root, 'docs'))
  const { group, name } = workload
  const place = { group, name, node: process.versions.node, threads: 1 }
  const row = { ...place, variant: '', peer: 'p', peerVersion: '1', ms: 1, peerMs: 2, ratio: 2, target: 2 }
  const start = { ...row, group: 'start', name: 'model5' }
  const run = { machine: '', date: '', commit: '', rows: [row, start] }
  try {
    assert.throws(() => writeDocs(root, [{ ...run, profiles: [] }]), /no run has a profile of gemm\/128x128x128 \(/)
    assert.equal(readdirSync(join(root, 'docs')), [])
    const measured = (await profile(workload, { backend: 'wasm', threads: 1 }, 30))!
    writeDocs(root, [{ ...run, profiles: [measured] }])
    const [, limits] = readFileSync(join(root, 'docs/benchmarks.md'), 'utf8').split('## Distance to the limit')
    assert.match(limits.split('## Everything')[0], /\| gemm\/128x128x128 \| 4\.2 \| 30\.0 \|/)
  } finally {
    rmSync(root, { recursive: true })
  }
})

test.run()
