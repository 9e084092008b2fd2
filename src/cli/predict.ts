import type { Command } from 'commander'
import { LanewiseError } from '../core/errors.js'
import { readFile } from '../core/files.js'
import type { Dim } from '../core/shape.js'
import { Tensor } from '../core/tensor.js'
import { decodeImage, resizeImage } from '../data/images.js'
import { sliceRows } from '../data/labels.js'
import { readDrawing, toDigitImage } from '../data/picture.js'
import type { InferenceSession } from '../session.js'
import { namesIn } from './class-names.js'
import { fitToInput, loadData } from './data.js'
import { readInputs } from './inputs.js'
import { openSession } from './models.js'
import { type BackendChoice, backend, classNames, data, dataDir, examples, synthetic, threads } from './options.js'
import { argMax, drawImage, drawScores, parseNumber, printJson, printNotes } from './terminal.js'

interface PredictOptions {
  image?: string
  input?: string[]
  sample?: string
  data: string
  dataDir?: string
  classNames?: readonly string[]
  synthetic?: boolean
  threads?: number
  backend?: BackendChoice
  json?: boolean
}

export const addPredict = (program: Command): Command =>
  program
    .command('predict')
    .description('classify one picture, or the rows of an array')
    .argument('<model>', 'an ONNX, .keras or .h5 file, or a TensorFlow.js folder')
    .option(
      '--image <file>',
      'a picture, PNG or JPEG: scaled to the model’s input; for one channel and classes without names it is taken as a drawn digit',
    )
    .option('--input <name=file.npy...>', 'arrays to feed; the name may be left out for a model’s only input')
    .option('--sample <n>', 'sample n of the test set')
    .addOption(data)
    .addOption(dataDir)
    .addOption(synthetic)
    .addOption(classNames)
    .addOption(threads)
    .addOption(backend)
    .option('--json', 'print one JSON line a row')
    .addHelpText(
      'after',
      examples(
        'predict model5.onnx --image digit.png',
        'predict model5.onnx --sample 7',
        'predict net.keras --input x.npy --json',
      ),
    )
    .action(async (path: string, options: PredictOptions) => {
      const given = [options.image, options.input, options.sample].filter((option) => option !== undefined)
      if (given.length !== 1) throw new LanewiseError('INVALID_ARGUMENT', 'give one of --image, --input and --sample')
      const session = await openSession(path, { threads: options.threads, backend: options.backend })
      const known = options.classNames ?? namesIn(session.metadata)
      const { feeds, image, label, names = known } = await readFeeds(session, { ...options, classNames: known })
      const output = (await session.run(feeds))[session.outputNames[0]]
      const width = output.dims.at(-1) ?? 1
      if (output.size === 0)
        throw new LanewiseError('INVALID_DATA', `${path} gave [${output.dims.join(', ')}]: the input has no rows`)
      if (image && !options.json && isDrawing(image)) console.log(drawImage(image))
      for (let row = 0; row < output.size / width; row++) {
        const scores = (output.data as Float32Array).subarray(row * width, (row + 1) * width)
        const prediction = width === 1 ? scores[0] : argMax(scores)
        if (!scores.every(Number.isFinite))
          throw new LanewiseError(
            'NUMERIC_ERROR',
            `row ${row} of '${session.outputNames[0]}' is not finite (${Array.from(scores).slice(0, 4).join(', ')}…): look for NaN or infinity in the input, then in the weights`,
          )
        const nameOf = (value: number) => (width > 1 && names?.[value]) || `${value}`
        if (options.json) {
          const className = width > 1 ? names?.[prediction] : undefined
          printJson({ prediction, className, label, scores: Array.from(scores) })
        } else
          console.log(
            `prediction: ${nameOf(prediction)}${label === undefined ? '' : ` (label: ${nameOf(label)})`}${width === 1 ? '' : `\n${drawScores(scores, nameOf)}`}`,
          )
      }
      printNotes(session.notes)
      await session.release()
    })

async function readFeeds(
  session: InferenceSession,
  options: PredictOptions,
): Promise<{ feeds: Record<string, Tensor>; image?: Tensor; label?: number; names?: readonly string[] | undefined }> {
  if (options.input) return { feeds: await readInputs(session, options.input) }
  const [{ name, shape }] = session.inputMetadata
  if (options.image) {
    const image = await readImage(options.image, shape, options.classNames === undefined)
    return { feeds: { [name]: fitToInput(image, shape) }, image: image.dims[3] === 1 ? image : undefined }
  }
  const { test, synthetic, classNames } = await loadData(options, shape)
  const index = parseNumber('--sample', options.sample ?? '', 0, test.x.dims[0] - 1)
  const image = sliceRows(test.x, index, index + 1)
  if (!options.json)
    console.log(`test ${isDrawing(image) ? 'image' : 'sample'} ${index}${synthetic ? ' (SYNTHETIC)' : ''}`)
  return {
    feeds: { [name]: fitToInput(image, shape) },
    image,
    label: test.y.toNumbers()[index],
    names: options.classNames ?? classNames,
  }
}

/** Whether a sample is one picture of one channel, [1, height, width, 1]. */
const isDrawing = ({ dims }: Tensor): boolean => dims.length === 4 && dims[3] === 1

/**
 * A picture in [0, 1] for a network's input: in colour where that has three channels, first or last, else in grey; of one channel, and
 * where `digits`, a digit as MNIST has them.
 */
async function readImage(path: string, shape: readonly (Dim | null)[], digits: boolean): Promise<Tensor> {
  const bytes = await readFile(path)
  const channelsFirst = shape[3] !== 1 && shape[3] !== 3 && (shape[1] === 1 || shape[1] === 3)
  const [height, width] = channelsFirst ? shape.slice(2) : shape.slice(1, 3)
  const isImage = shape.length === 4 && typeof height === 'number' && typeof width === 'number'
  const channels = isImage && shape[channelsFirst ? 1 : 3] === 3 ? 3 : 1
  if (!isImage || (channels === 1 && digits))
    return toDigitImage(await readDrawing(bytes, path), isImage ? height : 28, isImage ? width : 28)
  const image = resizeImage(await decodeImage(bytes, channels === 3 ? 'rgb' : 'grayscale', path), height, width)
  const unit = (image.data as Float32Array).map((value) => value / 255)
  if (!channelsFirst) return new Tensor('float32', unit, [1, height, width, channels])
  const plane = height * width
  const planes = unit.map((_, i) => unit[(i % plane) * channels + Math.floor(i / plane)])
  return new Tensor('float32', planes, [1, channels, height, width])
}
