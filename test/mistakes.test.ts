import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type BackendOptions,
  callbacks,
  configure,
  confusionMatrix,
  constraints,
  datasets,
  InferenceSession,
  initializers,
  input,
  layers,
  losses,
  type Model,
  metrics,
  model,
  optimizers,
  regularizers,
  type SymbolicTensor,
  schedules,
  sequential,
  setRandomSeed,
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
    /a backend has no option 'thread'; its options are backend, fallback, threads/,
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
  [
    'threads that cannot be',
    /threads is "two"; it takes a whole number from 1 to 256/,
    () => configure(untyped<BackendOptions>({ threads: 'two' })),
  ],
  [
    'a merge mode that there is not',
    /mergeMode must be one of concat, sum, mul, ave, none, got 'max'/,
    () => layers.bidirectional({ layer: layers.gru({ units: 1 }), mergeMode: untyped('max') }),
  ],
  [
    'a model without outputs',
    /a model needs outputs, got none/,
    () => model({ inputs: input({ shape: [1] }), outputs: [] }),
  ],
  [
    'options for the function of a metric',
    /a metric is made of a function \(yTrue, yPred, k\) => …/,
    () => metrics.mean(untyped({ fn: 1 })),
  ],
  [
    'a misspelt option of evaluate',
    /evaluate has no option 'batchsize'; its options are batchSize/,
    () => network().evaluate(x, labels(0, 1, 2, 0), untyped({ batchsize: 2 })),
  ],
  [
    'a misspelt option of predict',
    /predict has no option 'batch_size'; its options are batchSize/,
    () => network().predict(x, untyped({ batch_size: 2 })),
  ],
  [
    'a misspelt option of a data set',
    /mnist has no option 'dir'; its options are dataDir/,
    () => datasets.mnist(untyped({ dir: '.' })),
  ],
  [
    'ragged lists',
    /input: lists of one depth need one length; the first ones make \[2, 4\], item 4/,
    () => network().predict([[1, 2, 3, 4], [5]]),
  ],
  [
    'ragged lists that have enough numbers together',
    /input: lists of one depth need one length/,
    () =>
      network().predict([
        [1, 2, 3, 4],
        [1, 2, 3],
        [1, 2, 3, 4, 5],
      ]),
  ],
  [
    'null among numbers',
    /input: item 1 is object null, not a number/,
    () => network().predict(untyped([[1, null, 3, 4]])),
  ],
  [
    'a text among numbers',
    /input: item 1 is string 2, not a number/,
    () => network().predict(untyped([[1, '2', 3, 4]])),
  ],
  [
    'a verbosity that there is not',
    /verbose is 0, 1, 2 or 'auto', got silent/,
    () => network().fit(x, labels(0, 1, 2, 0), { verbose: untyped('silent') }),
  ],
  ['nothing to predict', /input: give a Tensor.*got undefined/, () => network().predict(untyped(undefined))],
  [
    'inputs alone for validation',
    /validation data.*are \[x, y\]/,
    () => network().fit(x, labels(0, 1, 2, 0), { validationData: untyped(x), verbose: 0 }),
  ],
  [
    'a batch that is no batch',
    /batches of a dataset, are \[x, y\]/,
    () =>
      network().fit(
        untyped(
          datasets
            .fromArrays(x, x)
            .batch(2)
            .map(() => 5),
        ),
        null,
        { verbose: 0 },
      ),
  ],
  [
    'a function for a callback',
    /a callback is what callbacks\.… makes, or an object with hooks.*got \(\) ?=> ?1/,
    () => network().fit(x, labels(0, 1, 2, 0), { callbacks: untyped([() => 1]), verbose: 0 }),
  ],
  [
    'a callback in place of a list',
    /callbacks must be a list/,
    () => network().fit(x, labels(0, 1, 2, 0), { callbacks: untyped(callbacks.earlyStopping()), verbose: 0 }),
  ],
  [
    'a sample without its axis',
    /takes \(None, 4\), got \(4,\): the first axis is that of the samples.*batch\(\) a dataset/,
    () => network().predict(new Float32Array(4)),
  ],
  [
    'NaN for a share',
    /validationSplit must be between 0 and 1, got NaN/,
    () => network().fit(x, labels(0, 1, 2, 0), { validationSplit: Number.NaN, verbose: 0 }),
  ],
  [
    'a name for a class',
    /classWeight: 'cat' is not the number of a class/,
    () => network().fit(x, labels(0, 1, 2, 0), { classWeight: untyped({ cat: 2 }), verbose: 0 }),
  ],
  [
    'a weight for a class that is not there',
    /classWeight: '3' is not the number of a class/,
    () =>
      network('categoricalCrossentropy').fit(x, toCategorical([0, 1, 2, 0], 3), { classWeight: { 3: 2 }, verbose: 0 }),
  ],
  [
    'a pool beyond the image',
    /\(MaxPooling2D\): poolSize \[5, 5\] is more than \[4, 4\]; .*'same'/,
    () => sequential([layers.maxPooling2d({ poolSize: 5, inputShape: [4, 4, 1] })]),
  ],
  [
    'a cropping of all',
    /\(Cropping2D\): would leave nothing of \[batch, 4, 4, 1\]/,
    () => sequential([layers.cropping2d({ cropping: 2, inputShape: [4, 4, 1] })]),
  ],
  [
    'a misspelt hook',
    /callbacks have no hook 'onEpochFinish'.*onEpochEnd/,
    () => network().fit(x, labels(0, 1, 2, 0), { callbacks: untyped([{ onEpochFinish: () => {} }]), verbose: 0 }),
  ],
  [
    'a text for the learning rate',
    /the learning rate must be a number of 0 or more, or a schedule, got "0\.1"/,
    () => optimizers.adam(untyped({ learningRate: '0.1' })),
  ],
  ['no path to save to', /save takes a path, as 'net\.keras', got undefined/, () => network().save(untyped(undefined))],
  ['an input of negative size', /the shape of an input is a list of sizes.*got \[-2\]/, () => input({ shape: [-2] })],
  ['a text for a shape', /the shape of an input.*got "28"/, () => input({ shape: untyped('28') })],
  ['negative dims', /dims are whole numbers of 0 or more, got \[-1, 2\]/, () => x.reshape([-1, 2])],
  ['more elements than any host holds', /1000000000000 elements of float32/, () => Tensor.zeros('float32', [1e6, 1e6])],
  ['a class beyond the last', /label 5 at 1 is not one of 3 classes/, () => toCategorical([0, 5], 3)],
  ['a list of one prediction for two', /as many predictions as targets/, () => confusionMatrix([0, 1], [0])],
  [
    'a misspelt option of a schedule',
    /ExponentialDecay has no option 'decaySpeed'; its options are initialLearningRate, decaySteps/,
    () => schedules.exponentialDecay(untyped({ initialLearningRate: 0.1, decaySpeed: 2 })),
  ],
  [
    'a schedule without its steps',
    /CosineDecay needs a number for 'decaySteps'/,
    () => schedules.cosineDecay(untyped({ initialLearningRate: 0.1 })),
  ],
  ['a text for a seed', /a seed is a whole number, got x/, () => setRandomSeed(untyped('x'))],
  [
    'a misspelt option of toOnnx',
    /an export has no option 'opst'; its options are opset/,
    () => network().toOnnx(untyped({ opst: 17 })),
  ],
  [
    'layers one by one',
    /sequential takes a list of layers: sequential\(\[…\]\)/,
    () => sequential(untyped(layers.flatten())),
  ],
  [
    'weights beyond memory',
    /weight 'dense\/kernel' \[1000000, 1000000\] does not fit into memory/,
    () => sequential([layers.dense({ units: 1e6, inputShape: [1e6], name: 'dense' })]).getWeights(),
  ],
  ['lists for weights', /weight '.*' takes a Tensor, got 1/, () => network().setWeights(untyped([[1], [2]]))],
  [
    'too few weights for a layer',
    /Dense 'dense.*' has 2 weights, got 1/,
    () => network().layers[0].setWeights([Tensor.zeros('float32', [4, 3])]),
  ],
  ['a number for options', /Dense takes an object of options, got 10/, () => layers.dense(untyped(10))],
  ['no options', /Dense needs the option 'units'/, () => layers.dense(untyped(undefined))],
  [
    'a layer applied to data',
    /layer 'dense.*' \(Dense\): is applied to what input\(\{ shape \}\).*predict/,
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

test('what the types refuse is refused without them, too', async () => {
  // @ts-expect-error no such padding
  await fails(() => layers.conv2d({ filters: 2, kernelSize: 3, padding: 'full' }), /padding must be one of valid, same/)
  // @ts-expect-error no such place for channels
  await fails(() => layers.maxPooling2d({ dataFormat: 'channel_last' }), /dataFormat must be one of channels_last/)
  // @ts-expect-error no such mode
  await fails(() => layers.randomFlip({ mode: 'diagonal' }), /mode must be one of/)
  // @ts-expect-error a misspelt option
  await fails(() => layers.dense({ unit: 3 }), /Dense has no option 'unit'/)
  // @ts-expect-error a misspelt option
  await fails(() => optimizers.adam({ learningRat: 1 }), /has no option 'learningRat'/)
  layers.conv2d({ filters: 2, kernelSize: 3, dataFormat: 'channelsLast' })
})

/** Factories whose first argument are their options. */
const factories: readonly (readonly [what: string, table: object])[] = [
  ['optimizers', optimizers],
  ['losses', losses],
  ['metrics', metrics],
  ['regularizers', regularizers],
  ['constraints', constraints],
  ['initializers', initializers],
  ['schedules', schedules],
  ['layers', layers],
]
for (const [what, table] of factories)
  test(`each of ${what} refuses a number in place of its options, and options that it has not`, async () => {
    const makers = Object.entries(table).filter(
      ([name]) => /^[a-z]/.test(name) && !/^(resolve.*|fansOf|mean|sum)$/.test(name),
    )
    assert.ok(makers.length >= 4, what)
    for (const [name, make] of makers) {
      await fails(() => make(0.5), /takes an object of options|needs|must|do not fit/)
      await fails(() => make({ learning_rates: 2 }), /has no option 'learning_?[rR]ates'|needs|must|do not fit/)
      assert.type(make, 'function', name)
    }
  })

for (const [title, message, make] of mistakes)
  test(`${title} is refused, and how to mend it is told`, () => fails(make, message))

test('data of tensors that are no numbers', async () => {
  const refused = (data: unknown, message: RegExp, type = 'float32') =>
    fails(() => new Tensor(type as 'float32', untyped(data)), message)
  const nested = [
    [1, 2],
    [3, 4],
  ]
  await refused(nested, /element 0 must be a number, got \[1,2\]; data are one list, dims their shape/)
  await refused([1, null], /element 1 must be a number, got null/)
  await refused(new Array(2), /element 0 must be a number, got undefined/)
  await refused(['1'], /element 0 must be a number, got "1"/)
  await refused([1n, '2'], /element 1 must be a number, got "2"/, 'int64')
})

test.run()
