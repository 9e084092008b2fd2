import { existsSync } from 'node:fs'
import { webGpuSupport } from '../../src/backend/webgpu/host.js'
import { createWebGpuBackend, type WebGpuBackend } from '../../src/backend/webgpu/index.js'

/** Where Debian's chromium has its software adapter. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'

/**
 * A backend on the adapter of this host, or on SwiftShader where that is installed; undefined, with a printed notice, where
 * there is none.
 */
export async function openWebGpu(what: string): Promise<WebGpuBackend | undefined> {
  if (existsSync(swiftShader)) process.env['VK_ICD_FILENAMES'] ??= swiftShader
  const support = await webGpuSupport()
  if (support.available) return createWebGpuBackend()
  console.log(`SKIP ${what}: ${support.reason}`)
  return undefined
}
