/** The word that a kernel sets where an integer is divided by 0, in the synchronisation block of tape.ts. */
export const DIVIDED_BY_ZERO: usize = 232

/** Whether an integer was divided by 0 since the last call. */
export function dividedByZero(): bool {
  if (load<i32>(DIVIDED_BY_ZERO) == 0) return false
  store<i32>(DIVIDED_BY_ZERO, 0)
  return true
}
