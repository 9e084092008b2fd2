// Element types: 0 int8, 1 uint8, 2 int16, 3 uint16, 4 int32, 5 uint32, 6 int64, 7 uint64; then 8 float32, 9 float64, 10 bool.

export function bytesOfType(type: i32): i32 {
  return type < 8 ? 1 << (type >> 1) : type == 8 ? 4 : type == 9 ? 8 : 1
}

/** The integer of `type` at `address`, extended to 64 bits. */
export function loadInteger(address: usize, type: i32): i64 {
  switch (type) {
    case 0: return load<i8>(address)
    case 2: return load<i16>(address)
    case 3: return load<u16>(address)
    case 4: return load<i32>(address)
    case 5: return load<u32>(address)
    case 6:
    case 7: return load<i64>(address)
    default: return load<u8>(address)
  }
}
