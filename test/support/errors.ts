import * as assert from 'uvu/assert'
import { LanewiseError } from '../../src/core/errors.js'

/** Asserts that `work` throws or rejects with a LanewiseError of such a message. */
export async function fails(work: () => unknown, message: RegExp): Promise<void> {
  try {
    await work()
  } catch (error) {
    assert.instance(error, LanewiseError)
    return assert.match((error as LanewiseError).message, message)
  }
  assert.unreachable(`no error like ${message}`)
}

/** The message of the error that `work` throws or rejects with. */
export async function refusal(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    return (error as Error).message
  }
  return assert.unreachable('nothing was refused') as never
}
