// The columns of the table behind a panel, named and formatted as the panel says.

import type { Bucket, Panel, PanelRows, ResultColumn } from '../api/types'
import { clip } from '../format'
import type { Column } from '../parts/DataTable.svelte'
import { grainOf } from '../state/times'

export function columnsOf(panel: Panel, result: PanelRows): Column[] {
  return result.columns.map((column, place) => ({ ...columnOf(panel, column), bucket: bucketOf(panel, result, column, place) }))
}

function bucketOf(panel: Panel, result: PanelRows, column: ResultColumn, place: number): Bucket | null {
  if (column.type !== 'date' && column.type !== 'time') return null
  const said = panel.kind !== 'table' && column.name === 'x' ? panel.x?.bucket : null
  return said ?? grainOf(result.rows.map((row) => row[place]))
}

function columnOf(panel: Panel, column: ResultColumn): Column {
  if (panel.kind !== 'table') {
    if (column.name === 'x' && panel.x !== null) {
      return { ...plain(column), label: panel.kind === 'histogram' ? `${panel.x.label}, from` : panel.x.label }
    }
    if (column.name === 'x1' && panel.x !== null) return { ...plain(column), label: `${panel.x.label}, to` }
    if (column.name === 'by' && panel.by !== null) return { ...plain(column), label: panel.by.label }
    const measure = /^y\d+$/.test(column.name) ? panel.y[Number(column.name.slice(1))] : undefined
    if (measure !== undefined) return { ...plain(column), label: measure.label, format: measure.format, unit: measure.unit }
    if (column.name === 'y0') return { ...plain(column), label: 'Rows', format: 'integer' }
  }
  const described = panel.columns.find((one) => one.name === column.name)
  return described === undefined ? plain(column) : { ...plain(column), label: described.label, format: described.format }
}

export function plain(column: ResultColumn): Column {
  return { name: column.name, label: clip(column.name.replaceAll('_', ' ')), type: column.type }
}

/** The name of the view's column behind a column of the result: links to entities go by it. */
export function behind(panel: Panel, name: string): string {
  if (panel.kind === 'table') return name
  if (name === 'x') return panel.x?.column ?? name
  if (name === 'by') return panel.by?.column ?? name
  return name
}
