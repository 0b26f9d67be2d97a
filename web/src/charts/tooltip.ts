// What is shown beside the pointer, built of nodes: a text that comes from data can never become markup.

import { clip } from '../format'

export interface Line {
  colour: string | null
  name: string
  value: string
}

const MOST_LINES = 12

export function tooltip(title: string, lines: Line[]): HTMLElement {
  const box = document.createElement('div')
  box.className = 'tip'
  if (title !== '') box.append(texted('div', 'tip-title', title))
  for (const line of lines.slice(0, MOST_LINES)) {
    const row = document.createElement('div')
    row.className = 'tip-row'
    const dot = document.createElement('i')
    dot.style.background = line.colour ?? 'transparent'
    row.append(dot, texted('span', 'tip-name', line.name), texted('span', 'tip-value', line.value))
    box.append(row)
  }
  if (lines.length > MOST_LINES) box.append(texted('div', 'tip-more', `and ${lines.length - MOST_LINES} more`))
  return box
}

function texted(tag: string, name: string, text: string): HTMLElement {
  const node = document.createElement(tag)
  node.className = name
  const isolated = document.createElement('bdi')
  isolated.textContent = clip(text)
  node.append(isolated)
  return node
}
