/** A wasm build, packed with gzip, in base64: scripts/build.mjs gives it. */
declare module 'embedded:*' {
  const content: string
  export default content
}
