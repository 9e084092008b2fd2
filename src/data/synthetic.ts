import { RandomGenerator } from '../core/random.js'
import { Tensor } from '../core/tensor.js'

type Point = readonly [x: number, y: number]
type Stroke = readonly Point[]

const size = 28

/** Points of an ellipse's arc, angles in turns, clockwise from the right. */
const arc = (x: number, y: number, rx: number, ry: number, from: number, to: number): Stroke =>
  Array.from({ length: 13 }, (_, step) => {
    const angle = 2 * Math.PI * (from + ((to - from) * step) / 12)
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)] as const
  })

/** The strokes of each digit's forms, in the unit square, y downwards. */
const glyphs: readonly (readonly (readonly Stroke[])[])[] = [
  [[arc(0.5, 0.5, 0.3, 0.42, 0, 1)]],
  [
    [
      [
        [0.5, 0.08],
        [0.5, 0.92],
      ],
    ],
    [
      [
        [0.35, 0.25],
        [0.52, 0.08],
        [0.52, 0.92],
      ],
    ],
  ],
  [[[...arc(0.5, 0.32, 0.27, 0.24, 0.5, 1.08), [0.22, 0.92], [0.8, 0.92]]]],
  [[arc(0.46, 0.29, 0.26, 0.21, 0.55, 1.25), arc(0.46, 0.71, 0.29, 0.22, 0.75, 1.45)]],
  [
    [
      [
        [0.6, 0.08],
        [0.2, 0.62],
        [0.82, 0.62],
      ],
      [
        [0.62, 0.35],
        [0.62, 0.94],
      ],
    ],
    [
      [
        [0.25, 0.1],
        [0.25, 0.5],
        [0.75, 0.5],
      ],
      [
        [0.75, 0.1],
        [0.75, 0.94],
      ],
    ],
  ],
  [
    [
      [
        [0.76, 0.08],
        [0.3, 0.08],
        [0.28, 0.46],
      ],
      arc(0.46, 0.66, 0.3, 0.25, 0.68, 1.42),
    ],
  ],
  [
    [
      [
        [0.66, 0.07],
        [0.4, 0.3],
        [0.25, 0.62],
      ],
      arc(0.5, 0.68, 0.26, 0.24, 0, 1),
    ],
  ],
  [
    [
      [
        [0.2, 0.1],
        [0.8, 0.1],
        [0.42, 0.93],
      ],
    ],
    [
      [
        [0.2, 0.1],
        [0.8, 0.1],
        [0.42, 0.93],
      ],
      [
        [0.35, 0.5],
        [0.7, 0.5],
      ],
    ],
  ],
  [[arc(0.5, 0.29, 0.22, 0.21, 0, 1), arc(0.5, 0.71, 0.27, 0.22, 0, 1)]],
  [
    [
      arc(0.5, 0.32, 0.25, 0.24, 0, 1),
      [
        [0.75, 0.32],
        [0.72, 0.6],
        [0.6, 0.93],
      ],
    ],
  ],
]

/** Distance from a point to a segment. */
function distance(px: number, py: number, [ax, ay]: Point, [bx, by]: Point): number {
  const dx = bx - ax
  const dy = by - ay
  const along = Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy || 1)))
  return Math.hypot(px - ax - along * dx, py - ay - along * dy)
}

/** Draws one digit into `pixels` (784 values in [0, 1]): random form, slant, rotation, scale, place, wobble and pen. */
function drawDigit(digit: number, random: RandomGenerator, pixels: Float32Array): void {
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  const forms = glyphs[digit]
  const strokes = forms[random.integer(forms.length)]
  const angle = between(-0.22, 0.22)
  const slant = between(-0.25, 0.25)
  const width = between(13, 19)
  const height = between(17, 21)
  const centreX = 13.5 + between(-2, 2)
  const centreY = 13.5 + between(-2, 2)
  const pen = between(0.9, 1.7)
  const wobble = between(0, 0.035)
  const place = ([x, y]: Point): Point => {
    const u = (x - 0.5 + between(-wobble, wobble) - slant * (y - 0.5)) * width
    const v = (y - 0.5 + between(-wobble, wobble)) * height
    return [centreX + u * Math.cos(angle) - v * Math.sin(angle), centreY + u * Math.sin(angle) + v * Math.cos(angle)]
  }
  for (const stroke of strokes) {
    const points = stroke.map(place)
    for (let segment = 1; segment < points.length; segment++) {
      const [a, b] = [points[segment - 1], points[segment]]
      const reach = pen + 1
      const rows = [
        Math.max(0, Math.floor(Math.min(a[1], b[1]) - reach)),
        Math.min(size - 1, Math.ceil(Math.max(a[1], b[1]) + reach)),
      ]
      const columns = [
        Math.max(0, Math.floor(Math.min(a[0], b[0]) - reach)),
        Math.min(size - 1, Math.ceil(Math.max(a[0], b[0]) + reach)),
      ]
      for (let y = rows[0]; y <= rows[1]; y++)
        for (let x = columns[0]; x <= columns[1]; x++) {
          const ink = Math.min(1, Math.max(0, pen + 0.5 - distance(x, y, a, b)))
          if (ink > pixels[y * size + x]) pixels[y * size + x] = ink
        }
    }
  }
}

/**
 * `count` drawn digits: images float32 [count, 28, 28, 1] in [0, 1], labels uint8 [count]. The same seed gives the same
 * digits. Made by a program, not by people: networks find them easier than MNIST.
 */
export function syntheticDigits(count: number, seed: number): { x: Tensor; y: Tensor } {
  const random = new RandomGenerator(seed)
  const images = new Float32Array(count * size * size)
  const labels = new Uint8Array(count)
  for (let index = 0; index < count; index++) {
    labels[index] = random.integer(10)
    drawDigit(labels[index], random, images.subarray(index * size * size, (index + 1) * size * size))
  }
  return { x: new Tensor('float32', images, [count, size, size, 1]), y: new Tensor('uint8', labels, [count]) }
}
