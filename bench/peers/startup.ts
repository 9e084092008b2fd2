import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Tensor } from '../../src/core/tensor.js'
import type { Start } from '../workloads.js'
import type { Place, Runner } from './peer.js'

/** What a fresh process loads. */
export interface Startup {
  readonly kind: 'lanewise' | 'onnxruntime-web' | 'onnxruntime-node'
  /** The library's module, as a URL. */
  readonly library: string
  readonly model: string
  readonly input: string
  readonly dims: readonly number[]
  readonly threads: number
}

const execute = promisify(execFile)

/** Each run is a fresh process, which measures itself from before it imports the library to the first result. */
export function startup(kind: Startup['kind'], library: string, { model, input, dims }: Start, place: Place): Runner {
  const job: Startup = { kind, library, model, input, dims, threads: place.threads }
  const once = async () => {
    const { stdout } = await execute(process.execPath, [place.start, JSON.stringify(job)])
    return JSON.parse(stdout) as { ms: number; name: string; dims: number[]; data: number[] }
  }
  return {
    run: async () => (await once()).ms,
    async results() {
      const result = await once()
      return { [result.name]: new Tensor('float32', result.data, result.dims) }
    },
    dispose: () => {},
  }
}
