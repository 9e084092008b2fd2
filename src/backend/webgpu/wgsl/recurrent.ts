import type { Unary } from '../../activations.js'
import { f32Literal } from '../kernel.js'
import type { Tuning } from '../tuning.js'
import { activationExpression } from './activation.js'

const MOST_ROWS = 4

/**
 * Rows of the batch that one workgroup takes through time, so that they share what they read of the recurrent weights: as
 * many as leave the adapter busy with `units` of all rows and directions, and as fit into workgroup memory.
 */
export const rowsOfGroup = (units: number, rowBytes: number, { threads, workgroupBytes }: Tuning): number =>
  Math.max(1, Math.min(MOST_ROWS, Math.floor(units / threads), Math.floor(workgroupBytes / rowBytes)))

/** How a cell makes its new state of the gates. `gruReset`: the reset gate acts on the state, before its product. */
export type CellForm = 'rnn' | 'gru' | 'gruReset' | 'lstm'

export interface CellSpec {
  readonly form: CellForm
  /** In ONNX's order: f, g, h. */
  readonly activations: readonly Unary[]
  /** Bound of what the activations of gates take, the first `ofGates`. */
  readonly clip: number | undefined
  readonly ofGates: number
  /** Whether the input gate says what is forgotten, too. */
  readonly coupled: boolean
}

const steps: Readonly<Record<CellForm, (coupled: boolean) => string>> = {
  rnn: () => 'return vec2<f32>(act0(x + s), 0.0);',
  gru: () => `let z = act0(x.x + s.x); let r = act0(x.y + s.y); let n = act1(x.z + r * s.z);
  return vec2<f32>((1.0 - z) * n + z * h, 0.0);`,
  gruReset: () => 'let n = act1(x.z + s.z); return vec2<f32>((1.0 - c) * n + c * h, 0.0);',
  lstm: (coupled) => `let i = act0(x.x + s.x + p.x * c);
  let kept = ${coupled ? '1.0 - i' : 'act0(x.z + s.z + p.z * c)'};
  let next = kept * c + i * act1(x.w + s.w);
  return vec2<f32>(act0(x.y + s.y + p.y * next) * act2(next), next);`,
}

/** Numbers of a unit that lie together: all gates, one a component, in ONNX's order. */
export const gateLanes = (form: CellForm): 1 | 4 => (form === 'rnn' ? 1 : 4)

/**
 * Declares V, the gates of a unit, and `fn cell(x: V, s: V, h: f32, c: f32, p: vec3<f32>) -> vec2<f32>`: h and c after a step, of the
 * input's and the state's parts of the gates and the peepholes of i, o and f. For `gruReset`, c is the update gate and
 * `fn reset_gates(x: V, s: V, h: f32) -> vec2<f32>` gives it, and the state that the reset gate leaves.
 */
export function cellText({ form, activations, clip, ofGates, coupled }: CellSpec): string {
  const functions = activations.map((unary, i) => {
    const bound =
      clip !== undefined && i < ofGates ? `clamp(given, ${f32Literal(-clip)}, ${f32Literal(clip)})` : 'given'
    return `fn act${i}(given: T) -> T { let x = ${bound}; return ${activationExpression(unary)}; }`
  })
  const gates =
    form === 'gruReset'
      ? '\nfn reset_gates(x: V, s: V, h: f32) -> vec2<f32> { return vec2<f32>(act0(x.x + s.x), act0(x.y + s.y) * h); }'
      : ''
  return `alias T = f32; alias V = ${gateLanes(form) === 1 ? 'f32' : 'vec4<f32>'};
${functions.join('\n')}
fn cell(x: V, s: V, h: f32, c: f32, p: vec3<f32>) -> vec2<f32> { ${steps[form](coupled)} }${gates}`
}
