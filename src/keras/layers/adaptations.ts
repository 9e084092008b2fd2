let count = 0

/**
 * How often layers have taken anew what they hold beside weights (vocabularies, boundaries of bins): graphs have it as constants, so
 * that what was compiled at another count may hold what is no more.
 */
export const adaptations = (): number => count

/** Called where a layer has taken something of that kind. */
export const adapted = (): void => {
  count++
}
