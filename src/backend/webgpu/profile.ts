import type { Gpu } from './device.js'

/** A dispatch as it is submitted. */
export interface Recorded {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: readonly [number, number, number]
}

/** Flags of GPUBufferUsage, which Node has no globals for. */
const usage = { copySource: 4, copyTarget: 8, queryResolve: 512 } as const
/** Timestamps of one query set: two a dispatch. */
const queries = 4096

/** The median milliseconds of each dispatch over `runs` runs, by timestamps around passes of one dispatch. */
export async function timeDispatches(gpu: Gpu, recorded: readonly Recorded[], runs: number): Promise<number[]> {
  const { device } = gpu
  const set = device.createQuerySet({ type: 'timestamp', count: queries })
  const resolved = device.createBuffer({ size: 8 * queries, usage: usage.queryResolve | usage.copySource })
  const times: number[][] = recorded.map(() => [])
  try {
    for (let run = 0; run < runs; run++)
      for (let from = 0; from < recorded.length; from += queries / 2) {
        const part = recorded.slice(from, from + queries / 2)
        const encoder = device.createCommandEncoder()
        part.forEach(({ pipeline, group, workgroups }, i) => {
          const pass = encoder.beginComputePass({
            timestampWrites: { querySet: set, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
          })
          pass.setPipeline(pipeline)
          pass.setBindGroup(0, group)
          pass.dispatchWorkgroups(...workgroups)
          pass.end()
        })
        encoder.resolveQuerySet(set, 0, 2 * part.length, resolved, 0)
        device.queue.submit([encoder.finish()])
        const stamps = new BigUint64Array(await gpu.read(resolved, 0, 16 * part.length))
        part.forEach((_, i) => {
          times[from + i].push(Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6)
        })
      }
  } finally {
    set.destroy()
    resolved.destroy()
  }
  return times.map((of) => of.sort((a, b) => a - b)[of.length >> 1])
}
