/** Results of `work` in the elements' order; up to `parallel` calls run at once. */
export async function* mapAhead<T, U>(
  elements: AsyncIterator<T>,
  parallel: number,
  work: (element: T, index: number) => U | Promise<U>,
): AsyncGenerator<U, void, undefined> {
  const running: Promise<U>[] = []
  try {
    let ended = false
    for (let index = 0; ; ) {
      while (!ended && running.length < parallel) {
        const next = await elements.next()
        if (next.done) ended = true
        else {
          const place = index++
          const result = (async () => work(next.value, place))()
          result.catch(() => {})
          running.push(result)
        }
      }
      const first = running.shift()
      if (!first) return
      yield await first
    }
  } finally {
    await elements.return?.()
  }
}

/** The same elements, up to `count` of which have been asked for before they are wanted. */
export async function* readAhead<T>(elements: AsyncIterator<T>, count: number): AsyncGenerator<T, void, undefined> {
  const asked: Promise<IteratorResult<T>>[] = []
  const ask = () => {
    const next = elements.next()
    next.catch(() => {})
    asked.push(next)
  }
  try {
    for (;;) {
      while (asked.length <= count) ask()
      const next = await asked.shift()!
      if (next.done) return
      yield next.value
    }
  } finally {
    await elements.return?.()
  }
}
