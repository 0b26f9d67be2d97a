// One function per question to the server. Every one can be cancelled.

import type {
  Dashboard,
  EntityDetail,
  EntityList,
  EntityValues,
  FilterChoices,
  Lineage,
  PanelRows,
  PanelSql,
  Problem,
  Project,
  QuarantineList,
  ReplayResult,
  RowsPage,
  RunDetail,
  RunList,
} from './types'
import { write, type Selections } from '../state/selections'

export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly help: string | null

  constructor(status: number, code: string, message: string, help: string | null) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.help = help
  }
}

export function isCancelled(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return ask<T>(path, { signal: signal ?? null, headers: { accept: 'application/json' } })
}

async function post<T>(path: string, body: object): Promise<T> {
  return ask<T>(path, { method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

async function ask<T>(path: string, request: RequestInit): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, { ...request, credentials: 'same-origin' })
  } catch (error) {
    if (isCancelled(error)) throw error
    throw new ApiError(0, 'unreachable', 'The server does not answer.', 'It may have been stopped; this page tries again by itself.')
  }
  if (!response.ok) throw await failure(response)
  return (await response.json()) as T
}

async function failure(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as Problem
    return new ApiError(response.status, String(error.code), String(error.message), error.help ?? null)
  } catch {
    return new ApiError(response.status, String(response.status), `The server answered ${response.status}.`, null)
  }
}

const part = (text: string) => encodeURIComponent(text).replace(/\./g, '%2E')
const panelPath = (dashboard: string, panel: string) => `/api/dashboards/${part(dashboard)}/panels/${part(panel)}`

export function query(params: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(params).filter(([, value]) => value !== undefined && value !== '')
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`
}

/** No selection, no parameter: the address of what most people see first is the same for all. */
export function said(selections: Selections): string | undefined {
  const text = write(selections)
  return text === '{}' ? undefined : text
}

export const project = (signal?: AbortSignal) => get<Project>('/api/project', signal)

export const dashboard = (name: string, signal?: AbortSignal) => get<Dashboard>(`/api/dashboards/${part(name)}`, signal)

export const result = (dashboard: string, panel: string, selections: Selections, signal?: AbortSignal) =>
  get<PanelRows>(panelPath(dashboard, panel) + query({ s: said(selections) }), signal)

export const rows = (dashboard: string, panel: string, selections: Selections, limit: number, offset: number, signal?: AbortSignal) =>
  get<RowsPage>(`${panelPath(dashboard, panel)}/rows${query({ s: said(selections), limit, offset })}`, signal)

export const explained = (dashboard: string, panel: string, selections: Selections, signal?: AbortSignal) =>
  get<PanelSql>(`${panelPath(dashboard, panel)}/sql${query({ s: said(selections) })}`, signal)

export const csvAddress = (dashboard: string, panel: string, selections: Selections) =>
  `${panelPath(dashboard, panel)}/csv${query({ s: said(selections) })}`

export const filterValues = (dashboard: string, column: string, search: string, limit: number, signal?: AbortSignal) =>
  get<FilterChoices>(`/api/dashboards/${part(dashboard)}/filters/${part(column)}${query({ q: search, limit })}`, signal)

export const eventsAddress = (dashboard: string) => `/api/events${query({ dashboard })}`

export const runs = (limit: number, signal?: AbortSignal) => get<RunList>(`/api/runs${query({ limit })}`, signal)

export const run = (id: string, signal?: AbortSignal) => get<RunDetail>(`/api/runs/${part(id)}`, signal)

export const lineage = (signal?: AbortSignal) => get<Lineage>('/api/lineage', signal)

export const quarantine = (signal?: AbortSignal) => get<QuarantineList>('/api/quarantine', signal)

/** Which of a table's rows that were set aside are meant. */
export interface SetAside {
  table: string
  code: string | null
  column: string | null
  status: string | null
}

export const quarantined = ({ table, code, column, status }: SetAside, limit: number, offset: number, signal?: AbortSignal) =>
  get<RowsPage>(
    `/api/quarantine/${part(table)}${query({ code: code ?? undefined, column: column ?? undefined, status: status ?? undefined, limit, offset })}`,
    signal,
  )

export const replay = (table: string, code: string | null, column: string | null) =>
  post<ReplayResult>(`/api/quarantine/${part(table)}/replay`, { ...(code === null ? {} : { code }), ...(column === null ? {} : { column }) })

export const entities = (signal?: AbortSignal) => get<EntityList>('/api/entities', signal)

export const entityKeys = (entity: string, search: string, limit: number, signal?: AbortSignal) =>
  get<EntityValues>(`/api/entities/${part(entity)}${query({ q: search, limit })}`, signal)

export const entity = (name: string, key: string, signal?: AbortSignal) => get<EntityDetail>(`/api/entities/${part(name)}/${part(key)}`, signal)
