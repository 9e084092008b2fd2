/**
 * Declares `fn philox(block: u32, step: u32) -> vec4<u32>`: the four words of Philox4x32-10 (Salmon et al., 2011) for the
 * counter (block, step, 0, 0) and the key (seed, stream), of which the low 32 bits count.
 */
export const philoxText = (seed: number, stream: number): string => `
fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let middle = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
  let cross = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (cross >> 16u);
}
fn philox(block: u32, step: u32) -> vec4<u32> {
  var c = vec4<u32>(block, step, 0u, 0u);
  var key = vec2<u32>(${seed >>> 0}u, ${stream >>> 0}u);
  for (var round = 0; round < 10; round++) {
    let high = vec2<u32>(multiply_high(c.x, 0xd2511f53u), multiply_high(c.z, 0xcd9e8d57u));
    c = vec4<u32>(high.y ^ c.y ^ key.x, c.z * 0xcd9e8d57u, high.x ^ c.w ^ key.y, c.x * 0xd2511f53u);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}`
