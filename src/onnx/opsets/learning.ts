import { LanewiseError } from '../../core/errors.js'
import { inputOf } from './adapter.js'
import type { Adapter, AdapterTable } from './draft.js'

/** Before ai.onnx.ml 2, LabelEncoder maps between words and their places in one list. */
const placesInList: Adapter = (draft) => {
  const { classes_strings: classes, default_int64 = -1, default_string = '_Unused' } = draft.attributes
  if (!Array.isArray(classes)) throw new LanewiseError('INVALID_MODEL', "needs the attribute 'classes_strings'")
  const places = classes.map((_, index) => index)
  return {
    ...draft,
    attributes:
      inputOf(draft, 0).dtype === 'string'
        ? { keys_strings: classes as readonly string[], values_int64s: places, default_int64 }
        : { keys_int64s: places, values_strings: classes as readonly string[], default_string },
  }
}

/** ai.onnx.ml; versions are that domain's. */
export const learningAdapters: AdapterTable = {
  'ai.onnx.ml.LabelEncoder': [{ before: 2, adapt: placesInList }],
}
