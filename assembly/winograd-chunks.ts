import { gemm_f32, GemmParams } from './gemm'
import { winograd_input_f32, winograd_output_f32, WinogradInputParams, WinogradOutputParams } from './winograd'
import { Winograd4InputParams, Winograd4OutputParams, winograd_input_4x4_f32, winograd_output_4x4_f32 } from './winograd-4x4'

/**
 * A convolution by Winograd's algorithm, one chunk of patches a tile: a thread transforms it, multiplies it and transforms
 * the products back in scratch memory of its own, so that they stay in its cache. The list holds the parameter blocks of the
 * three kernels for a whole chunk, each call being one tile (a matrix, for the products); their v, a, m and c are places in
 * the scratch memory, of which thread t's lies t x scratchBytes after `scratch`. The blocks' copies lie at its start.
 */
// @ts-ignore: decorator
@unmanaged
export class WinogradChunksParams { scratch: usize; scratchBytes: i32; patches: i32; chunk: i32; matrices: i32; blockBytes: i32 }

export function winograd_chunks_f32(p: WinogradChunksParams, tile: i32, thread: i32): void {
  const shift = <usize>thread * p.scratchBytes
  const block = p.scratch + shift
  memory.copy(block, changetype<usize>(p) + offsetof<WinogradChunksParams>(), p.blockBytes)
  const first = tile * p.chunk
  const count = min(p.chunk, p.patches - first)
  // The fields of both sizes of patches are the same.
  const input = changetype<WinogradInputParams>(block)
  const product = changetype<GemmParams>(block + offsetof<WinogradInputParams>())
  const listBytes = <usize>p.matrices << 4
  const output = changetype<WinogradOutputParams>(changetype<usize>(product) + offsetof<GemmParams>() + listBytes)
  input.v += shift
  input.first = first
  input.count = count
  product.a += shift
  product.c += shift
  product.rows = count
  product.width = count
  output.m += shift
  output.first = first
  output.count = count
  if (p.matrices == 36) winograd_input_4x4_f32(changetype<Winograd4InputParams>(input), 0, thread)
  else winograd_input_f32(input, 0, thread)
  for (let matrix = 0; matrix < p.matrices; matrix++) gemm_f32(product, matrix, thread)
  if (p.matrices == 36) winograd_output_4x4_f32(changetype<Winograd4OutputParams>(output), 0, thread)
  else winograd_output_f32(output, 0, thread)
}
