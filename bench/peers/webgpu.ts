import { existsSync } from 'node:fs'
import { create, globals } from 'webgpu'

/** Where Debian's chromium has its software adapter. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'

/**
 * Gives Node `navigator.gpu` and WebGPU's globals by the package `webgpu`, so that all libraries run on one implementation: on
 * the host's adapter as the environment tells the driver, else on SwiftShader where that is installed.
 */
export function provideWebGpu(): void {
  if (existsSync(swiftShader)) process.env['VK_ICD_FILENAMES'] ??= swiftShader
  Object.assign(globalThis, globals)
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu: create([]), userAgent: 'Node', hardwareConcurrency: 1, platform: process.platform },
    configurable: true,
  })
}
