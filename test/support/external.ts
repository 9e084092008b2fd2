import { onnx } from 'onnx-proto'

/** The model with its weights in a file of their own, `name`, and that file. */
export function withExternalData(model: Uint8Array, name: string): { model: Uint8Array; weights: Uint8Array } {
  const proto = onnx.ModelProto.decode(model)
  const parts: Uint8Array[] = []
  let offset = 0
  for (const tensor of proto.graph?.initializer ?? []) {
    const { rawData } = tensor
    if (!rawData?.length) continue
    tensor.rawData = new Uint8Array()
    tensor.dataLocation = 1
    const entries = { location: name, offset: String(offset), length: String(rawData.length) }
    tensor.externalData = Object.entries(entries).map(([key, value]) => ({ key, value }))
    parts.push(rawData)
    offset += rawData.length
  }
  return { model: onnx.ModelProto.encode(proto).finish(), weights: Buffer.concat(parts) }
}
