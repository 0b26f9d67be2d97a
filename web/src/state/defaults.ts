// What holds before anyone chose: the filters' defaults.

import type { ColumnType, Dashboard, Filter, FilterChoices, Value } from '../api/types'
import { asText, isEmpty, type Selection, type Selections } from './selections'
import { before } from './times'

/** `"90d"` counts back from the newest value, which only the server knows. */
export function isRelative(filter: Filter): boolean {
  return filter.kind === 'time' && typeof filter.default === 'string'
}

export function defaultOf(filter: Filter, newest: Value, type: ColumnType): Selection | null {
  const said = filter.default
  if (said === null || said === undefined) return null
  if (typeof said === 'string') {
    const from = newest === null ? null : before(String(newest), said, type)
    return from === null ? null : { from }
  }
  if (filter.kind === 'select') return said.map(asText)
  const [from, to] = said
  const between: Selection = {}
  // An open end is empty.
  if (from != null && from !== '') between.from = String(from)
  if (to != null && to !== '') between.to = String(to)
  return between
}

export async function defaultsOf(dashboard: Dashboard, ask: (column: string) => Promise<FilterChoices>): Promise<Selections> {
  const selections: Selections = {}
  await Promise.all(
    dashboard.filters.map(async (filter) => {
      // A default that cannot be found out narrows nothing; the panels say what is wrong with the server.
      const newest = isRelative(filter) ? await ask(filter.column).then((found) => found.max, () => null) : null
      const selection = defaultOf(filter, newest, typeOf(dashboard, filter.column, newest))
      if (selection !== null && !isEmpty(selection)) selections[filter.column] = selection
    }),
  )
  return selections
}

/** Type of a column as the panels or the values themselves tell it. */
export function typeOf(dashboard: Dashboard, column: string, value: Value): ColumnType {
  for (const panel of dashboard.panels) {
    if (panel.x?.column === column) return panel.x.type
    const found = panel.columns.find((one) => one.name === column)
    if (found !== undefined) return found.type
  }
  if (typeof value === 'number') return 'number'
  if (typeof value === 'boolean') return 'boolean'
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value)) return 'date'
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ]\d\d:/.test(value)) return 'time'
  return 'text'
}
