import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { addParameter, fillParameters, setArguments, withParameters } from '../src/cli/parameters.js'
import { LanewiseError } from '../src/core/errors.js'
import { modelFromJSON } from '../src/index.js'

const dense = (units: unknown, activation: unknown = 'relu') => ({ class_name: 'Dense', config: { units, activation } })
const input = { class_name: 'InputLayer', config: { batch_shape: [null, 4] } }
const template = {
  $parameters: { activation: 'relu', depth: 1 },
  class_name: 'Sequential',
  config: {
    layers: [input, { $repeat: '$depth', layers: [dense('$units', '$activation')] }, dense(2, 'softmax')],
  },
}

const refusal = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    assert.instance(error, LanewiseError)
    return (error as Error).message
  }
  throw new Error('it was not refused')
}

test('values and repetitions are filled in anywhere; what is left out is as the file says', () => {
  const net = (values: Parameters<typeof fillParameters>[1]) =>
    modelFromJSON(fillParameters(template, values, 'net.json') as object)
  assert.equal(
    net({ units: 8, depth: 3, activation: 'tanh' }).weights.map(({ shape }) => shape),
    [[4, 8], [8], [8, 8], [8], [8, 8], [8], [8, 2], [2]],
  )
  assert.equal(
    net({ units: 3 }).weights.map(({ shape }) => shape),
    [[4, 3], [3], [3, 2], [2]],
  )
  assert.equal(
    net({ units: 3, depth: 0 }).weights.map(({ shape }) => shape),
    [[4, 2], [2]],
  )
  assert.equal(fillParameters({ a: ['$$x', '$', 'a$b', null, 1.5, false] }, {}, 'f'), {
    a: ['$x', '$', 'a$b', null, 1.5, false],
  })
})

test('what does not fit is named', () => {
  const fill = (json: unknown, values = {}) => refusal(() => fillParameters(json, values, 'net.json'))
  assert.is(fill(template), 'net.json: $units has no value; give one, as in --set units=…')
  assert.is(
    fill(template, { units: 1, width: 2 }),
    'net.json has no parameter $width; it has $depth, $units, $activation',
  )
  assert.match(fill(template, { units: 1, depth: 1.5 }), /\$repeat takes a whole number from 0 to 1000, got 1\.5/)
  assert.match(fill({ a: { $repeat: 2, layers: [1] } }), /a repetition stands in a list/)
  assert.match(fill([{ $repeat: 2, layers: [1], name: 'x' }]), /"layers": \[what\] }, without 'name'/)
  assert.match(fill([{ $repeat: 2 }]), /a repetition is/)
  assert.match(fill({ $parameters: { a: [1] } }), /\$parameters is an object of numbers/)
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { $repeat: 1000, layers: [nested(depth - 1)] })
  assert.match(fill([nested(4)]), /make more than 100000 parts/)
})

test('parameters on a command line, and for functions', async () => {
  const values = ['units=64', 'rate=1e-3', 'name=big', 'text="64"', 'flag=true', 'list=[1]'].reduce(
    (before, text) => addParameter(text, before),
    {},
  )
  assert.equal(values, { units: 64, rate: 0.001, name: 'big', text: '64', flag: true, list: '[1]' })
  for (const value of [64, '64', 'big', true]) assert.equal(addParameter(setArguments('x', value)[1]), { x: value })
  assert.match(
    refusal(() => addParameter('units')),
    /--set units: give name=value/,
  )
  assert.match(
    refusal(() => addParameter('a=1', { a: 2 })),
    /--set a is given twice/,
  )
  const make = ({ units = 4 }) => units
  assert.is(await withParameters(make as never, { units: 5 }, 'net.mjs'), 5)
  assert.is(await withParameters(make as never, {}, 'net.mjs'), 4)
  await withParameters(make as never, { unit: 5 }, 'net.mjs').then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'net.mjs has no parameter $unit'),
  )
})

test.run()
