/** The element of that id, as the class that it is expected to be. Throws when the page has no such element. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id)
  if (!(element instanceof kind)) throw new Error(`the page has no ${kind.name} with the id ${id}`)
  return element
}

type Child = Node | string

/** A new element with properties, attributes (names with a dash, and role) and children. */
export function create<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Readonly<Record<string, string | number | boolean>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes('-') || name === 'role' || name === 'scope') element.setAttribute(name, String(value))
    else (element as unknown as Record<string, unknown>)[name] = value
  }
  element.append(...children)
  return element
}

/** A table with a caption, a head, and rows whose first cell is their header. */
export function table(caption: string, head: readonly string[], rows: readonly (readonly string[])[]): HTMLElement {
  const headCells = head.map((text) => create('th', { scope: 'col' }, text))
  const bodyRows = rows.map(([first, ...rest]) =>
    create('tr', {}, create('th', { scope: 'row' }, first), ...rest.map((text) => create('td', {}, text))),
  )
  return create(
    'section',
    { className: 'scroll', 'aria-label': caption },
    create(
      'table',
      {},
      create('caption', {}, caption),
      create('thead', {}, create('tr', {}, ...headCells)),
      create('tbody', {}, ...bodyRows),
    ),
  )
}

/** Shows or, without a text, hides a message. */
export function showMessage(element: HTMLElement, text: string | undefined): void {
  element.textContent = text ?? ''
  element.hidden = text === undefined
}

export const fillOptions = (
  select: HTMLSelectElement,
  options: readonly (readonly [value: string, text: string])[],
): void => select.replaceChildren(...options.map(([value, text]) => new Option(text, value)))

export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`

/** Lets the browser save `bytes` as a file. */
export function offerFile(name: string, bytes: Uint8Array): void {
  const address = URL.createObjectURL(new Blob([bytes as BlobPart], { type: 'application/octet-stream' }))
  create('a', { href: address, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(address), 10_000)
}

/** Runs the newest of the requests made while one is running, and forgets the others. */
export function newestOnly(work: () => Promise<void>): () => void {
  let state: 'idle' | 'running' | 'asked' = 'idle'
  const run = async (): Promise<void> => {
    do {
      state = 'running'
      await work()
    } while ((state as string) === 'asked')
    state = 'idle'
  }
  return () => {
    if (state === 'idle') void run()
    else state = 'asked'
  }
}
