// Files of other kinds than the one that is read: errors say what they look like, and the cure.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { strToU8, zipSync } from 'fflate'
import { test } from 'uvu'
import { InferenceSession, layers, loadKeras, loadOnnx, sequential } from '../src/index.js'
import { fails } from './support/errors.js'

const net = sequential([layers.dense({ units: 2, inputShape: [3] })])
const onnx = net.toOnnx()
const bytesOf = (...codes: readonly number[]) => Uint8Array.from([...codes, ...new Uint8Array(300)])
const zipOf = (...names: readonly string[]) => zipSync(Object.fromEntries(names.map((name) => [name, strToU8(name)])))
const headed = (length: number, mark: string) => bytesOf(...new Uint8Array(length).fill(28), ...strToU8(mark))

/** A SavedModel: its schema's version, then a long message that begins with another. */
const savedModel = bytesOf(8, 1, 18, 0xa0, 2, 10, 90, 18, 5)
/** A GraphDef: a node of a name and an op. */
const graphDef = bytesOf(10, 20, 10, 1, ...strToU8('x'), 18, 11, ...strToU8('Placeholder'))
const safetensors = bytesOf(60, 0, 0, 0, 0, 0, 0, 0, ...strToU8('{"kernel":{}}'))

const kinds: readonly (readonly [content: Uint8Array, message: RegExp])[] = [
  [new Uint8Array(0), /an empty file/],
  [strToU8('version https://git-lfs.github.com/spec/v1\noid sha256:4d\n'), /a pointer of Git LFS.*git lfs pull/],
  [strToU8('\n<!DOCTYPE html><title>404</title>'), /an HTML page.*the raw file/],
  [strToU8('<?xml version="1.0"?><Error>AccessDenied</Error>'), /an XML document/],
  [zipOf('model/data.pkl', 'model/data/0'), /a PyTorch file.*torch\.onnx\.export/],
  [zipOf('x.npy'), /NumPy arrays.*datasets\.npz/],
  [zipOf('readme.txt'), /a zip archive; unpack it/],
  [headed(4, 'TFL3'), /a TensorFlow Lite model.*--tflite/],
  [savedModel, /SavedModel.*--saved-model/],
  [graphDef, /a frozen TensorFlow graph.*--graphdef/],
  [strToU8('GGUF\u0003'), /\.gguf/],
  [bytesOf(0x80, 2), /a Python pickle.*torch\.onnx\.export/],
  [bytesOf(0x93, ...strToU8('NUMPY')), /a NumPy array/],
  [bytesOf(0x89, ...strToU8('PNG\r\n')), /a picture/],
  [strToU8('404: Not Found'), /text; look into it/],
  [bytesOf(0x1f, 0x8b, 8), /an archive; unpack/],
]

for (const [content, message] of kinds)
  test(`what is no model: ${message.source}`, async () => {
    await fails(
      () => InferenceSession.create(content),
      new RegExp(`not an ONNX model: it looks like .*${message.source}`),
    )
    await fails(() => loadOnnx(content), message)
    await fails(() => loadKeras(content), new RegExp(`not a Keras file: it looks like .*${message.source}`))
    await fails(() => net.loadWeights(content), message)
  })

test('files of the one kind are not taken for the other, and their cure is the other reader', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanewise-kinds-'))
  const path = (name: string) => join(folder, name)
  try {
    for (const name of ['net.keras', 'net.h5', 'net.safetensors']) await net.save(path(name))
    await fails(
      () => loadOnnx(path('net.keras')),
      /net\.keras: not an ONNX model: it looks like a Keras 3 model.*loadKeras/,
    )
    await fails(() => InferenceSession.create(path('net.h5')), /net\.h5: .*an HDF5 file.*loadKeras/)
    await fails(() => loadOnnx(path('net.safetensors')), /weights without a model.*loadWeights/)
    await fails(() => loadKeras(path('net.safetensors')), /net\.safetensors: .*weights without a model/)
    await fails(() => loadKeras(safetensors), /weights without a model/)
    await fails(() => loadOnnx(strToU8(JSON.stringify(net.toJSON()))), /it looks like JSON; modelFromJSON/)
    await fails(() => loadKeras(strToU8(JSON.stringify(net.toJSON()))), /modelTopology/)
    await fails(() => loadKeras(onnx), /not a Keras file: it looks like an ONNX model; loadOnnx/)
    await writeFile(path('onnx.safetensors'), onnx)
    await fails(() => net.loadWeights(path('onnx.safetensors')), /looks like an ONNX model; loadOnnx/)
    await fails(() => net.loadWeights(onnx), /not weights of a Keras model: it looks like an ONNX model/)
    await fails(() => loadOnnx(onnx.subarray(0, 100)), /^not an ONNX model, or a truncated one/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a folder in place of a file is named, with what it holds', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lanewise-folders-'))
  const folders: readonly (readonly [name: string, files: readonly string[], message: RegExp])[] = [
    [
      'saved',
      ['saved_model.pb', 'keras_metadata.pb'],
      /saved is a folder, with a TensorFlow SavedModel.*--saved-model/,
    ],
    ['unpacked', ['config.json', 'model.weights.h5'], /the unpacked files of a \.keras file; pack them/],
    ['nets', ['a.onnx'], /ONNX models; name the file in it: a\.onnx/],
    ['empty', [], /empty is a folder, and empty; name a file/],
    ['other', ['notes.txt'], /other is a folder; name a file/],
  ]
  try {
    for (const [name, files, message] of folders) {
      await mkdir(join(folder, name))
      for (const file of files) await writeFile(join(folder, name, file), 'x')
      for (const read of [InferenceSession.create, loadOnnx, loadKeras])
        await fails(() => read(join(folder, name)), message)
    }
    await mkdir(join(folder, 'tfjs'))
    await net.save(`${join(folder, 'tfjs')}/`)
    await fails(() => loadOnnx(join(folder, 'tfjs')), /a TensorFlow\.js model; loadKeras reads it/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.run()
