import { byId } from './dom.js'

/** Pixels along an edge of a digit. */
export const size = 28
const pen = 1.1

/** The drawing pad: 28 x 28 pixels in [0, 1], drawn by pointers or by the keyboard. */
export class Pad {
  readonly pixels = new Float32Array(size * size)
  readonly #canvas = byId('pad', HTMLCanvasElement)
  readonly #place = byId('pad-place', HTMLElement)
  readonly #onChange: () => void
  #cursor = { x: 14, y: 14 }
  #focused = false
  #last: { x: number; y: number } | undefined

  constructor(onChange: () => void) {
    this.#onChange = onChange
    const canvas = this.#canvas
    canvas.addEventListener('pointerdown', (event) => {
      event.preventDefault()
      canvas.focus({ preventScroll: true })
      canvas.setPointerCapture(event.pointerId)
      this.#last = this.#at(event)
      this.#line(this.#last, this.#last)
    })
    canvas.addEventListener('pointermove', (event) => {
      if (!this.#last) return
      for (const part of event.getCoalescedEvents?.() ?? [event]) this.#line(this.#last, (this.#last = this.#at(part)))
    })
    for (const name of ['pointerup', 'pointercancel'] as const)
      canvas.addEventListener(name, () => {
        this.#last = undefined
      })
    canvas.addEventListener('keydown', (event) => this.#onKey(event))
    for (const name of ['focus', 'blur'])
      canvas.addEventListener(name, () => {
        this.#focused = name === 'focus' && canvas.matches(':focus-visible')
        this.draw()
      })
    this.draw()
  }

  get isEmpty(): boolean {
    return this.pixels.every((pixel) => pixel === 0)
  }

  /** Replaces the picture. */
  set(pixels: ArrayLike<number>): void {
    this.pixels.set(pixels)
    this.#changed()
  }

  clear(): void {
    this.pixels.fill(0)
    this.#changed()
  }

  draw(): void {
    const context = this.#canvas.getContext('2d')!
    const cell = this.#canvas.width / size
    context.fillStyle = '#000'
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height)
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const light = Math.round(255 * this.pixels[y * size + x])
        if (light === 0) continue
        context.fillStyle = `rgb(${light}, ${light}, ${light})`
        context.fillRect(x * cell, y * cell, cell, cell)
      }
    if (!this.#focused) return
    context.strokeStyle = '#4da3ff'
    context.lineWidth = 3
    context.strokeRect(this.#cursor.x * cell, this.#cursor.y * cell, cell, cell)
  }

  #at({ clientX, clientY }: PointerEvent): { x: number; y: number } {
    const box = this.#canvas.getBoundingClientRect()
    return {
      x: ((clientX - box.left) / box.width) * size - 0.5,
      y: ((clientY - box.top) / box.height) * size - 0.5,
    }
  }

  /** Inks the pixels near the segment; a pixel keeps the brightest that it got. */
  #line(from: { x: number; y: number }, to: { x: number; y: number }): void {
    const [dx, dy] = [to.x - from.x, to.y - from.y]
    const length = dx * dx + dy * dy || 1
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const along = Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / length))
        const distance = Math.hypot(x - from.x - along * dx, y - from.y - along * dy)
        const ink = Math.min(1, Math.max(0, pen + 0.6 - distance))
        if (ink > this.pixels[y * size + x]) this.pixels[y * size + x] = ink
      }
    this.#changed()
  }

  #onKey(event: KeyboardEvent): void {
    const move = moves[event.key]
    const before = { ...this.#cursor }
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (move) {
      this.#cursor = { x: clamp(before.x + move[0]), y: clamp(before.y + move[1]) }
      if (event.shiftKey) this.#line(before, this.#cursor)
    } else if (event.key === ' ' || event.key === 'Enter') this.#line(before, before)
    else if (event.key === 'Delete' || event.key === 'Backspace') this.#erase()
    else if (event.key === 'Escape') this.clear()
    else return
    event.preventDefault()
    this.#focused = true
    const { x, y } = this.#cursor
    this.#place.textContent = `row ${y + 1}, column ${x + 1}, ${this.pixels[y * size + x] > 0.5 ? 'ink' : 'empty'}`
    this.draw()
  }

  #erase(): void {
    const { x, y } = this.#cursor
    for (let row = clamp(y - 1); row <= clamp(y + 1); row++)
      for (let column = clamp(x - 1); column <= clamp(x + 1); column++) this.pixels[row * size + column] = 0
    this.#changed()
  }

  #changed(): void {
    this.draw()
    this.#onChange()
  }
}

const clamp = (place: number) => Math.min(size - 1, Math.max(0, place))

const moves: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}
