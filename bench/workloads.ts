import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import model1 from '../models/model1.js'
import model2 from '../models/model2.js'
import model3 from '../models/model3.js'
import model4 from '../models/model4.js'
import model5 from '../models/model5.js'
import type { Recipe } from '../src/cli/recipe.js'
import { Tensor } from '../src/core/tensor.js'
import { setRandomSeed } from '../src/index.js'
import { loadGraph } from '../src/onnx/source.js'
import { decodeValue } from '../src/onnx/values.js'
import { modelOf, type OneNode, operators, products, randomTensor } from './ops.js'
import { layersOf } from './training.js'

/** How many times faster than `peer` lanewise shall be, by Node's major version. */
export interface Target {
  readonly peer: string
  readonly ratio: Readonly<Record<string, number>>
  /** The thread count that the target is for; every one unless said. */
  readonly threads?: number
}

interface Common {
  readonly group: 'bench' | 'models' | 'gemm' | 'ops' | 'training' | 'start'
  readonly name: string
  readonly targets?: readonly Target[]
}

/** One run of an ONNX model. */
export interface Inference extends Common {
  readonly kind: 'inference'
  /** A path, or the model's bytes. */
  readonly model: string | Uint8Array
  readonly inputs: Readonly<Record<string, Tensor>>
}

/** One training step of a network of the course. */
export interface Training extends Common {
  readonly kind: 'training'
  readonly recipe: Recipe
  readonly batch: number
  /** Of one sample. */
  readonly shape: readonly number[]
  /** Initial weights, in the order of `getWeights`. */
  readonly weights: readonly Tensor[]
  /** Steps draw random numbers, so that libraries cannot agree on losses. */
  readonly random: boolean
}

/** A fresh process that loads a model and runs it once. */
export interface Start extends Common {
  readonly kind: 'start'
  readonly model: string
  readonly input: string
  readonly dims: readonly number[]
}

export type Workload = Inference | Training | Start

/** Workloads are made when they are chosen: some read large files. */
export interface WorkloadSource extends Common {
  make(): Promise<Workload>
}

const against = (node20: number, node26: number): readonly Target[] => [
  { peer: 'onnxruntime-web', ratio: { 20: node20, 26: node26 } },
]

/** The peer that is lanewise with one thread, beside more of them. */
export const oneThread = 'lanewise 1 thread'
const scaling: Target = { peer: oneThread, ratio: { 20: 1.7, 26: 1.7 }, threads: 2 }

/** Targets of the models in the data's folder bench/, by model and batch. */
const targets: Readonly<Record<string, readonly Target[]>> = {
  'model5 batch 128': against(1.8, 2),
  'model5 batch 1': against(1.7, 2),
  'mobilenet_v2 batch 1': against(1.5, 2),
  'squeezenet1_1 batch 1': against(1.5, 2),
  'resnet18 batch 1': [...against(2, 2.5), scaling],
}

/** The networks of the data's folder bench/, with uniform inputs in [-1, 1). */
function networks(data: string): WorkloadSource[] {
  const folder = join(data, 'bench')
  if (!existsSync(folder)) return []
  const files = readdirSync(folder).filter((name) => name.endsWith('.onnx'))
  const rows = files.flatMap((file) => (file === 'model5.onnx' ? [1, 128] : [1]).map((batch) => ({ file, batch })))
  return rows.map(({ file, batch }) => {
    const common = { group: 'bench', name: `${file.slice(0, -5)} batch ${batch}` } as const
    const make = async (): Promise<Inference> => {
      const model = join(folder, file)
      const [input] = (await loadGraph(model)).inputs
      const dims = input.shape.map((dim) => (typeof dim === 'number' ? dim : batch))
      return { ...common, kind: 'inference', model, inputs: { [input.name]: randomTensor(dims) } }
    }
    return { ...common, targets: targets[common.name] ?? [], make }
  })
}

/** Models that people use, with the inputs that came with them. */
function realModels(data: string): WorkloadSource[] {
  const folder = join(data, 'models')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'model.onnx')) && existsSync(join(folder, name, 'test_data_set_0')))
    .sort()
    .map((name) => {
      const common = { group: 'models', name } as const
      const make = async (): Promise<Inference> => {
        const model = join(folder, name, 'model.onnx')
        const graph = await loadGraph(model)
        const inputs = graph.inputs.map((input, index) => {
          const value = decodeValue(readFileSync(join(folder, name, `test_data_set_0/input_${index}.pb`)), input)
          if (!(value instanceof Tensor)) throw new Error(`the input '${input.name}' is no tensor`)
          return [input.name, value] as const
        })
        return { ...common, kind: 'inference', model, inputs: Object.fromEntries(inputs) }
      }
      return { ...common, targets: against(1, 1), make }
    })
}

/** Load plus first result of model5. */
function starts(data: string): WorkloadSource[] {
  const model = join(data, 'bench/model5.onnx')
  if (!existsSync(model)) return []
  const common = { group: 'start', name: 'model5' } as const
  const make = async (): Promise<Start> => {
    const [input] = (await loadGraph(model)).inputs
    const dims = input.shape.map((dim) => (typeof dim === 'number' ? dim : 1))
    return { ...common, kind: 'start', model, input: input.name, dims }
  }
  return [{ ...common, targets: against(8, 8), make }]
}

/** Models of one node. */
const oneNode =
  (group: 'gemm' | 'ops', targets: readonly Target[] = []) =>
  (node: OneNode): WorkloadSource => {
    const common = { group, name: node.name } as const
    const make = async (): Promise<Inference> => ({ ...common, kind: 'inference', ...modelOf(node) })
    return { ...common, targets, make }
  }

const gemmTargets = ['512x512x512', '1024x1024x1024']

const keras = 'Keras (constant)'
const trainingTargets: Readonly<Record<string, readonly Target[]>> = {
  model3: [{ peer: keras, ratio: { 20: 6, 26: 8 } }],
  model5: [{ peer: keras, ratio: { 20: 1.2, 26: 1.6 }, threads: 2 }, scaling],
}

/** Training steps of the course's networks, in the batches that the course trains them in. */
const courseSteps: readonly WorkloadSource[] = [model1, model2, model3, model4, model5].map((recipe) => {
  const common = { group: 'training', name: recipe.name } as const
  const make = async (): Promise<Training> => {
    setRandomSeed(1)
    const net = recipe.model()
    const [{ shape }] = net.inputs
    const weights = await net.getWeights()
    const random = layersOf(net).some(({ class_name }) => class_name === 'Dropout')
    return {
      ...common,
      kind: 'training',
      recipe,
      batch: recipe.batchSize,
      shape: shape.slice(1) as number[],
      weights,
      random,
    }
  }
  return { ...common, targets: trainingTargets[recipe.name] ?? [], make }
})

/** Every workload, with the reference data in `data`. */
export const allWorkloads = (data: string): WorkloadSource[] => [
  ...networks(data),
  ...products.map((node) => oneNode('gemm', gemmTargets.includes(node.name) ? against(1.3, 1.5) : [])(node)),
  ...operators.map(oneNode('ops')),
  ...courseSteps,
  ...starts(data),
  ...realModels(data),
]
