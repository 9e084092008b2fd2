/** Gives a class methods, as its body would. In parentheses, as it is called at a start. */
export const define = (owner, methods) => {
  for (const name in methods)
    Object.defineProperty(owner.prototype, name, { value: methods[name], writable: true, configurable: true })
}
