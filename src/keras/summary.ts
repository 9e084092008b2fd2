import { bytesPerElement } from '../core/dtype.js'
import { sizeOf } from '../core/shape.js'
import type { Layer } from './layers/layer.js'
import { formatKerasShape } from './layers/shapes.js'
import type { Weight } from './layers/weight.js'
import type { Network } from './network.js'

interface Column {
  readonly header: string
  readonly width: number
  readonly right?: boolean
}

const sequentialColumns: readonly Column[] = [
  { header: 'Layer (type)', width: 31 },
  { header: 'Output Shape', width: 22 },
  { header: 'Param #', width: 13, right: true },
]

const functionalColumns: readonly Column[] = [
  { header: 'Layer (type)', width: 19 },
  { header: 'Output Shape', width: 17 },
  { header: 'Param #', width: 10, right: true },
  { header: 'Connected to', width: 17 },
]

/** Breaks `text` at spaces, or within words that are too long, into lines of at most `width` characters. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (let word of text.split(' ')) {
    if (line && line.length + 1 + word.length <= width) line += ` ${word}`
    else {
      if (line) lines.push(line)
      for (; word.length > width; word = word.slice(width)) lines.push(word.slice(0, width))
      line = word
    }
  }
  return [...lines, line]
}

const bar = (columns: readonly Column[], [left, fill, middle, right]: string): string =>
  left + columns.map(({ width }) => fill.repeat(width + 2)).join(middle) + right

function row(columns: readonly Column[], cells: readonly string[], edge: string): string {
  const wrapped = cells.map((cell, i) => wrap(cell, columns[i].width))
  const height = Math.max(...wrapped.map((lines) => lines.length))
  return Array.from({ length: height }, (_, line) => {
    const texts = columns.map(({ width, right }, i) => {
      const text = wrapped[i][line] ?? ''
      return ` ${right ? text.padStart(width) : text.padEnd(width)} `
    })
    return edge + texts.join(edge) + edge
  }).join('\n')
}

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

/** Bytes in units of 1024, two decimals. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let unit = 0
  for (; bytes >= 1024 && unit < units.length - 1; unit++) bytes /= 1024
  return `${bytes.toFixed(2)} ${units[unit]}`
}

const countLine = (label: string, weights: readonly Weight[]): string => {
  const count = weights.reduce((sum, weight) => sum + sizeOf(weight.shape), 0)
  const bytes = weights.reduce((sum, weight) => sum + sizeOf(weight.shape) * bytesPerElement(weight.dtype), 0)
  return ` ${label}: ${grouped(count)} (${formatBytes(bytes)})`
}

const connections = (layer: Layer, network: Network): string => {
  const nodes = layer.inboundNodes.filter((node) => network.nodes.includes(node))
  const texts = nodes.flatMap((node) =>
    node.inputs.map(
      ({ node: source, index }) =>
        `${source.layer.name}[${source.layer.inboundNodes.filter((other) => network.nodes.includes(other)).indexOf(source)}][${index}]`,
    ),
  )
  return texts.join(', ') || '-'
}

const outputShape = (layer: Layer, network: Network): string => {
  const node = layer.inboundNodes.find((candidate) => network.nodes.includes(candidate))
  return node ? node.outputs.map((output) => formatKerasShape(output.shape)).join(', ') : '?'
}

export interface SummaryInput {
  readonly name: string
  readonly layers: readonly Layer[]
  readonly weights: readonly Weight[]
  /** Undefined until the input shape is known. */
  readonly network: Network | undefined
  /** With the column that says where inputs come from. */
  readonly connected: boolean
}

/** Keras 3's table of a model: layers, output shapes, parameters and their memory. */
export function formatSummary({ name, layers, weights, network, connected }: SummaryInput): string {
  const columns = connected ? functionalColumns : sequentialColumns
  const rows = layers.map((layer) => {
    const cells = [
      `${layer.name} (${layer.className})`,
      network ? outputShape(layer, network) : '?',
      network ? grouped(layer.countParams()) : '0 (unbuilt)',
    ]
    return row(columns, connected && network ? [...cells, connections(layer, network)] : cells, '│')
  })
  return [
    `Model: "${name}"`,
    bar(columns, '┏━┳┓'),
    row(
      columns,
      columns.map(({ header }) => header),
      '┃',
    ),
    bar(columns, '┡━╇┩'),
    rows.join(`\n${bar(columns, '├─┼┤')}\n`),
    bar(columns, '└─┴┘'),
    countLine('Total params', weights),
    countLine(
      'Trainable params',
      weights.filter((weight) => weight.trainable),
    ),
    countLine(
      'Non-trainable params',
      weights.filter((weight) => !weight.trainable),
    ),
    '',
  ].join('\n')
}
