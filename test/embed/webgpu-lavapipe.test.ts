import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findTool, haveTools } from './examples.js'

/**
 * Mesa's software adapter under Deno's wgpu: the one adapter of a machine without a GPU that has halves (shader-f16), and an
 * implementation of WebGPU that shares nothing with Dawn on SwiftShader.
 */
const drivers = ['x86_64', 'aarch64'].map((arch) => `/usr/share/vulkan/icd.d/lvp_icd.${arch}.json`)
const driver = drivers.find((path) => existsSync(path))
if (!driver) console.log('SKIP lavapipe: no lvp_icd.*.json; apt-get install mesa-vulkan-drivers')
const deno =
  driver && haveTools() ? findTool('Deno', '@deno/linux-x64-glibc/deno', '@deno/linux-arm64-glibc/deno') : undefined

/** Tests of kernels that need no page and no thread, and what the ops match that they are narrowed to. */
const files: readonly (readonly [name: string, ops?: string])[] = [
  ['webgpu-tuning'],
  ['webgpu-recurrent'],
  ['webgpu-cases', 'Norm|MatMul|Reduce|Cast|Pool|Random|SVM'],
]

if (deno) {
  const folder = mkdtempSync(join(tmpdir(), 'lanewise-lavapipe-'))
  await build({
    entryPoints: [...new Set(files.map(([name]) => `test/${name}.test.ts`))],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['webgpu'],
    logLevel: 'error',
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  })
  for (const [name, ops] of files)
    test(`lavapipe: ${[name, ops].filter(Boolean).join(', ')}`, () => {
      const output = run(deno, join(folder, `${name}.test.mjs`), ops)
      const [total, passed] = ['Total', 'Passed'].map((label) =>
        Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1]),
      )
      assert.ok(total > 5 && passed === total, output)
      assert.not(/SKIP .*adapter/.test(output), output)
    })
  test.after(() => rmSync(folder, { recursive: true, force: true }))
} else test('there is no lavapipe', () => {})

/** What a test file prints under Deno on lavapipe. */
function run(program: string, path: string, ops = ''): string {
  const env = {
    ...process.env,
    VK_ICD_FILENAMES: driver!,
    XDG_RUNTIME_DIR: tmpdir(),
    LANEWISE_CASES: ops,
    LANEWISE_OPERANDS: 'float16',
    FORCE_COLOR: '0',
  }
  try {
    return execFileSync(program, ['run', '-A', path], { encoding: 'utf8', env, stdio: 'pipe', timeout: 300_000 })
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    return `${message}\n${stdout}\n${stderr}`
  }
}

test.run()
