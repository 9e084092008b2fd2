import { byId, create, percent } from './dom.js'
import type { Insight } from './network.js'

/** The bars of the ten digits, and the sentence above them. */
export class Predictions {
  readonly #guess = byId('guess', HTMLElement)
  readonly #rows = Array.from({ length: 10 }, (_, digit) => {
    const share = create('span', { className: 'share' }, '–')
    const bar = create('span', { className: 'bar', 'aria-hidden': 'true' })
    return { row: create('li', {}, create('span', { className: 'digit' }, `${digit}`), bar, share), bar, share }
  })

  constructor() {
    byId('bars', HTMLElement).replaceChildren(...this.#rows.map(({ row }) => row))
  }

  show({ probabilities }: Insight): void {
    const best = probabilities.indexOf(Math.max(...probabilities))
    probabilities.forEach((probability, digit) => {
      const { row, bar, share } = this.#rows[digit]
      bar.style.setProperty('--share', `${probability}`)
      share.textContent = percent(probability)
      row.classList.toggle('best', digit === best)
    })
    this.#say(`A ${best}, with ${percent(probabilities[best])}.`)
  }

  clear(): void {
    for (const { row, bar, share } of this.#rows) {
      bar.style.setProperty('--share', '0')
      share.textContent = '–'
      row.classList.remove('best')
    }
    this.#say('Nothing is drawn yet.')
  }

  /** Readers of the screen hear each change, so equal sentences are not said twice. */
  #say(text: string): void {
    if (this.#guess.textContent !== text) this.#guess.textContent = text
  }
}
