import type { Value } from '../../core/ir.js'
import { invalid, type KerasConfig } from '../config.js'
import type { CallContext } from './context.js'
import { Layer, type LayerOptions } from './layer.js'

export interface DropoutOptions extends LayerOptions {
  /** Share of elements set to 0 while training, in [0, 1). The others are scaled by 1 / (1 - rate). */
  readonly rate: number
  readonly seed?: number | null
}

export class Dropout extends Layer {
  readonly className = 'Dropout'
  readonly rate: number
  readonly seed: number | null

  constructor(options: DropoutOptions) {
    super(options)
    this.rate = options.rate
    this.seed = options.seed ?? null
    if (!(this.rate >= 0 && this.rate < 1)) throw invalid(`Dropout's rate must be in [0, 1), got ${this.rate}`)
  }

  call([x]: readonly Value[], context: CallContext): Value {
    if (!context.training || this.rate === 0) return x
    return context.emit.op('lanewise.Dropout', [x, context.step], {
      rate: this.rate,
      seed: this.seed ?? context.seed,
      stream: context.nextStream(),
    })
  }

  protected config(): KerasConfig {
    return { rate: this.rate, seed: this.seed, noise_shape: null }
  }
}
