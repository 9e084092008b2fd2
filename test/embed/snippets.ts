import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One fenced block of a Markdown file. */
export interface Snippet {
  /** The file and line of the fence, for people. */
  readonly place: string
  readonly language: string
  /** The words behind the language. */
  readonly flags: readonly string[]
  readonly text: string
}

/** The Markdown files whose snippets run: the README, the guides, and what docs/ holds beside them for users. */
export const documents = (): string[] =>
  ['README.md', 'docs', 'docs/guides'].flatMap((place) =>
    place.endsWith('.md')
      ? [place]
      : readdirSync(place)
          .filter((name) => name.endsWith('.md') && name !== 'architecture.md')
          .map((name) => join(place, name)),
  )

/** The fenced blocks of a Markdown file, in order. Throws where a fence is not closed. */
export function snippetsOf(path: string): Snippet[] {
  const snippets: Snippet[] = []
  let open: { line: number; info: string; lines: string[] } | undefined
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      const fence = /^\s*```(.*)$/.exec(line)
      if (!fence) open?.lines.push(line)
      else if (!open) open = { line: index + 1, info: fence[1].trim(), lines: [] }
      else {
        const [language = '', ...flags] = open.info.split(/\s+/)
        snippets.push({ place: `${path}:${open.line}`, language, flags, text: open.lines.join('\n') })
        open = undefined
      }
    })
  if (open) throw new Error(`${path}:${open.line}: the block is not closed`)
  return snippets
}

/**
 * The programs among a document's snippets of one language and one set of flags: a block flagged `continues` goes on with the
 * program before it, so a program is named after its first block.
 */
export function programsOf(snippets: readonly Snippet[]): Snippet[] {
  const programs: Snippet[] = []
  for (const snippet of snippets) {
    const last = programs.at(-1)
    if (!snippet.flags.includes('continues')) programs.push(snippet)
    else if (last) programs[programs.length - 1] = { ...last, text: `${last.text}\n${snippet.text}` }
    else throw new Error(`${snippet.place}: nothing to continue`)
  }
  return programs
}
