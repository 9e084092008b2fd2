// Writes methods as function expressions, which V8 can be asked to compile with the script.
import { walk } from './syntax.mjs'

/** Whether a function below `parent` is a method, an accessor or a constructor, whose text is no function by itself. */
export const isMethod = (parent) =>
  parent.type === 'MethodDefinition' || parent.method || parent.kind === 'get' || parent.kind === 'set'

/** The name by which modules with such classes import `define` of `define.mjs`. */
export const definer = '$define'

/** Edits `text` so that the method `node` of an object is a property, its value a function in parentheses with `open` before them. */
export function hintProperty(text, node, property, open) {
  if (property.kind !== 'init' || property.computed || holds(node, isSuper)) return
  const name = text.original.slice(property.key.start, property.key.end)
  text.update(property.start, node.start, `${name}: ${open}(${keywordsOf(node)}`).appendLeft(node.end, ')')
}

/**
 * Edits `text` so that the method `node` of a class, whose parents are given, is a function in parentheses, which the class defines in
 * a static block; `#name() {}` becomes a static field, called with the object that it was called on. Left as they are: accessors,
 * constructors, static methods, what uses `super`, private methods that are more than called, classes whose static fields might use
 * instances. Returns whether the class defines it by `definer`.
 */
export function hintMethod(text, node, parents) {
  const [owner, method] = [parents.at(-3), parents.at(-1)]
  const { key, kind, computed } = method
  if (kind !== 'method' || computed || method.static || holds(node, isSuper) || usesInstances(owner)) return false
  const isPrivate = key.type === 'PrivateIdentifier'
  if (isPrivate && !callsByClass(text, owner, key.name)) return false
  const name = text.original.slice(key.start, key.end)
  const before = isPrivate ? `static ${name} = ` : `static { ${definer}(this, { ${name}: `
  text
    .update(method.start, node.start, `${before}(${keywordsOf(node)}`)
    .appendLeft(node.end, isPrivate ? ');' : ') }) }')
  return !isPrivate
}

const keywordsOf = ({ async, generator }) => `${async ? 'async ' : ''}function${generator ? '*' : ''}`

const isSuper = ({ type }) => type === 'Super'

/** Whether `test(node, parents)` is true of something in `root`. */
function holds(root, test) {
  let found = false
  walk(root, (node, parents) => {
    found ||= test(node, parents)
  })
  return found
}

/** Whether a static field or block of the class may use an instance before all that is static is defined. */
const usesInstances = ({ id, body }) =>
  body.body.some(
    (member) =>
      (member.type === 'StaticBlock' || (member.static && member.type === 'PropertyDefinition')) &&
      holds(
        member,
        ({ type, name }) =>
          ['StaticBlock', 'ThisExpression', 'NewExpression'].includes(type) ||
          (name !== undefined && name === id?.name),
      ),
  )

/**
 * Makes `x.#name(…)` of the class `Class.#name.call(x, …)`, if all uses are such, where `x` is `this` or a variable. Returns whether
 * they are.
 */
function callsByClass(text, { id, body }, name) {
  const calls = []
  let declared = 0
  let others = !id
  walk(body, (node, parents) => {
    if (isDeclaredAs(node, id?.name, parents)) others = true
    if (node.type !== 'PrivateIdentifier' || node.name !== name) return
    const [call, callee] = parents.slice(-2)
    if (callee.type === 'MethodDefinition') declared++
    else if (call.type !== 'CallExpression' || call.callee !== callee || call.optional || callee.optional) others = true
    else if (!['ThisExpression', 'Identifier'].includes(callee.object.type)) others = true
    else calls.push(call)
  })
  if (others || declared > 1) return false
  for (const { callee, arguments: values } of calls) {
    const { original } = text
    const object = original.slice(callee.object.start, callee.object.end)
    const open = original.indexOf('(', callee.end) + 1
    text.update(callee.start, open, `${id.name}.#${name}.call(${object}${values.length > 0 ? ', ' : ''}`)
  }
  return true
}

/** Whether `node` is a variable of that name as it is declared, or a parameter. */
const isDeclaredAs = (node, name, parents) => {
  if (node.type !== 'Identifier' || node.name !== name) return false
  const parent = parents.at(-1)
  return (
    /Pattern$/.test(parent.type) ||
    parent.id === node ||
    parent.param === node ||
    (parent.type === 'Property' && parent.value === node && parents.at(-2)?.type === 'ObjectPattern') ||
    Boolean(parent.params?.includes(node))
  )
}
