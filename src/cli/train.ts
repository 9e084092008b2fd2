import type { Command } from 'commander'
import { LanewiseError } from '../core/errors.js'
import { sizeOf } from '../core/shape.js'
import type { Tensor } from '../core/tensor.js'
import { sliceRows, toCategorical } from '../data/labels.js'
import type { LabelledImages } from '../data/mnist.js'
import { configure, defaultBackend } from '../environment.js'
import { type Logs, type Model, setRandomSeed } from '../keras/index.js'
import { optimizers, resolveOptimizer } from '../keras/optimizers/index.js'
import { type Checkpoint, restoreCheckpoint, takeCheckpoint, writeCheckpoint } from '../keras/training/checkpoint.js'
import { loadGraph } from '../onnx/source.js'
import { holdCheckpoints, openCheckpoint, standOf } from './checkpoints.js'
import { namesAsMetadata } from './class-names.js'
import { fitToInput, loadData } from './data.js'
import { lossKey, probabilitiesOf } from './evaluation.js'
import { lossName } from './models.js'
import {
  type BackendChoice,
  backend,
  classNames,
  dataDir,
  data as dataOption,
  examples,
  numberOption,
  ranges,
  report,
  synthetic,
  threads,
} from './options.js'
import { checkModelPath, checkWritable, saveModel } from './output.js'
import { addParameter, type ModelParameters } from './parameters.js'
import { type LoadedRecipe, loadRecipe } from './recipe.js'
import { onStop } from './signals.js'
import { printJson, printNotes } from './terminal.js'

interface TrainOptions {
  data: string
  dataDir?: string
  synthetic?: boolean
  epochs?: number
  batchSize?: number
  optimizer?: string
  learningRate?: number
  limit?: number
  validationSplit?: number
  threads?: number
  backend?: BackendChoice
  seed?: number
  set?: ModelParameters
  out?: string
  report?: string
  classNames?: readonly string[]
  checkpoint?: string
  checkpointEvery?: number
  resume?: boolean
  json?: boolean
}

/** The options that are numbers, and the range of each. */
export const numericOptions = {
  epochs: { low: 1, high: 1e6, whole: true },
  batchSize: ranges.batch,
  limit: ranges.samples,
  learningRate: { low: 0, high: 3.4e38, whole: false },
  validationSplit: { low: 0, high: 0.99, whole: false },
  threads: ranges.threads,
  checkpointEvery: ranges.samples,
  seed: { low: 0, high: 2 ** 31 - 1, whole: true },
} as const

export const addTrain = (program: Command): Command =>
  program
    .command('train')
    .description('train a network and write it')
    .argument(
      '<model>',
      'model1 … model5, a module that exports a model, a Keras model JSON, or a .keras, .h5 or .onnx file to fine-tune',
    )
    .addOption(dataOption)
    .addOption(dataDir)
    .addOption(synthetic)
    .addOption(numberOption('--epochs <n>', 'epochs (default: the recipe’s)', numericOptions.epochs))
    .addOption(numberOption('--batch-size <n>', 'samples a step (default: the recipe’s)', numericOptions.batchSize))
    .option('--optimizer <name>', `${Object.keys(optimizers).join(', ')} (default: the recipe’s)`)
    .addOption(
      numberOption('--learning-rate <x>', 'learning rate (default: the optimizer’s)', numericOptions.learningRate),
    )
    .addOption(numberOption('--limit <n>', 'train on the first n samples only', numericOptions.limit))
    .addOption(
      numberOption(
        '--validation-split <x>',
        'share of the training samples kept for validation, 0 to 0.99',
        numericOptions.validationSplit,
      ),
    )
    .addOption(threads)
    .addOption(backend)
    .addOption(numberOption('--seed <n>', 'seed of weights, shuffling and dropout', numericOptions.seed))
    .option('--set <name=value>', 'a parameter of the model: $name in its JSON (more than once)', addParameter)
    .option(
      '--out <file>',
      'file to write: ONNX, unless it ends in .keras, .h5, .weights.h5, .safetensors, or .json or / for TensorFlow.js',
    )
    .addOption(classNames)
    .addOption(report('curves, confusion matrix, worst mistakes, filters'))
    .option('--checkpoint <folder>', 'keep the state of the training here, after each epoch')
    .addOption(
      numberOption('--checkpoint-every <n>', 'keep it after every n batches, too', numericOptions.checkpointEvery),
    )
    .option('--resume', 'go on from the checkpoint in that folder')
    .option('--json', 'print JSON lines instead of text')
    .addHelpText(
      'after',
      examples(
        'train model5 --epochs 1 --out model5.onnx',
        'train net.mjs --data pictures/ --optimizer adam --learning-rate 3e-4 --report report.html',
        'train model5 --checkpoint state --resume',
        'train net.json --set units=64 --set activation=tanh',
      ),
    )
    .action(train)

async function train(modelName: string, options: TrainOptions): Promise<void> {
  const recipe = await loadRecipe(modelName, options.set)
  const settings = settingsOf(recipe, options)
  if (options.out) await checkModelPath('--out', options.out)
  if (options.report) await checkWritable('--report', options.report)
  if (options.checkpoint) await checkWritable('--checkpoint', `${options.checkpoint}/`)
  const checkpoint = await openCheckpoint(options)
  const unlock = options.checkpoint === undefined ? undefined : await holdCheckpoints(options.checkpoint)
  try {
    await trainAndTell(recipe, settings, checkpoint)
  } finally {
    await unlock?.()
  }
}

async function trainAndTell(
  recipe: LoadedRecipe,
  options: ReturnType<typeof settingsOf>,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  configure({ threads: options.threads, backend: options.backend })
  if (options.seed !== undefined) setRandomSeed(options.seed)

  const net = await recipe.model()
  const compileOptions = recipe.compile()
  const goesOn = options.optimizer === undefined && recipe.isCompiled?.() === true
  const optimizer = goesOn
    ? net.optimizer
    : resolveOptimizer(options.optimizer ?? compileOptions.optimizer ?? 'rmsprop')
  if (options.learningRate !== undefined) optimizer.learningRate = options.learningRate
  if (!goesOn) net.compile({ ...compileOptions, optimizer })
  const data = await loadData(options, net.inputs[0].shape)
  const loss = lossName(net) ?? ''
  const [{ shape }] = net.outputs
  const train = prepare(data.train, options.limit, net.inputs[0].shape, shape, loss)
  const test = prepare(data.test, recipe.testLimit, net.inputs[0].shape, shape, loss)

  const identity = {
    model: structureOf(net),
    optimizer: JSON.stringify(optimizer.serialize()),
    loss,
    data: data.synthetic ? 'synthetic digits' : options.data,
    'training samples': train.x.dims[0],
    'batch size': options.batchSize,
    'validation split': options.validationSplit,
  }
  if (checkpoint) await restoreCheckpoint(net, checkpoint, identity)

  const running = await defaultBackend()
  await running.ready()
  const { name: backend, variant, threads, notes } = running.report
  if (!options.json) {
    net.summary()
    console.log(
      `${recipe.description}\ndata: ${data.source}, ${train.x.dims[0]} training and ${test.x.dims[0]} test samples`,
    )
    console.log(`backend: ${backend} (${variant}), ${threads} thread${threads > 1 ? 's' : ''}`)
  }
  printNotes(notes)

  const steps = Math.ceil((train.x.dims[0] * (1 - options.validationSplit)) / options.batchSize)
  const keep = async () => {
    if (options.checkpoint) await writeCheckpoint(options.checkpoint, await takeCheckpoint(net, identity))
  }
  let stoppedBy: NodeJS.Signals | undefined
  const endWatch = onStop((signal) => {
    stoppedBy = signal
    net.stopTraining = true
    process.stderr.write(
      `${process.stdout.isTTY ? '\n' : ''}${signal}: stopping after the running step; once more ends at once\n`,
    )
  })
  const begun = performance.now()
  const lines: EpochLine[] = []
  const epochLogs: Logs[] = []
  let started = begun
  let trained = 0
  await net.fit(train.x, train.y, {
    epochs: options.epochs,
    initialEpoch: checkpoint?.state.position.epoch,
    initialBatch: checkpoint?.state.position.batch,
    batchSize: options.batchSize,
    validationSplit: options.validationSplit || undefined,
    verbose: options.json ? 0 : options.epochs > 20 ? 2 : 1,
    callbacks: [
      {
        onEpochBegin: () => {
          if (stoppedBy) net.stopTraining = true
          started = performance.now()
          trained = 0
        },
        onTestBegin: () => {
          trained = performance.now() - started
          if (stoppedBy) return keep()
        },
        onEpochEnd: async (epoch: number, logs: Logs) => {
          if (stoppedBy && (await net.trainingState()).position.epoch === epoch) return keep()
          const elapsed = performance.now() - started
          const line = epochLine(epoch, logs, elapsed / 1000, (trained || elapsed) / steps)
          if (options.json) printJson(line)
          lines.push(line)
          epochLogs.push({ ...logs })
          if (!Number.isFinite(logs.loss))
            throw new LanewiseError(
              'NUMERIC_ERROR',
              `the loss is ${logs.loss} in epoch ${epoch + 1}; nothing was saved. Try a smaller --learning-rate. ${net.notes.find((note) => note.startsWith('the loss is not finite')) ?? ''}`,
            )
          await keep()
        },
        ...(options.checkpointEvery && {
          onBatchEnd: async (batch: number) => {
            if ((batch + 1) % options.checkpointEvery! === 0) await keep()
          },
        }),
      },
    ],
  })

  endWatch()
  if (stoppedBy) {
    const { position } = await net.trainingState()
    const kept = options.checkpoint
      ? `the same command with --resume goes on from ${options.checkpoint}`
      : 'nothing was saved, as --checkpoint <folder> would have'
    process.stderr.write(`stopped by ${stoppedBy} after ${standOf(position)}; ${kept}\n`)
    return net.dispose()
  }

  const result = await net.evaluate(test.x, test.y, { batchSize: 1000, verbose: 0 })
  printNotes(net.notes)
  if (options.out)
    await saveModel(options.out, net, { [lossKey]: loss, ...namesAsMetadata(options.classNames ?? data.classNames) })
  if (options.report) {
    const { describeOptimizer, writeReport } = await import('./report.js')
    const perStep = lines.map(({ msPerStep }) => msPerStep).sort((a, b) => a - b)
    await writeReport(options.report, {
      title: `${recipe.name}, trained on ${data.synthetic ? 'synthetic digits' : options.data}`,
      synthetic: data.synthetic,
      facts: {
        model: recipe.description,
        parameters: net.weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0).toLocaleString('en-US'),
        data: `${data.source}: ${train.x.dims[0]} training and ${test.x.dims[0]} test samples`,
        'validation split': `${options.validationSplit}`,
        optimizer: describeOptimizer(optimizer.serialize()),
        loss,
        epochs: `${options.epochs}`,
        'batch size': `${options.batchSize}`,
        seed: options.seed === undefined ? 'none given' : `${options.seed}`,
        'training time': `${((performance.now() - begun) / 1000).toFixed(1)} s`,
        'time a step': perStep.length ? `${perStep[perStep.length >> 1].toFixed(2)} ms` : '–',
        ...(options.out ? { written: options.out } : {}),
      },
      training: { firstEpoch: lines[0]?.epoch ?? 1, logs: epochLogs },
      test: {
        loss: result.loss,
        accuracy: result.accuracy,
        images: test.x,
        labels: sliceRows(data.test.y, 0, test.x.dims[0]),
        classNames: options.classNames ?? data.classNames,
        scores: probabilitiesOf(await net.predict(test.x, { batchSize: 1000, verbose: 0 })),
      },
      graph: await loadGraph(await net.exportOnnx()),
    })
  }
  const summary = { loss: result.loss, accuracy: result.accuracy }
  if (options.json)
    printJson({
      test: summary,
      ...(options.out ? { out: options.out } : {}),
      ...(options.report ? { report: options.report } : {}),
      ...(data.synthetic ? { synthetic: true } : {}),
    })
  else {
    console.log(
      `test: loss ${result.loss.toFixed(4)}${result.accuracy === undefined ? '' : `, accuracy ${(100 * result.accuracy).toFixed(2)} %`}${data.synthetic ? ' (SYNTHETIC digits)' : ''}`,
    )
    for (const file of [options.out, options.report]) if (file) console.log(`wrote ${file}`)
  }
  net.dispose()
}

const settingsOf = (recipe: LoadedRecipe, options: TrainOptions) => ({
  ...options,
  epochs: options.epochs ?? recipe.epochs,
  batchSize: options.batchSize ?? recipe.batchSize,
  limit: options.limit ?? recipe.limit,
  validationSplit: options.validationSplit ?? 0,
})

/** What tells a model from others: its JSON, or, where layers have none (nodes of ONNX files, layers of one's own), their names and weights. */
function structureOf(net: Model): string {
  try {
    return JSON.stringify(net)
  } catch (error) {
    if (!(error instanceof LanewiseError)) throw error
    const layers = net.layers.map(({ className, name }) => [className, name])
    return JSON.stringify([...layers, ...net.weights.map(({ name, shape }) => [name, shape])])
  }
}

/** The first `limit` samples in the network's input shape; labels one-hot where the loss takes rows of classes. */
function prepare(
  images: LabelledImages,
  limit: number | undefined,
  input: Parameters<typeof fitToInput>[1],
  output: readonly (number | null)[],
  loss: string,
): { x: Tensor; y: Tensor } {
  const count = Math.min(limit ?? Number.POSITIVE_INFINITY, images.x.dims[0])
  const y = sliceRows(images.y, 0, count)
  const classes = output.at(-1) ?? 1
  return {
    x: fitToInput(sliceRows(images.x, 0, count), input),
    y: loss.startsWith('sparse_') || y.dims.length > 1 || classes === 1 ? y : toCategorical(y, classes),
  }
}

type EpochLine = ReturnType<typeof epochLine>

/** `seconds` are those of the whole epoch, `msPerStep` is of training alone. */
function epochLine(epoch: number, logs: Logs, seconds: number, msPerStep: number) {
  const { loss, accuracy, val_loss: valLoss, val_accuracy: valAccuracy } = logs
  return { epoch: epoch + 1, loss, accuracy, valLoss, valAccuracy, seconds, msPerStep }
}
