import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LanewiseError } from '../src/core/errors.js'
import { model } from '../src/keras/index.js'
import { layerFromConfig } from '../src/keras/json.js'
import type { Field } from '../src/keras/layers/fields.js'
import { allLayers, applied, examples, exceptions, makeLayer } from './support/every-layer.js'

interface Signature {
  readonly module: string
  readonly name: string
  readonly needs?: readonly string[]
  readonly defaults?: Readonly<Record<string, unknown>>
}

/** What Keras's constructors take. */
const signatures = new Map(
  readFileSync(resolve('scripts/keras-api.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"layers"'))
    .map((line) => JSON.parse(line) as Signature)
    .map(({ name, needs = [], defaults = {} }) => [name, [...needs, ...Object.keys(defaults)]]),
)
/** What constructors take besides, and hand on to the classes that they extend. */
const handedOn: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(?!Discretization)/, ['name', 'trainable', 'dtype', 'activity_regularizer']],
  [/^LayerNormalization/, ['rms_scaling']],
  [/^AdditiveAttention/, ['seed']],
  [/RNN|GRU|LSTM|^Bidirectional/, ['unroll', 'zero_output_for_mask']],
  [/^Random|Resizing|CenterCrop|AutoContrast|Solarization|MaxNumBoundingBoxes/, ['data_format']],
  [/^ReversibleEmbedding/, ['quantization_config']],
  [/^Discretization/, ['name', 'dtype']],
]
const json = (value: unknown) => JSON.parse(JSON.stringify(value))

test('every layer is an example here, or says why not', () => {
  assert.equal([...Object.keys(examples), ...Object.keys(exceptions)].sort(), Object.keys(allLayers).sort())
})

for (const name of Object.keys(examples))
  test(`${name}: its config makes the same layer, Keras takes it, wrong options are named`, () => {
    const layer = makeLayer(name)
    const { entries, output } = applied(name, layer)
    const object = json(layer.serialize())
    const copy = layerFromConfig(object)
    applied(name, copy)
    assert.equal(json(copy.getConfig()), object.config)
    assert.equal(
      copy.weights.map((weight) => [weight.name, weight.shape]),
      layer.weights.map((weight) => [weight.name, weight.shape]),
    )
    const taken = signatures.get(layer.className)
    assert.ok(taken, `Keras has no ${layer.className}`)
    const known = [...taken!, ...handedOn.flatMap(([classes, keys]) => (classes.test(layer.className) ? keys : []))]
    assert.equal(
      Object.keys(object.config).filter((key) => !known.includes(key)),
      [],
    )
    const net = model({ inputs: entries, outputs: output })
    assert.match(net.summary(null).replaceAll(/[\s│]/g, ''), new RegExp(`\\(${layer.className.slice(0, 8)}`))
    net.dispose()

    const fails = (options: object, message: RegExp) => {
      try {
        makeLayer(name, { ...examples[name].options, ...options })
      } catch (error) {
        assert.instance(error, LanewiseError)
        return assert.match((error as LanewiseError).message, message)
      }
      assert.unreachable(`${JSON.stringify(options)} was taken`)
    }
    fails({ nonsense: 1 }, new RegExp(`${layer.className} has no option 'nonsense'; known: `))
    const { fields } = layer.constructor as unknown as { fields: Record<string, Field<unknown, unknown, boolean>> }
    for (const [key, field] of Object.entries(fields))
      if (field.needed) fails({ [key]: undefined }, new RegExp(`${layer.className} needs the option '${key}'`))
      else if (field.write(field.read(field.fallback, key, layer.rank)) === undefined) continue
      else if (typeof field.fallback === 'number' || typeof field.fallback === 'boolean')
        fails({ [key]: { wrong: true } }, new RegExp(`${layer.className}: ${key} must `))
  })

test.run()
