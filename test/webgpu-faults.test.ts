import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Gpu } from '../src/backend/webgpu/device.js'
import type { WebGpuBackend } from '../src/backend/webgpu/index.js'
import { mapKernel } from '../src/backend/webgpu/kernel.js'
import { lowerings } from '../src/backend/webgpu/lower/index.js'
import type { Lowering } from '../src/backend/webgpu/lower/lowering.js'
import { compile } from '../src/compile.js'
import type { LanewiseError } from '../src/core/errors.js'
import { GraphBuilder } from '../src/graph/builder.js'
import { openWebGpu } from './support/webgpu.js'

const backend = await openWebGpu('faults on webgpu')

const deviceOf = (opened: WebGpuBackend): GPUDevice => (opened as unknown as { gpu: Gpu }).gpu.device

/** y = |x| of `size` elements. */
function magnitude(size: number) {
  const builder = new GraphBuilder('magnitudes')
  const x = builder.input('x', 'float32', [size])
  builder.output(builder.emit('Abs', [x])[0], 'y')
  return builder.build()
}

async function codeAndMessage(attempt: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await attempt()
  } catch (error) {
    return error as LanewiseError
  }
  return assert.unreachable('nothing was thrown') as never
}

/** Runs `attempt` while Abs is lowered by `lower`. */
async function withAbs<T>(lower: Lowering['lower'], attempt: () => Promise<T>): Promise<T> {
  const table = lowerings as Record<string, Lowering>
  const { Abs } = table
  table['Abs'] = { ...Abs, lower }
  try {
    return await attempt()
  } finally {
    table['Abs'] = Abs
  }
}

async function computes(): Promise<void> {
  const executable = compile(magnitude(3), backend!)
  executable.write('x', Float32Array.from([-1, 2, -3]))
  await executable.run()
  assert.equal([...((await executable.read('y')) as Float32Array)], [1, 2, 3])
  executable.dispose()
}

if (backend) {
  const { buffers } = backend.usage

  test('what is beyond the limits is refused before it runs, with its size and the limit', async () => {
    const { maxBufferSize } = deviceOf(backend).limits
    const { code, message } = await codeAndMessage(() => compile(magnitude(maxBufferSize), backend))
    assert.is(code, 'OUT_OF_MEMORY')
    assert.match(message, new RegExp(`${4 * maxBufferSize} bytes.*${maxBufferSize} at most`))
    await computes()
  })

  test('a text that the device refuses names its node, each time, and harms nothing else', async () => {
    const executable = await withAbs(
      ({ outputs: [y] }, { place }) =>
        mapKernel({
          name: 'broken',
          count: 3,
          reads: {},
          writes: { y: place(y) },
          body: (names) => `${names.y}[i] = nonsense;`,
        }),
      async () => compile(magnitude(3), backend),
    )
    for (let run = 0; run < 2; run++) {
      const { code, message } = await codeAndMessage(() => executable.run())
      assert.is(code, 'BACKEND_UNAVAILABLE')
      assert.match(message, /kernel broken of Abs '.*nonsense/s)
    }
    executable.dispose()
    await computes()
  })

  test('an operand that the device refuses names its node, each time, and harms nothing else', async () => {
    const executable = await withAbs(
      ({ outputs: [y] }, { place }) =>
        mapKernel({
          name: 'beyond',
          count: 3,
          reads: {},
          writes: { y: { ...place(y), offset: 2 ** 20 } },
          body: (names) => `${names.y}[i] = 0.0;`,
        }),
      async () => compile(magnitude(3), backend),
    )
    for (let run = 0; run < 2; run++) {
      const { code, message } = await codeAndMessage(() => executable.run())
      assert.is(code, 'BACKEND_UNAVAILABLE')
      assert.match(message, /operands of Abs '/)
    }
    executable.dispose()
    await computes()
  })

  test('memory that the device does not have names what it was for, each time, and harms nothing else', async () => {
    const device = deviceOf(backend)
    const { createBuffer, popErrorScope } = device
    class GPUOutOfMemoryError extends Error {}
    let full = 0
    device.createBuffer = (description) => {
      full = 1
      return createBuffer.call(device, description)
    }
    // The innermost scope is that for memory.
    device.popErrorScope = async () => {
      const missing = full-- === 1
      const error = await popErrorScope.call(device)
      return missing ? new GPUOutOfMemoryError('no memory is left') : error
    }
    let executable: ReturnType<typeof compile>
    try {
      executable = compile(magnitude(3), backend)
      for (let run = 0; run < 2; run++) {
        const { code, message } = await codeAndMessage(() => executable.run())
        assert.is(code, 'OUT_OF_MEMORY')
        assert.match(message, /the arena of 'magnitudes'.*no memory is left/)
      }
    } finally {
      device.createBuffer = createBuffer
      device.popErrorScope = popErrorScope
    }
    executable.dispose()
    await computes()
  })

  test('nothing of all that stays on the device', () => {
    // Staging buffers of the one size that was read.
    assert.ok(backend.usage.buffers <= buffers + 2, `${backend.usage.buffers} buffers are left of ${buffers}`)
    backend.dispose()
  })
} else test('there is no adapter', () => {})

test.run()
