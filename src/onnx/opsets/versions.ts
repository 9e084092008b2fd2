import { LanewiseError } from '../../core/errors.js'
import type { OperatorSetIdProto } from '../messages.js'
import { wideToNumber } from '../proto.js'

/** The version of each domain that a model imports; ai.onnx is ''. */
export type Opsets = ReadonlyMap<string, number>

/** `domain` under the name that opsets and ops go by: '' for ai.onnx. */
export const domainOf = (domain: string | null | undefined): string => (domain === 'ai.onnx' ? '' : (domain ?? ''))

/** The opsets that `imports` name. Throws INVALID_MODEL for versions that are no numbers. */
export function opsetsOf(imports: readonly OperatorSetIdProto[]): Opsets {
  const opsets = new Map<string, number>()
  for (const { domain, version } of imports) {
    const number = wideToNumber(version)
    if (number < 0) throw new LanewiseError('INVALID_MODEL', `opset version ${number} of the domain '${domain}'`)
    opsets.set(domainOf(domain), number)
  }
  return opsets
}
