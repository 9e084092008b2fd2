/** What to do about ops that lanewise does not have, by how their names, domain first, begin. */
const cures: readonly (readonly [op: RegExp, cure: string])[] = [
  [
    /^com\.(microsoft\.nchwc|ms\.internal)\./,
    'onnxruntime saved the model for its own processor alone (optimization level all): save it with level extended, or take the file that it was made of',
  ],
  [
    /^com\.microsoft\.(EPContext|QnnContext)/,
    'the model was compiled for one accelerator: take the file that it was made of',
  ],
  [
    /^(ai\.onnx\.contrib|com\.microsoft\.extensions)\.|^com\.microsoft\.Tokenizer$/,
    'these come before or after the network, in onnxruntime-extensions: export the model without them, and do their work in JavaScript',
  ],
  [
    /^com\.microsoft\.(Whisper)?(BeamSearch|GreedySearch|Sampling)$/,
    'they search for words around a decoder: export the decoder alone, and run it in a loop',
  ],
  [
    /^(org\.pytorch\.)?aten\.|^ATen$|^prim\./,
    'PyTorch left its own ops in the file: export it with operator_export_type=torch.onnx.OperatorExportTypes.ONNX, or with dynamo=True',
  ],
  [
    /^(trt|mmdeploy|mmcv|TRT)\b|(^|\.)(EfficientNMS|BatchedNMS|TRT\w*|\w+_TRT)$/,
    'they are for TensorRT: export the model for ONNX Runtime',
  ],
  [/^(ai\.onnx\.ml|com\.microsoft)\.|^[A-Z]\w*$/, ''],
  [
    /./,
    'ops of a domain of their own run where a program brings them: write them as functions of the model, or in ONNX’s ops',
  ],
]

/** What to do about the ops `names`; empty where nothing is known. */
export const cureOf = (names: readonly string[]): string =>
  [...new Set(names.flatMap((name) => cures.find(([op]) => op.test(name))?.[1] || []))]
    .map((cure) => `; ${cure}`)
    .join('')
