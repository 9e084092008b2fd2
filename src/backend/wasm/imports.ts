/** What every build imports: its memory, and the ways to sleep that the shared ones call. */
export function importsFor(memory: WebAssembly.Memory): { env: WebAssembly.ModuleImports } {
  /** The words that threads sleep on lie in the first page, which never moves. */
  const words = new Int32Array(memory.buffer, 0, 16384)
  const sleep = (address: number, value: number, milliseconds: number): void => {
    Atomics.wait(words, address >> 2, value, milliseconds)
  }
  const wake = (address: number): void => {
    Atomics.notify(words, address >> 2)
  }
  return { env: { memory, sleep, wake } }
}
