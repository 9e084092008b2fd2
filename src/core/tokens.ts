/** How a text becomes tokens, as TensorFlow's string operations make them. */
export interface TokenOptions {
  readonly standardize: string | null
  readonly split: string | null
  /** The lengths of the sequences of tokens that count as one, joined by spaces. */
  readonly ngrams: readonly number[] | null
}

/** The ways to standardize: only letters of ASCII become small. */
const small = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
const bare = (text: string) => text.replace(/[!"#$%&()*+,\-./:;<=>?@[\\\]^_`{|}~']/g, '')
export const standards: Readonly<Record<string, (text: string) => string>> = {
  lower: small,
  strip_punctuation: bare,
  lower_and_strip_punctuation: (text) => bare(small(text)),
}

export const splits: Readonly<Record<string, (text: string) => string[]>> = {
  whitespace: (text) => text.split(/\s+/).filter((part) => part !== ''),
  character: (text) => [...text],
}

/** The tokens of `text`. */
export function tokensOf(text: string, { standardize, split, ngrams }: TokenOptions): string[] {
  const standard = standardize === null ? text : standards[standardize](text)
  const tokens = split === null ? [standard] : splits[split](standard)
  if (ngrams === null) return tokens
  return ngrams.flatMap((size) =>
    Array.from({ length: Math.max(0, tokens.length - size + 1) }, (_, i) => tokens.slice(i, i + size).join(' ')),
  )
}

/** The tokens of each text, cut or filled up with '' to `length`, or to the longest. */
export function tokenRows(
  texts: readonly string[],
  options: TokenOptions,
  length: number | null,
): { readonly rows: readonly string[]; readonly length: number } {
  const lists = texts.map((text) => tokensOf(text, options))
  const width = length ?? lists.reduce((most, list) => Math.max(most, list.length), 1)
  const rows = lists.flatMap((list) => Array.from({ length: width }, (_, i) => list[i] ?? ''))
  return { rows, length: width }
}
