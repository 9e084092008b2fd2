import { LanewiseError } from '../core/errors.js'
import { splits, standards } from '../core/tokens.js'
import { type OpDefinition, stringAttribute } from './definition.js'
import { freshShape, required } from './infer.js'

/** Texts to tokens. ONNX cannot say it whole: this op is never exported. */
export const tokens = {
  /**
   * Each text [batch] or [batch, 1] as a row of tokens [batch, length], filled up with ''; without `length` as long as the
   * longest. '' for `standardize` or `split` leaves a text as it is.
   */
  'lanewise.Tokenize': {
    since: 1,
    inputs: [1, 1],
    outputs: [1, 1],
    attributes: {
      standardize: { type: 'string', default: '' },
      split: { type: 'string', default: '' },
      ngrams: { type: 'ints' },
      length: { type: 'int' },
    },
    infer: (context) => {
      const { dtype, shape } = required(context, 0)
      const { attributes } = context
      if (dtype !== 'string') throw new LanewiseError('TYPE_MISMATCH', `takes texts, got ${dtype}`)
      if (shape.length !== 1 && !(shape.length === 2 && shape[1] === 1))
        throw new LanewiseError('SHAPE_MISMATCH', 'takes texts of shape [batch] or [batch, 1]')
      const known: readonly (readonly [string, object])[] = [
        ['standardize', standards],
        ['split', splits],
      ]
      for (const [name, table] of known) {
        const value = stringAttribute(attributes, name)
        if (value !== '' && !Object.hasOwn(table, value))
          throw new LanewiseError('INVALID_MODEL', `${name} '${value}' is none of ${Object.keys(table).join(', ')}`)
      }
      const length = (attributes['length'] as number | undefined) ?? freshShape(context, 2)[1]
      return [{ dtype, shape: [shape[0], length] }]
    },
  },
} as const satisfies Record<string, OpDefinition>
