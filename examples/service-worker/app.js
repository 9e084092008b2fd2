await navigator.serviceWorker.register('sw.js')
await navigator.serviceWorker.ready
if (!navigator.serviceWorker.controller)
  await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve))

globalThis.result = fetch('digits.json').then((response) => response.json())
const { losses } = await globalThis.result
document.querySelector('pre').textContent = `The loss of ten steps: ${losses.join(', ')}`
