import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cli, refused, runCli, withFolder } from './support/cli.js'

/** Runs `use` on a file system of 64 kB with `options`; says where that cannot be had. */
function withDisk(folder: string, what: string, options: string, use: (disk: string) => void): void {
  const disk = join(folder, 'disk')
  try {
    execFileSync('sh', ['-c', 'mkdir "$0" && mount -t tmpfs -o "$1" tmpfs "$0"', disk, options], { stdio: 'ignore' })
  } catch {
    console.log(`SKIP ${what}: this user may not mount a small file system`)
    return
  }
  try {
    use(disk)
  } finally {
    execFileSync('umount', [disk])
  }
}

test('--resume ends with the bits of a training without a break', () =>
  withFolder((folder) => {
    const common = [
      'train',
      'model2',
      '--synthetic',
      '--limit',
      '300',
      '--optimizer',
      'adam',
      '--validation-split',
      '0.1',
    ]
    const run = (...args: string[]) => {
      const { status, stderr } = runCli(cli, [...common, ...args], folder)
      assert.is(status, 0, stderr)
    }
    run('--epochs', '3', '--seed', '9', '--out', 'whole.onnx')
    run('--epochs', '1', '--seed', '9', '--checkpoint', 'c')
    run('--epochs', '2', '--checkpoint', 'c', '--resume', '--threads', '1')
    run('--epochs', '3', '--checkpoint', 'c', '--resume', '--out', 'resumed.onnx')
    assert.equal(readFileSync(join(folder, 'resumed.onnx')), readFileSync(join(folder, 'whole.onnx')))
    run('--epochs', '3', '--seed', '8', '--out', 'other.onnx')
    assert.not.equal(readFileSync(join(folder, 'other.onnx')), readFileSync(join(folder, 'whole.onnx')))
  }))

test('checkpoints: none to go on from, one in the way, of another training, damaged', () =>
  withFolder((folder) => {
    const common = ['train', 'model1', '--synthetic', '--limit', '50', '--epochs', '1']
    refused(folder, 2, /--resume needs --checkpoint/, ...common, '--resume')
    refused(folder, 2, /no checkpoint in here/, ...common, '--checkpoint', 'here', '--resume')
    assert.is(runCli(cli, [...common, '--checkpoint', 'here'], folder).status, 0)
    refused(folder, 2, /holds a checkpoint after 1 epoch:/, ...common, '--checkpoint', 'here')
    refused(folder, 2, /batch size was 5, is 7/, ...common, '--batch-size', '7', '--checkpoint', 'here', '--resume')
    const path = join(folder, 'here/checkpoint.safetensors')
    const bytes = readFileSync(path)
    bytes[bytes.length - 5] ^= 1
    writeFileSync(path, bytes)
    refused(folder, 2, /checksum/, ...common, '--checkpoint', 'here', '--resume')
    truncateSync(path, bytes.length - 100)
    refused(folder, 2, /truncated/, ...common, '--checkpoint', 'here', '--resume')
    truncateSync(path, 5)
    refused(folder, 2, /truncated/, ...common, '--checkpoint', 'here', '--resume')
  }))

test('a loss that is not a number ends the training with status 1, and nothing is saved', () =>
  withFolder((folder) => {
    const options = ['--synthetic', '--limit', '256', '--learning-rate', '1e30', '--optimizer', 'sgd']
    const files = ['--out', 'm.onnx', '--checkpoint', 'c']
    refused(folder, 1, /the loss is NaN in epoch 1; nothing was saved/, 'train', 'model5', ...options, ...files)
  }))

test('a place that cannot be written is refused before training; a full disk costs no trained model', () =>
  withFolder((folder) => {
    const train = ['train', 'model5', '--synthetic', '--limit', '128', '--epochs', '1', '--out']
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'taken.onnx'))
    refused(folder, 1, /file\/m.onnx: .*file is a file, not a folder/, ...train, 'file/m.onnx')
    refused(folder, 1, /taken.onnx: this is a folder; name a file in it/, ...train, 'taken.onnx')
    withDisk(folder, 'train to a read-only folder', 'ro', () => {
      refused(folder, 1, /the folder .*disk cannot be written/, ...train, 'disk/in/m.onnx')
      const { status, stderr } = runCli(cli, [...train, 'm.onnx'], folder)
      assert.is(status, 0, stderr)
      refused(folder, 1, /the folder .*disk cannot be written/, 'convert', 'm.onnx', 'disk/m.onnx')
    })
    rmSync(join(folder, 'disk'), { recursive: true, force: true })
    withDisk(folder, 'train to a full disk', 'size=64k', (disk) => {
      const rescue = join(folder, 'rescue')
      mkdirSync(rescue)
      const { status, stderr } = runCli(cli, [...train, 'disk/m.onnx'], folder)
      assert.is(status, 1)
      assert.match(stderr, /disk is full/)
      const [, saved] = /saved as (\S+) instead/.exec(stderr)!
      assert.ok(statSync(saved).size > 400_000)
      execFileSync('rm', [saved])
      assert.equal(readdirSync(disk), [])
    })
  }))

test('a folder for checkpoints that cannot be written is refused before training', () =>
  withFolder((folder) => {
    const train = ['train', 'model1', '--synthetic', '--limit', '50', '--epochs', '1', '--checkpoint']
    writeFileSync(join(folder, 'file'), '')
    refused(folder, 1, /file is a file, not a folder/, ...train, 'file/c')
    withDisk(folder, 'checkpoints in a read-only folder', 'ro', () => {
      refused(folder, 1, /disk cannot be written/, ...train, 'disk/c')
    })
  }))

test('a disk that is full at a later checkpoint keeps the one before it', () =>
  withFolder((folder) =>
    withDisk(folder, 'checkpoints on a full disk', 'size=1m', (disk) => {
      const train = ['train', 'model1', '--synthetic', '--limit', '50', '--seed', '2', '--checkpoint', 'disk/c']
      const first = runCli(cli, [...train, '--epochs', '1'], folder)
      assert.is(first.status, 0, first.stderr)
      const file = join(disk, 'c/checkpoint.safetensors')
      const before = readFileSync(file)
      writeFileSync(join(disk, 'filler'), Buffer.alloc((1 << 20) - Math.ceil(before.length / 4096) * 4096 - 8192))
      const { status, stderr } = runCli(cli, [...train, '--epochs', '2', '--resume'], folder)
      assert.is(status, 1)
      assert.match(stderr, /disk is full: free some space\); nothing was written/)
      assert.equal(readdirSync(join(disk, 'c')), ['checkpoint.safetensors'])
      assert.ok(before.equals(readFileSync(file)))
      rmSync(join(disk, 'filler'))
      assert.is(runCli(cli, [...train, '--epochs', '2', '--resume'], folder).status, 0)
    }),
  ))

test.run()
