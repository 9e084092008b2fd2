/** Calls `visit(node, parents)` for `node` and all that it holds, in the order of the text; `parents` has the nearest last. */
export function walk(node, visit, parents = []) {
  visit(node, parents)
  const inside = [...parents, node]
  for (const child of Object.values(node).flat()) if (typeof child?.type === 'string') walk(child, visit, inside)
}

export const isFunction = ({ type }) => /^(Arrow)?Function(Expression|Declaration)$/.test(type)
