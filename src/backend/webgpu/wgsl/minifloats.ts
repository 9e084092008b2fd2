import type { FloatFormat, RoundMode } from '../../../core/minifloat.js'

const hex = (bits: number): string => `0x${bits.toString(16)}u`

/** Declares `fn mini_bits(v: f32) -> u32`, which rounds to nearest, ties to even, and `fn mini_value(x: u32) -> f32`. */
export function minifloatText({ exponentBits, mantissaBits, bias, special }: FloatFormat, saturate: boolean): string {
  const sign = 1 << (exponentBits + mantissaBits)
  const steps = 1 << mantissaBits
  const shift = 23 - mantissaBits
  const infinity = sign - steps
  const nan = { ieee: sign - 1, fn: sign - 1, fnuz: sign, finite: 0 }[special]
  const largest = { ieee: infinity - 1, fn: sign - 2, fnuz: sign - 1, finite: sign - 1 }[special]
  const beyond =
    saturate || special === 'finite'
      ? `negative | ${hex(largest)}`
      : special === 'fnuz'
        ? hex(nan)
        : `negative | ${hex(special === 'ieee' ? infinity : nan)}`
  return `
fn mini_bits(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  let magnitude = bits & 0x7fffffffu;
  let negative = (bits >> 31u) * ${hex(sign)};
  if (magnitude > 0x7f800000u) { return ${hex(nan)}; }
  var code = 0u;
  if (magnitude < ${hex((128 - bias) << 23)}) { code = u32(round(abs(v) * ${2 ** (mantissaBits - 1 + bias)}.0)); }
  else { code = ((magnitude + ${hex((1 << (shift - 1)) - 1)} + ((magnitude >> ${shift}u) & 1u)) >> ${shift}u) - ${hex((127 - bias) << mantissaBits)}; }
  if (code > ${hex(largest)}) { return ${beyond}; }
  ${special === 'fnuz' ? 'if (code == 0u) { return 0u; }' : ''}
  return negative | code;
}
fn mini_value(x: u32) -> f32 {
  let code = x & ${hex(sign - 1)};
  let negative = (x & ${hex(sign)}) << ${31 - exponentBits - mantissaBits}u;
  let exponent = code >> ${mantissaBits}u;
  let fraction = code & ${hex(steps - 1)};
  var bits = bitcast<u32>(f32(fraction) * ${2 ** (1 - bias - mantissaBits)});
  if (exponent > 0u) { bits = ((exponent + ${127 - bias}u) << 23u) | (fraction << ${shift}u); }
  if (${special === 'fnuz' ? `x == ${hex(sign)}` : `code > ${hex(largest)}`}) { bits = ${special === 'ieee' ? `select(0x7fc00000u, 0x7f800000u, code == ${hex(infinity)})` : '0x7fc00000u'}; }
  return bitcast<f32>(bits | negative);
}
`
}

/** The same for float8e8m0, a power of two without a sign. */
export const powerText = (saturate: boolean, mode: RoundMode): string => `
fn mini_bits(v: f32) -> u32 {
  let magnitude = bitcast<u32>(v) & 0x7fffffffu;
  if (magnitude >= 0x7f800000u) { return 255u; }
  if (magnitude < 0x00400000u) { return 0u; }
  let normal = magnitude >= 0x00800000u;
  let exponent = magnitude >> 23u;
  let fraction = select((magnitude & 0x3fffffu) << 1u, magnitude & 0x7fffffu, normal);
  let up = ${mode === 'down' ? 'false' : mode === 'up' ? 'fraction > 0u' : 'fraction >= 0x400000u'};
  let code = exponent + select(0u, 1u, up);
  return select(code, ${saturate ? '254u' : '255u'}, code > 254u);
}
fn mini_value(x: u32) -> f32 {
  var bits = x << 23u;
  if (x == 0u) { bits = 0x00400000u; }
  if (x == 255u) { bits = 0x7fc00000u; }
  return bitcast<f32>(bits);
}
`
