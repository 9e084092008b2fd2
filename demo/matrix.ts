import { byId, create, percent } from './dom.js'

/** Shows a confusion matrix, or hides it; cells are tinted by their share of the row. */
export function showMatrix(counts: readonly (readonly number[])[] | undefined): void {
  const place = byId('matrix', HTMLTableElement)
  const hint = byId('mistakes-hint', HTMLElement)
  place.hidden = counts === undefined
  if (!counts) {
    hint.textContent = 'After an epoch: how often each digit of the validation images was taken for which.'
    return
  }
  const total = counts.flat().reduce((sum, count) => sum + count, 0)
  const right = counts.reduce((sum, row, label) => sum + row[label], 0)
  hint.textContent = `${right} of ${total} validation images are recognised, ${percent(right / total)}.`
  const head = create('tr', {}, create('th', { scope: 'col' }, 'true'))
  head.append(...counts.map((_, label) => create('th', { scope: 'col' }, `${label}`)))
  const rows = counts.map((row, label) => {
    const sum = row.reduce((all, count) => all + count, 0)
    const cells = row.map((count, seen) => {
      const cell = create('td', { className: seen === label ? 'right' : 'wrong' }, `${count}`)
      cell.style.setProperty('--share', `${sum ? count / sum : 0}`)
      return cell
    })
    return create('tr', {}, create('th', { scope: 'row' }, `${label}`), ...cells)
  })
  place.replaceChildren(
    create('caption', {}, 'Rows: the true digit. Columns: what the network saw.'),
    create('thead', {}, head),
    create('tbody', {}, ...rows),
  )
}
