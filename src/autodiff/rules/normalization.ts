import type { NumericDType } from '../../core/dtype.js'
import type { Value } from '../../core/ir.js'
import { concrete, normalizeAxis, sizeOf } from '../../core/shape.js'
import { floatAttribute, intAttribute } from '../../ops/definition.js'
import type { GradientRule, GradientRules } from '../rule.js'

const layerNormalization: GradientRule = ({ emit, node, inputs, attributes, gradient, needs }) => {
  const [x, scale] = inputs as Value[]
  const dy = gradient(0)
  const rank = x.shape.length
  const from = normalizeAxis(intAttribute(attributes, 'axis'), rank)
  const axes = Array.from({ length: rank - from }, (_, index) => from + index)
  const centred = emit.sub(x, emit.mean(x, axes, true))
  const variance = emit.mean(emit.square(centred), axes, true)
  const inverse = emit.div(1, emit.sqrt(emit.add(variance, floatAttribute(attributes, 'epsilon'))))
  const normalized = emit.mul(centred, inverse)
  const throughY = (dy: Value): Value => {
    const g = emit.mul(dy, scale)
    const along = emit.mul(normalized, emit.mean(emit.mul(g, normalized), axes, true))
    return emit.mul(inverse, emit.sub(emit.sub(g, emit.mean(g, axes, true)), along))
  }
  /** Each element moves the mean by 1 / n, and the inverse deviation by -normalized inverse² / n. */
  const share = () => 1 / sizeOf(concrete(x.shape.slice(from), `the normalized axes of '${node.name}'`))
  const inType = (value: Value) => (value.dtype === x.dtype ? value : emit.cast(value, x.dtype as NumericDType))
  const throughMean = (dmean: Value): Value => emit.mul(inType(dmean), share())
  const throughInverse = (dinverse: Value): Value =>
    emit.mul(emit.mul(inType(dinverse), emit.square(inverse)), emit.mul(normalized, -share()))
  const dx = [throughY, throughMean, throughInverse].flatMap((through, output) => {
    const given = needs(0) ? gradient(output) : undefined
    return given ? [through(given)] : []
  })
  return [
    dx.length > 0 ? dx.reduce((a, b) => emit.add(a, b)) : undefined,
    dy && needs(1) ? emit.mul(dy, normalized) : undefined,
    dy && needs(2) ? dy : undefined,
  ]
}

export const normalizationRules: GradientRules = { LayerNormalization: layerNormalization }
