import { Tensor } from '../../core/tensor.js'
import { tokenRows } from '../../core/tokens.js'
import type { tokens } from '../../ops/tokens.js'
import type { ReferenceKernel } from './kernel.js'

export const tokenKernels = {
  'lanewise.Tokenize': ({ inputs: [x], attributes }) => {
    const { standardize, split, ngrams, length } = attributes as Record<string, never>
    const options = { standardize: standardize || null, split: split || null, ngrams: ngrams ?? null }
    const texts = x!.data as readonly string[]
    const found = tokenRows(texts, options, length ?? null)
    return [new Tensor('string', [...found.rows], [texts.length, found.length])]
  },
} as const satisfies Record<keyof typeof tokens, ReferenceKernel>
