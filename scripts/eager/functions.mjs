// Finds the functions of a module and marks some of them, for V8 to compile with the script (`hinted`), or all, to tell when they
// are called (`recording`). A function's number is its place among those of its file.
import { fileURLToPath } from 'node:url'
import remapping from '@jridgewell/remapping'
import { parse } from 'acorn'
import { transform } from 'esbuild'
import MagicString from 'magic-string'
import { definer, hintMethod, hintProperty, isMethod } from './methods.mjs'
import { isFunction, walk } from './syntax.mjs'

const definition = fileURLToPath(new URL('define.mjs', import.meta.url))

/**
 * What SWC, which drops parentheses that it finds idle, is given before them: a call that it cannot know. No source and no minifier
 * has that name.
 */
export const marker = 'ĸ'

/** The module without its types, as text with a source map, and its functions: [{ node, parents }], the nearest parent last. */
async function parsed({ path, text }) {
  const { code, map } = await transform(text, {
    loader: 'ts',
    target: 'esnext',
    sourcefile: path,
    sourcemap: 'external',
    tsconfigRaw: { compilerOptions: { target: 'es2022', verbatimModuleSyntax: true } },
  })
  const functions = []
  walk(parse(code, { ecmaVersion: 'latest', sourceType: 'module', allowHashBang: true }), (node, parents) => {
    if (isFunction(node)) functions.push({ node, parents })
  })
  return { code, map, functions }
}

const inline = (map) =>
  `\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(`${map}`).toString('base64')}\n`

/** The text of `source` whose functions call `globalThis.called(path, number)` first. */
export async function recording(source, name) {
  const { code, functions } = await parsed(source)
  const text = new MagicString(code)
  for (const [number, { node }] of functions.entries()) {
    const { body } = node
    const call = `globalThis.called?.(${JSON.stringify(name)}, ${number})`
    if (body.type === 'BlockStatement') text.appendRight(body.start + 1, `${call};`)
    else text.appendRight(body.start, `(${call}, (`).prependLeft(body.end, '))')
  }
  return text.toString()
}

/** Whether an arrow function reads what a function expression would have of its own. */
function readsOuter(arrow) {
  let found = false
  const look = (node) => {
    const { type, name, meta } = node
    if (
      ['ThisExpression', 'Super'].includes(type) ||
      meta?.name === 'new' ||
      (type === 'Identifier' && name === 'arguments')
    )
      found = true
    if (node !== arrow && isFunction(node) && node.type !== 'ArrowFunctionExpression') return
    for (const child of Object.values(node).flat()) if (typeof child?.type === 'string') look(child)
  }
  look(arrow)
  return found
}

/** Makes an arrow function of `text` a function expression. */
function unarrow(text, { start, end, async, params, body }) {
  const { original } = text
  const arrow = original.indexOf('=>', params.at(-1)?.end ?? start)
  text.appendRight(start + (async ? 'async '.length : 0), 'function')
  if (body.type === 'BlockStatement') return text.remove(arrow, arrow + 2)
  text.overwrite(arrow, arrow + 2, '{return(').prependLeft(end, ')}')
}

/** Where `declaration` has to go to be a constant that all of `block` can use: the start of its first other statement; none if it is there. */
function hoistTo(block, declaration, moved) {
  const first = block.body.find((statement) => statement.type !== 'ImportDeclaration' && !moved.has(statement))
  return first && first.start < declaration.start ? first.start : undefined
}

/**
 * The text of `source` in which the functions with the given numbers are such as V8 compiles with the script: function expressions
 * in parentheses, which it takes to be called at once (declarations become constants at the start of their block, arrow functions
 * become functions where they can, methods of objects properties). `open` stands before each parenthesis. Methods of classes are
 * marked where none does: a class that defines them as it is made is nothing that a bundler may leave out.
 */
export async function hinted(source, numbers, open = '') {
  const { code, map, functions } = await parsed(source)
  const text = new MagicString(code)
  const moved = new Set()
  let defines = false
  for (const number of numbers) {
    const { node, parents } = functions[number]
    const { type, start, end, id } = node
    const [parent, holder] = [parents.at(-1), parents.at(-2)]
    if (isMethod(parent)) {
      if (parent.type === 'Property') hintProperty(text, node, parent, open)
      else if (!open) defines = hintMethod(text, node, parents) || defines
      continue
    }
    if (type === 'FunctionDeclaration') {
      const exported = parent.type === 'ExportNamedDeclaration'
      const [statement, block] = exported ? [parent, holder] : [node, parent]
      if (!['Program', 'BlockStatement'].includes(block.type)) continue
      text.remove(id.start, id.end).appendRight(start, `const ${id.name} = ${open}(`).prependLeft(end, ');\n')
      moved.add(statement)
      const place = hoistTo(block, statement, moved)
      if (place !== undefined) text.move(statement.start, statement.end, place)
      continue
    }
    text.appendRight(start, `${open}(`).prependLeft(end, ')')
    if (type === 'ArrowFunctionExpression' && !readsOuter(node)) unarrow(text, node)
  }
  if (defines) text.append(`\nimport { define as ${definer} } from ${JSON.stringify(definition)}\n`)
  const edited = text.generateMap({ source: source.path, hires: 'boundary' })
  const whole = remapping(edited, (_, { depth }) => (depth === 1 ? map : undefined))
  return text.toString() + inline(whole)
}
