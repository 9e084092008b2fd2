import { LanewiseError } from '../../core/errors.js'
import type { GraphBuilder } from '../../graph/builder.js'
import { type AdapterTable, type Draft, isReplacement, type Replacement } from './draft.js'
import { oldForms } from './gen/old-forms.js'

/** The opsets that importModel reads; the op set has the semantics of the newest. */
export const oldestOpset = 1
export const newestOpset = 28

/** What lifts older forms, once `loadAdapters` has been asked for it. */
let adapters: AdapterTable = {}

/** Loads what lifts older forms of ops to the newest. */
export async function loadAdapters(): Promise<void> {
  adapters = (await import('./adapters.js')).adapters
}

/** Whether `op`, written for version `opset` of its domain, has a newer form: then the adapters must be loaded. */
export const isOldForm = (op: string, opset: number): boolean =>
  oldForms.some(({ before, ops }) => opset < before && ops.includes(` ${op} `))

/** Of ops of other domains, once `loadContribWriters` has been asked for them. */
let writers: AdapterTable = {}
/** What to do about ops that nothing writes; nothing until then. */
export let cureOf = (_names: readonly string[]): string => ''

/** Loads what writes ops of other domains in ONNX's own. */
export async function loadContribWriters(): Promise<void> {
  ;({ contribWriters: writers, cureOf } = await import('../contrib/index.js'))
}

/** Ops that exist in older opsets only, and what they become. */
const formerOps: Readonly<Record<string, string>> = {
  Upsample: 'Resize',
  Scatter: 'ScatterElements',
  ImageScaler: 'Add',
}

/** The op that a node called `op` becomes. */
export const newestOpOf = (op: string): string => (Object.hasOwn(formerOps, op) ? formerOps[op] : op)

/** Whether an op of another domain is written in ONNX's own ops at import; the writers must be loaded. */
export const isRewritten = (op: string): boolean => Object.hasOwn(writers, op)

/** Lifts a node written for version `opset` of its domain to the newest form. */
export function adaptNode(draft: Draft, opset: number, builder: GraphBuilder): Draft | Replacement {
  let adapted: Draft | Replacement = draft
  const table = Object.hasOwn(writers, draft.op) ? writers : adapters
  if (table === adapters && !isOldForm(draft.op, opset)) return draft
  for (const { before, adapt } of table[draft.op])
    if (opset < before && !isReplacement(adapted)) adapted = adapt(adapted, builder)
  return adapted
}

/** Throws INVALID_MODEL unless importModel reads this opset. */
export function checkOpset(opset: number): void {
  if (opset < oldestOpset || opset > newestOpset)
    throw new LanewiseError(
      'INVALID_MODEL',
      `the model is written for ai.onnx opset ${opset}; lanewise reads ${oldestOpset} to ${newestOpset}. Convert it with onnx.version_converter, or export it again`,
    )
}
