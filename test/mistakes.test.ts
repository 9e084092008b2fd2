import { test } from 'uvu'
import {
  type BackendOptions,
  callbacks,
  configure,
  InferenceSession,
  input,
  layers,
  type Model,
  model,
  type SymbolicTensor,
  sequential,
  Tensor,
  toCategorical,
} from '../src/index.js'
import { fails } from './support/errors.js'

/** As plain JavaScript, where no type checker is asked. */
const untyped = <T>(value: unknown): T => value as T

const network = (loss = 'sparseCategoricalCrossentropy'): Model => {
  const net = sequential([layers.dense({ units: 3, activation: 'softmax', inputShape: [4] })])
  net.compile({ optimizer: 'sgd', loss, metrics: ['accuracy'] })
  return net
}
const x = Tensor.zeros('float32', [4, 4])
const labels = (...classes: number[]) => new Tensor('float32', Float32Array.from(classes), [classes.length])
const fit = (y: Tensor) => network().fit(x, y, { verbose: 0 })
const session = await InferenceSession.create(network().toOnnx())

const mistakes: readonly (readonly [title: string, message: RegExp, make: () => unknown])[] = [
  [
    'a wrong input name',
    /no tensor is fed to the input 'input_layer.*' \(float32 \[batch, 4\]\); there is no input 'x'/,
    () => session.run({ x }),
  ],
  [
    'a misspelt option of a session',
    /no option 'thread'; those of backends are backend, fallback, threads/,
    () => InferenceSession.create(network().toOnnx(), untyped({ thread: 1 })),
  ],
  [
    'a misspelt option of configure',
    /no option 'backends'/,
    () => configure(untyped<BackendOptions>({ backends: 'wasm' })),
  ],
  [
    'a misspelt option of compile',
    /compile has no option 'optimiser'; its options are optimizer, loss/,
    () => network().compile(untyped({ optimiser: 'adam', loss: 'meanSquaredError' })),
  ],
  ['a number for options', /Dense takes an object of options, got 10/, () => layers.dense(untyped(10))],
  ['no options', /Dense needs the option 'units'/, () => layers.dense(untyped(undefined))],
  [
    'a layer applied to data',
    /layer 'dense.*' \(Dense\) is applied to what input\(\{ shape \}\).*predict/,
    () => layers.dense({ units: 3 }).apply(untyped<SymbolicTensor>(x)),
  ],
  [
    'a layer applied to a layer',
    /is applied to what input/,
    () => layers.dense({ units: 3 }).apply(untyped<SymbolicTensor>(layers.flatten())),
  ],
  [
    'a fraction for a class',
    /target 'dense.*': element 1 is 0\.5, not the number of a class/,
    () => fit(labels(0, 0.5, 1, 2)),
  ],
  ['NaN for a class', /element 2 is NaN, not the number of a class/, () => fit(labels(0, 1, Number.NaN, 2))],
  [
    'a class that is not there',
    /element 3 is class 3; the model has the classes 0 to 2/,
    () => fit(labels(0, 1, 2, 3)),
  ],
  [
    'class numbers where one-hot targets go',
    /class numbers go with sparseCategoricalCrossentropy/,
    () => network('categoricalCrossentropy').fit(x, labels(0, 1, 2, 0), { verbose: 0 }),
  ],
  [
    'one-hot targets where class numbers go',
    /needs targets of shape \[4\]/,
    () => fit(toCategorical(labels(0, 1, 2, 0), 3)),
  ],
  ...Object.entries(callbacks)
    .filter(
      ([name]) =>
        /^[a-z]/.test(name) && !['history', 'progbarLogger', 'learningRateScheduler', 'lambda'].includes(name),
    )
    .map(
      ([name, make]) =>
        [
          `a misspelt option of ${name}`,
          /has no option 'patiense'; its options are /,
          () => (make as (options: object) => unknown)({ patiense: 1 }),
        ] as const,
    ),
  [
    'a layer as an output',
    /the outputs of a model are .* got the layer 'dense.*': apply it first/,
    () => model({ inputs: input({ shape: [4] }), outputs: untyped<SymbolicTensor>(layers.dense({ units: 2 })) }),
  ],
  [
    'a misspelt option of model',
    /model has no option 'output'/,
    () => model(untyped({ inputs: input({ shape: [4] }), output: input({ shape: [4] }) })),
  ],
  ['a model without outputs', /needs inputs and outputs/, () => model(untyped({ inputs: input({ shape: [4] }) }))],
]

for (const [title, message, make] of mistakes)
  test(`${title} is refused, and how to mend it is told`, () => fails(make, message))

test.run()
