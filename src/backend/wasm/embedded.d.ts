/** A wasm build, packed with gzip, in base64: scripts/build.mjs gives it. */
declare module 'embedded:*' {
  const content: string
  export default content
}

/** A wasm file as workerd imports it: compiled. */
declare module '*.wasm' {
  const module: WebAssembly.Module
  export default module
}
