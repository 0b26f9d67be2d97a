// Made by `npm run types` from openapi.json. Not to be edited.

/** Whatever stands in a cell of a result. */
export type Value = string | number | boolean | null

export interface Axis {
  bucket: string | null
  column: string
  label: string
  type: string
}

export interface Column {
  format: string | null
  label: string
  name: string
  type: string
}

export interface ColumnEdge {
  from: string
  from_column: string
  kind: string
  to: string
  to_column: string
}

export interface ColumnOrigin {
  column: string
  from: string[]
}

export interface Dashboard {
  description: string
  entity: string | null
  filters: Filter[]
  name: string
  panels: Panel[]
  title: string
}

export interface DashboardSummary {
  description: string
  entity: string | null
  live: boolean
  name: string
  title: string
}

export interface EntityDetail {
  as_of: string
  entity: string
  key: string
  profiles: EntityProfile[]
  version: string
}

export interface EntityList {
  entities: EntitySummary[]
}

export interface EntityProfile {
  columns: ResultColumn[]
  row: Value[] | null
  view: string
}

export interface EntitySummary {
  dashboard: string
  label: string
  name: string
  profiles: string[]
}

export interface EntityValues {
  values: string[]
}

export interface Filter {
  column: string
  default: Value
  kind: string
  label: string
}

export interface FilterChoice {
  rows: number
  value: Value
}

export interface FilterChoices {
  max: Value
  min: Value
  values: FilterChoice[]
}

export interface GraphEdge {
  from: string
  to: string
}

export interface LastRun {
  ended_at: string
  run_id: string
}

export interface Lineage {
  edges: ColumnEdge[]
  nodes: LineageNode[]
}

export interface LineageNode {
  columns: ResultColumn[]
  dashboard_panels: number
  kind: string
  name: string
}

export interface Measure {
  format: string | null
  label: string
  name: string
  unit: string
}

export interface Operator {
  bytes_exchanged: number
  bytes_read: number
  bytes_spilled: number
  bytes_written: number
  detail: string
  id: number
  operator: string
  parent: number | null
  rows: number | null
  seconds: number
  seconds_waiting: number
  share: number
}

export interface Panel {
  by: Series | null
  columns: Column[]
  description: string
  id: string
  kind: string
  live: boolean
  selectable: string[]
  title: string
  view: string
  width: number
  x: Axis | null
  y: Measure[]
}

export interface PanelRows {
  as_of: string
  columns: ResultColumn[]
  elapsed_ms: number
  rows: (Value[])[]
  truncated: boolean
  version: string
}

export interface PanelSql {
  lineage: ColumnOrigin[]
  params: string[]
  run: LastRun | null
  sql: string
  view: string
}

export interface Parameter {
  default: string | null
  description: string
  name: string
  required: boolean
  type: string
}

export interface Problem {
  error: ProblemDetail
}

export interface ProblemDetail {
  code: string
  help?: string
  message: string
}

export interface Project {
  dashboards: DashboardSummary[]
  description: string
  live: boolean
  name: string
  outdated: string[]
  version: string
}

export interface QuarantineGroup {
  can_replay: boolean
  code: string
  column: string | null
  example: string
  first_file: string
  first_line: number
  first_raw: string
  rows: number
  status: string
  table: string
}

export interface QuarantineList {
  groups: QuarantineGroup[]
}

export interface Query {
  columns: ResultColumn[]
  description: string
  name: string
  params: Parameter[]
}

export interface QueryList {
  queries: Query[]
}

export interface ReplayResult {
  accepted: number
  next: string
  still_rejected: number
  table: string
  tried: number
}

export interface ResultColumn {
  name: string
  type: string
}

export interface RowsPage {
  columns: ResultColumn[]
  rows: (Value[])[]
  total: number
}

export interface Run {
  command: string | null
  cpu_seconds: number | null
  ended_at: string | null
  epoch: number | null
  error: string | null
  peak_memory_bytes: number | null
  progress: number | null
  rows_read: number
  run_id: string
  seconds: number | null
  started_at: string
  status: string
  steps: number
}

export interface RunDetail {
  edges: GraphEdge[]
  nodes: RunNode[]
  run: Run
  steps: Step[]
}

export interface RunList {
  runs: Run[]
}

export interface RunNode {
  kind: string
  name: string
  status: string
}

export interface Series {
  column: string
  label: string
}

export interface Step {
  bytes_exchanged: number
  bytes_read: number
  bytes_spilled: number
  bytes_written: number
  cpu_seconds: number | null
  ended_at: string | null
  error: string | null
  message: string | null
  node: string
  operators: Operator[]
  peak_memory_bytes: number | null
  progress: number | null
  rows_per_second: number | null
  rows_read: number
  rows_rejected: number
  rows_written: number
  seconds: number | null
  stage: string
  started_at: string
  status: string
  step_id: number
  why: string | null
}
