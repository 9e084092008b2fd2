/** 64 bits of 2/pi from bit 64 i after the binary point. */
function wordOfTwoOverPi(i: i32): u64 {
  return i == 0 ? 0xa2f9836e4e441529 : i == 1 ? 0xfc2757d1f534ddc0 : 0xdb6295993c439041
}

/** 64 bits of 2/pi from bit `start` (-63 to 127) after the binary point. */
function bitsOfTwoOverPi(start: i32): u64 {
  if (start < 0) return wordOfTwoOverPi(0) >> <u64>(-start)
  const word = start >> 6
  const offset = <u64>(start & 63)
  const high = wordOfTwoOverPi(word) << offset
  return offset == 0 ? high : high | (wordOfTwoOverPi(word + 1) >> (64 - offset))
}

/**
 * sin(x + shift pi/2). Absolute error below 1e-7 for every finite x, NaN for others. Arguments are reduced to |r| <= pi/4 in
 * float64, from 1e5 on in 64-bit fractions of a turn (Payne and Hanek, 1983); Taylor polynomials of degrees 13 and 14.
 */
export function sine(x: f32, shift: i32): f32 {
  const size = abs(x)
  if (!(size < f32.POSITIVE_INFINITY)) return f32.NaN
  let quarter: i32
  let r: f64
  if (size < 1e5) {
    const n = nearest(<f64>x * 0.63661977236758134308)
    quarter = <i32>n
    // pi/2 in two parts, the first of 33 bits.
    r = <f64>x - n * 1.57079632673412561417 - n * 6.07710050650619224932e-11
  } else {
    const bits = reinterpret<u32>(size)
    const mantissa = <u64>((bits & 0x007fffff) | 0x00800000)
    // Two bits before the binary point: quarters of a turn, modulo 4.
    const turned = mantissa * bitsOfTwoOverPi(<i32>(bits >> 23) - 152)
    const fraction = <i64>(turned << 2)
    quarter = <i32>(turned >> 62) + (fraction < 0 ? 1 : 0)
    r = <f64>fraction * (1.57079632679489661923 / 18446744073709551616.0)
    if (x < 0) {
      quarter = -quarter
      r = -r
    }
  }
  quarter += shift
  const z = r * r
  let y: f64
  if (quarter & 1) {
    y = 1.0 / 479001600.0 - z * (1.0 / 87178291200.0)
    y = -1.0 / 3628800.0 + z * y
    y = 1.0 / 40320.0 + z * y
    y = -1.0 / 720.0 + z * y
    y = 1.0 / 24.0 + z * y
    y = -0.5 + z * y
    y = 1.0 + z * y
  } else {
    y = -1.0 / 39916800.0 + z * (1.0 / 6227020800.0)
    y = 1.0 / 362880.0 + z * y
    y = -1.0 / 5040.0 + z * y
    y = 1.0 / 120.0 + z * y
    y = -1.0 / 6.0 + z * y
    y = r + r * z * y
  }
  return <f32>(quarter & 2 ? -y : y)
}
