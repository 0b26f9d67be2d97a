// What the server's HTTP interface says, as its OpenAPI document describes it.

export type ColumnType = 'text' | 'integer' | 'number' | 'boolean' | 'date' | 'time'
export type Format = 'integer' | 'number' | 'money' | 'percent' | 'bytes' | 'duration'
export type Bucket = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year'
export type PanelKind =
  | 'number'
  | 'line'
  | 'area'
  | 'bar'
  | 'stacked'
  | 'histogram'
  | 'heatmap'
  | 'cohort'
  | 'scatter'
  | 'table'
export type FilterKind = 'select' | 'range' | 'time'

export type Value = string | number | boolean | null

export interface Project {
  name: string
  description: string | null
  version: string
  live: boolean
  dashboards: DashboardEntry[]
}

export interface DashboardEntry {
  name: string
  title: string
  description: string | null
  entity: string | null
  live: boolean
}

export interface Dashboard {
  name: string
  title: string
  description: string | null
  entity: string | null
  filters: Filter[]
  panels: Panel[]
}

export interface Filter {
  column: string
  label: string
  kind: FilterKind
  default: FilterDefault
}

/** A list for `select`, `[from, to]` for `range` and `time`, `"90d"` for `time`. */
export type FilterDefault = null | string | Value[]

export interface Panel {
  id: string
  title: string
  description: string | null
  kind: PanelKind
  view: string
  width: number
  live: boolean
  x: Axis | null
  y: Measure[]
  by: { column: string; label: string } | null
  columns: PanelColumn[]
  /** Columns of the panel's view: a selection on any other does not apply to it. */
  selectable: string[]
}

export interface Axis {
  column: string
  label: string
  type: ColumnType
  bucket: Bucket | null
}

export interface Measure {
  name: string
  label: string
  format: Format | null
  unit: string | null
}

export interface PanelColumn {
  name: string
  label: string
  type: ColumnType
  format: Format | null
}

export interface ResultColumn {
  name: string
  type: ColumnType
}

export interface Result {
  columns: ResultColumn[]
  rows: Value[][]
  truncated: boolean
  as_of: string | null
  version: string | number | null
  elapsed_ms: number
}

export interface Rows {
  columns: ResultColumn[]
  rows: Value[][]
  total: number
}

export interface Explained {
  sql: string
  params: Value[]
  view: string
  lineage: { column: string; from: string[] }[]
  run: { run_id: string; ended_at: string | null } | null
}

export interface FilterValues {
  values: { value: Value; rows: number }[]
  min: Value
  max: Value
}

export interface Failure {
  error: { code: string; message: string; help?: string | null }
}
