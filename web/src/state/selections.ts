// What is selected: by the filters above a dashboard and by clicks and brushes in its panels. Pure; the page's address is
// the only place where it is kept.

import type { Value } from '../api/types'

/** From–to is half-open for times and inclusive for numbers, as the server reads it. */
export interface Between {
  from?: string
  to?: string
}
export type In = (string | null)[]
export type Selection = In | Between
export type Selections = Record<string, Selection>
/** Which panel a column was selected in: that panel alone goes on showing everything. */
export type Origins = Record<string, string>

export function isIn(selection: Selection | undefined): selection is In {
  return Array.isArray(selection)
}

export function isEmpty(selection: Selection | undefined): boolean {
  if (selection === undefined) return true
  return isIn(selection) ? selection.length === 0 : selection.from === undefined && selection.to === undefined
}

/** The text of a value in a selection: the server casts it back to the column's type. */
export function asText(value: Value): string | null {
  return value === null ? null : String(value)
}

/** Compact JSON with sorted keys, so that equal selections have equal addresses and share the server's cache. */
export function write(selections: Selections): string {
  const sorted: Selections = {}
  for (const column of Object.keys(selections).sort()) {
    const selection = selections[column]
    if (selection === undefined || isEmpty(selection)) continue
    if (isIn(selection)) sorted[column] = selection
    else {
      const between: Between = {}
      if (selection.from !== undefined) between.from = selection.from
      if (selection.to !== undefined) between.to = selection.to
      sorted[column] = between
    }
  }
  return JSON.stringify(sorted)
}

/** Reads what an address says. Anyone can write an address: what is not a selection is left out. */
export function read(text: string | null): Selections {
  const selections: Selections = Object.create(null) as Selections
  for (const [column, value] of entries(text)) {
    if (Array.isArray(value)) {
      const list = value.filter((item): item is string | number | boolean | null => item === null || typeof item !== 'object')
      if (list.length > 0) selections[column] = list.map(asText)
    } else if (value !== null && typeof value === 'object') {
      const { from, to } = value as Record<string, unknown>
      const between: Between = {}
      if (isBound(from)) between.from = String(from)
      if (isBound(to)) between.to = String(to)
      if (!isEmpty(between)) selections[column] = between
    }
  }
  return { ...selections }
}

export function readOrigins(text: string | null): Origins {
  return Object.fromEntries(entries(text).filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

export function writeOrigins(origins: Origins): string {
  return JSON.stringify(Object.fromEntries(Object.entries(origins).sort(([a], [b]) => (a < b ? -1 : 1))))
}

function isBound(value: unknown): value is string | number {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))
}

function entries(text: string | null): [string, unknown][] {
  if (text === null || text === '') return []
  try {
    const parsed: unknown = JSON.parse(text)
    if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) return []
    return Object.entries(parsed)
  } catch {
    return []
  }
}

export function equal(a: Selection | undefined, b: Selection | undefined): boolean {
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b)
  return write({ c: a as Selection }) === write({ c: b as Selection })
}

/** A click on a value: selects it alone, clears it when it was alone, and with `adding` (Ctrl, Shift) adds or removes it. */
export function toggle(current: Selection | undefined, value: string | null, adding: boolean): In {
  const list = isIn(current) ? current : []
  const has = list.includes(value)
  if (adding) return has ? list.filter((item) => item !== value) : [...list, value]
  return has && list.length === 1 ? [] : [value]
}

export function contains(selection: Selection | undefined, value: Value): boolean {
  if (selection === undefined) return true
  if (isIn(selection)) return selection.includes(asText(value))
  if (value === null) return false
  if (typeof value === 'number') {
    return (selection.from === undefined || value >= Number(selection.from)) && (selection.to === undefined || value <= Number(selection.to))
  }
  const text = String(value)
  // Instants are ISO 8601 in UTC, and a shorter one is a prefix of those that follow it: texts compare as times do.
  return (selection.from === undefined || text >= selection.from) && (selection.to === undefined || text < selection.to)
}

/** What a panel is asked with: every selection on a column of its view, but those made in the panel itself. */
export function forPanel(selections: Selections, origins: Origins, panel: { id: string; selectable: string[] }): Selections {
  const own: Selections = {}
  for (const [column, selection] of Object.entries(selections)) {
    if (panel.selectable.includes(column) && origins[column] !== panel.id) own[column] = selection
  }
  return own
}

export function without<T>(record: Record<string, T>, column: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== column))
}
