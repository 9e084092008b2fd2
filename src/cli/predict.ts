import type { Command } from 'commander'
import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import type { Tensor } from '../core/tensor.js'
import { sliceRows } from '../data/labels.js'
import { parsePng, toDigitImage } from '../data/png.js'
import type { InferenceSession } from '../session.js'
import { fitToInput, loadData } from './data.js'
import { readInputs } from './inputs.js'
import { openSession } from './models.js'
import { argMax, drawImage, drawScores, parseNumber, printJson, printNotes } from './terminal.js'

interface PredictOptions {
  image?: string
  input?: string[]
  sample?: string
  data: string
  dataDir?: string
  synthetic?: boolean
  json?: boolean
}

export const addPredict = (program: Command): Command =>
  program
    .command('predict')
    .description('classify one picture, or the rows of an array')
    .argument('<model>', 'an ONNX, .keras or .h5 file, or a TensorFlow.js folder')
    .option('--image <file.png>', 'a picture; it is scaled to the model’s input')
    .option('--input <name=file.npy...>', 'arrays to feed')
    .option('--sample <n>', 'test image n of the data set')
    .option('--data <name>', 'data set for --sample', 'mnist')
    .option('--data-dir <folder>', 'folder that holds the data set')
    .option('--synthetic', 'take --sample from the procedural digits')
    .option('--json', 'print one JSON line a row')
    .action(async (path: string, options: PredictOptions) => {
      const given = [options.image, options.input, options.sample].filter((option) => option !== undefined)
      if (given.length !== 1) throw new LanewiseError('INVALID_ARGUMENT', 'give one of --image, --input and --sample')
      const session = await openSession(path)
      const { feeds, image, label } = await readFeeds(session, options)
      const output = (await session.run(feeds))[session.outputNames[0]]
      const width = output.dims.at(-1) ?? 1
      if (image && !options.json) console.log(drawImage(image))
      for (let row = 0; row < output.size / width; row++) {
        const scores = (output.data as Float32Array).subarray(row * width, (row + 1) * width)
        const prediction = argMax(scores)
        if (options.json)
          printJson({ prediction, ...(label === undefined ? {} : { label }), scores: Array.from(scores) })
        else
          console.log(
            `prediction: ${prediction}${label === undefined ? '' : ` (label: ${label})`}\n${drawScores(scores)}`,
          )
      }
      printNotes(session.notes)
      await session.release()
    })

async function readFeeds(
  session: InferenceSession,
  options: PredictOptions,
): Promise<{ feeds: Record<string, Tensor>; image?: Tensor; label?: number }> {
  if (options.input) return { feeds: await readInputs(session, options.input) }
  const [{ name, shape }] = session.inputMetadata
  if (options.image) {
    const image = toDigitImage(await parsePng(await readFile(options.image), options.image), 28, 28)
    return { feeds: { [name]: fitToInput(image, shape) }, image }
  }
  const { test, synthetic } = await loadData(options, shape)
  const index = parseNumber('--sample', options.sample ?? '', 0, test.x.dims[0] - 1)
  const image = sliceRows(test.x, index, index + 1)
  if (!options.json) console.log(`test image ${index}${synthetic ? ' (SYNTHETIC)' : ''}`)
  return { feeds: { [name]: fitToInput(image, shape) }, image, label: test.y.toNumbers()[index] }
}
