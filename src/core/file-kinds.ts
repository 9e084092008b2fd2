import { LanewiseError } from './errors.js'

/** What some content looks like, and what to do with it. */
interface FileKind {
  readonly what: string
  readonly cure: string
}

interface Signature extends FileKind {
  /** Matches the first bytes, one character a byte: control characters but tabs and line ends are Unicode's pictures of them. */
  readonly head: RegExp
  /** Matches the names in a zip archive. */
  readonly member?: RegExp
}

const zip = /^PK␃␄/

/** The first that matches counts. */
const signatures: readonly Signature[] = [
  { head: /^$/, what: 'an empty file', cure: 'write or download it again' },
  {
    head: /^version https:\/\/git-lfs/,
    what: 'a pointer of Git LFS, not the file itself',
    cure: 'run `git lfs pull`, or download the file itself',
  },
  {
    head: /^\s*<(!doctype html|html|head|body|script)/i,
    what: 'an HTML page',
    cure: 'its download gave a page (an error, a log-in, a viewer) instead of the file; take the address of the raw file',
  },
  {
    head: /^\s*<(\?xml|Error)/,
    what: 'an XML document',
    cure: "open it in an editor: it may be a server's refusal instead of the file",
  },
  {
    head: zip,
    member: /model\.weights\.h5/,
    what: 'a Keras 3 model (.keras)',
    cure: 'loadKeras reads it, and commands do under a name that ends in .keras',
  },
  {
    head: zip,
    member: /(data|constants)\.pkl/,
    what: 'a PyTorch file (.pt, .pth)',
    cure: "write ONNX where it was made: torch.onnx.export(model, example, 'model.onnx')",
  },
  { head: zip, member: /\.npy/, what: 'NumPy arrays (.npz)', cure: 'these are data, which datasets.npz reads' },
  { head: zip, what: 'a zip archive', cure: 'unpack it first' },
  {
    head: /^\x89HDF\r\n/,
    what: 'an HDF5 file (.h5)',
    cure: "loadKeras reads a whole model, a model's loadWeights its weights, and commands do under a name that ends in .h5 or .weights.h5",
  },
  {
    head: /^.{4}TFL3/s,
    what: 'a TensorFlow Lite model (.tflite)',
    cure: 'make ONNX of it: python -m tf2onnx.convert --tflite model.tflite --output model.onnx',
  },
  {
    head: /^␈␁␒[\x80-\xff]{1,4}[^\x80-\xff]\n/,
    what: 'the saved_model.pb of a TensorFlow SavedModel',
    cure: 'make ONNX of its folder: python -m tf2onnx.convert --saved-model FOLDER --output model.onnx',
  },
  {
    head: /^\n.{1,4}\n.[\x20-\x7e]+␒.[A-Z]\w+/s,
    what: 'a frozen TensorFlow graph (.pb)',
    cure: 'make ONNX of it: python -m tf2onnx.convert --graphdef FILE --inputs … --outputs … --output model.onnx',
  },
  {
    head: /^.{4}ORTM/s,
    what: "a model in onnxruntime's own format (.ort)",
    cure: 'loadOnnx and InferenceSession.create read it',
  },
  {
    head: /^GGUF/,
    what: 'weights for llama.cpp (.gguf)',
    cure: 'write ONNX of the model that they come from',
  },
  {
    head: /^.{6}␀␀\{/s,
    what: 'a safetensors file (weights without a model)',
    cure: 'build the model and call its loadWeights, or `lanewise convert` with --model model.json',
  },
  {
    head: /^\x80[␂-␅]/,
    what: "a Python pickle, as PyTorch's older files (.pt, .pth) are",
    cure: "write ONNX where it was made: torch.onnx.export(model, example, 'model.onnx')",
  },
  { head: /^\x93NUMPY/, what: 'a NumPy array (.npy)', cure: 'this is data: commands take it as --input' },
  {
    head: /^\x89PNG|^\xff\xd8\xff/,
    what: 'a picture',
    cure: 'this is data: `lanewise predict MODEL --image` takes it',
  },
  {
    head: /^\s*\{/,
    what: 'JSON',
    cure: 'modelFromJSON takes the config of a Keras model, loadKeras the model.json of a TensorFlow.js layers model',
  },
  {
    head: /^␟\x8b|^\x28\xb5\x2f\xfd|^BZh|^.{257}ustar/s,
    what: 'a compressed file or an archive',
    cure: 'unpack it first',
  },
  {
    head: /^␈[␂-␟\t\n\r][␒␚"(2:B]/,
    what: 'an ONNX model',
    cure: 'loadOnnx and InferenceSession.create read it, and commands do under a name that ends in .onnx',
  },
  {
    head: /^[\s\x20-\x7e\x80-\xff]{9,}$/,
    what: 'text',
    cure: 'look into it: it may say why the file did not come, or name the model instead',
  },
]

const textOf = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes)
    text += String.fromCharCode(byte >= 32 || '\t\n\r'.includes(String.fromCharCode(byte)) ? byte : 0x2400 + byte)
  return text
}

/** The kind of file that `bytes` look like, if it is a known one. */
function kindOfContent(bytes: Uint8Array): FileKind | undefined {
  const head = textOf(bytes.subarray(0, 512))
  let names: string | undefined
  // A zip archive names its members near its end, and each where it begins.
  const membersOf = () => (names ??= head + textOf(bytes.subarray(-65536)))
  return signatures.find((one) => one.head.test(head) && (!one.member || one.member.test(membersOf())))
}

/** Whether `bytes` are a model in onnxruntime's own format, which no ONNX file begins as. */
export const isOrtModel = (bytes: Uint8Array): boolean => String.fromCharCode(...bytes.subarray(4, 8)) === 'ORTM'

/** Why `bytes` are not `wanted`, which is one of the kinds or none of them; undefined where they look like no other kind. */
export function mismatch(wanted: string, bytes: Uint8Array): string | undefined {
  const kind = kindOfContent(bytes)
  return kind && kind.what !== wanted ? `not ${wanted}: it looks like ${kind.what}; ${kind.cure}` : undefined
}

/** What a folder with files of these names holds; the first row that matches counts. */
const folders: readonly (readonly [file: RegExp, what: string, cure: (name: string, path: string) => string])[] = [
  [
    /^saved_model\.pb(txt)?$/,
    'a TensorFlow SavedModel',
    (_, path) => `make ONNX of it: python -m tf2onnx.convert --saved-model ${path} --output model.onnx`,
  ],
  [/^model\.weights\.h5$/, 'the unpacked files of a .keras file', () => 'pack them again: zip -r ../model.keras .'],
  [/^model\.json$/, 'a TensorFlow.js model', () => 'loadKeras reads it'],
  [/\.onnx$/, 'ONNX models', (name) => `name the file in it: ${name}`],
  [/\.(keras|h5)$/, 'Keras models', (name) => `name the file in it: ${name}`],
  [/\.safetensors$/, 'weights without a model', () => 'export the model to ONNX'],
]

/** The error for a folder where a file is wanted. */
export function folderError(path: string, names: readonly string[]): LanewiseError {
  for (const [file, what, cure] of folders) {
    const name = names.find((candidate) => file.test(candidate))
    if (name !== undefined)
      return new LanewiseError('INVALID_ARGUMENT', `${path} is a folder, with ${what}; ${cure(name, path)}`)
  }
  return new LanewiseError('INVALID_ARGUMENT', `${path} is a folder${names.length ? '' : ', and empty'}; name a file`)
}
