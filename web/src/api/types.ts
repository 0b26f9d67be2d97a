// What the server says, as its OpenAPI document describes it (generated/api.d.ts), with the words that it uses where the document
// says no more than “text”.

import type * as api from '../../generated/api'

export type {
  ColumnEdge,
  ColumnOrigin,
  DashboardSummary,
  EntityList,
  EntityValues,
  Lineage,
  LineageNode,
  Operator,
  PanelSql,
  Problem,
  Project,
  QuarantineGroup,
  QuarantineList,
  ReplayResult,
  Run,
  RunDetail,
  RunList,
  RunNode,
  Series,
  Step,
  Value,
} from '../../generated/api'

export type ColumnType = 'text' | 'integer' | 'number' | 'boolean' | 'date' | 'time'
export type Format = 'integer' | 'number' | 'money' | 'percent' | 'bytes' | 'duration'
export type Bucket = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year'
export type PanelKind = 'number' | 'line' | 'area' | 'bar' | 'stacked' | 'histogram' | 'heatmap' | 'cohort' | 'scatter' | 'table'
export type FilterKind = 'select' | 'range' | 'time'

/** The same, with members that say it more closely. */
type Closer<T, Members> = Omit<T, keyof Members> & Members

export type ResultColumn = Closer<api.ResultColumn, { type: ColumnType }>
export type PanelColumn = Closer<api.Column, { type: ColumnType; format: Format | null }>
export type Axis = Closer<api.Axis, { type: ColumnType; bucket: Bucket | null }>
export type Measure = Closer<api.Measure, { format: Format | null }>
/** A list for `select`, `[from, to]` for `range` and `time`, `"90d"` for `time`. */
export type FilterDefault = null | string | api.Value[]
export type Filter = Closer<api.Filter, { kind: FilterKind; default: FilterDefault }>
export type Panel = Closer<api.Panel, { kind: PanelKind; x: Axis | null; y: Measure[]; columns: PanelColumn[] }>
export type Dashboard = Closer<api.Dashboard, { filters: Filter[]; panels: Panel[] }>
export type PanelRows = Closer<api.PanelRows, { columns: ResultColumn[] }>
export type RowsPage = Closer<api.RowsPage, { columns: ResultColumn[] }>
export type FilterChoices = api.FilterChoices

export type Entity = api.EntitySummary
export type EntityProfile = Closer<api.EntityProfile, { columns: ResultColumn[] }>
export type EntityDetail = Closer<api.EntityDetail, { profiles: EntityProfile[] }>
