import { describeOnnx, InferenceSession, type ModelDescription, Tensor } from '../src/index.js'
import { answer } from './remote.js'

/** The first values of an output, and what it is. */
export interface OutputReport {
  readonly name: string
  readonly type: string
  readonly dims: readonly number[]
  readonly values: readonly (number | string)[]
}

export interface RunReport {
  readonly outputs: readonly OutputReport[]
  readonly ms: number
  readonly notes: readonly string[]
}

/** What inputs hold in a run: the given digit where it fits and zeros elsewhere, or zeros alone. */
export type Feed = { readonly digit: Float32Array } | 'zeros'

/** Elements of an input that the page makes up at most. */
const largestInput = 1 << 26
const shownValues = 1000

/** The session of the file that ran last. */
let open: { readonly file: number; readonly session: InferenceSession } | undefined

/** The content of the inputs, symbolic sizes being 1. Throws for inputs that nothing can be made up for. */
function feedsFor({ inputMetadata }: InferenceSession, feed: Feed): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {}
  for (const { name, type, shape, isTensor } of inputMetadata) {
    if (!isTensor || type === 'string') throw new Error(`nothing can be made up for the input '${name}'`)
    const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1))
    const elements = dims.reduce((product, dim) => product * dim, 1)
    if (elements > largestInput)
      throw new Error(`the input '${name}' takes ${elements} elements: too many for this page`)
    const isDigit = feed !== 'zeros' && type === 'float32' && elements === feed.digit.length
    feeds[name] = isDigit ? new Tensor('float32', feed.digit, dims) : Tensor.zeros(type, dims)
  }
  return feeds
}

const handlers = {
  describe: (content: Blob): Promise<ModelDescription> => describeOnnx(content),

  /** `file` is a number that tells files apart. */
  async run(file: number, content: Blob, feed: Feed): Promise<RunReport> {
    if (open?.file !== file) {
      await open?.session.release()
      open = undefined
      open = { file, session: await InferenceSession.create(content) }
    }
    const { session } = open
    const feeds = feedsFor(session, feed)
    const started = performance.now()
    const results = await session.run(feeds)
    const ms = performance.now() - started
    const outputs = Object.entries(results).map(([name, value]) => {
      if (!(value instanceof Tensor)) return { name, type: 'sequence or optional', dims: [], values: [] }
      const { type, dims, data } = value
      const shown = Math.min(data.length, shownValues)
      const values =
        type === 'string'
          ? (data as readonly string[]).slice(0, shown)
          : new Tensor(type, data.slice(0, shown) as Float32Array, [shown]).toNumbers()
      return { name, type, dims, values }
    })
    return { outputs, ms, notes: session.notes }
  },
}

export type ModelHandlers = typeof handlers

answer(handlers)
