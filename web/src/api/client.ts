// One function per question to the server. Every one can be cancelled.

import type { Dashboard, Explained, Failure, FilterValues, Project, Result, Rows } from './types'
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
  let response: Response
  try {
    response = await fetch(path, { signal: signal ?? null, headers: { accept: 'application/json' }, credentials: 'same-origin' })
  } catch (error) {
    if (isCancelled(error)) throw error
    throw new ApiError(0, 'unreachable', 'The server does not answer.', 'It may have been stopped; this page tries again by itself.')
  }
  if (!response.ok) throw await failure(response)
  return (await response.json()) as T
}

async function failure(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as Failure
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
  get<Result>(panelPath(dashboard, panel) + query({ s: said(selections) }), signal)

export const rows = (dashboard: string, panel: string, selections: Selections, limit: number, offset: number, signal?: AbortSignal) =>
  get<Rows>(`${panelPath(dashboard, panel)}/rows${query({ s: said(selections), limit, offset })}`, signal)

export const explained = (dashboard: string, panel: string, selections: Selections, signal?: AbortSignal) =>
  get<Explained>(`${panelPath(dashboard, panel)}/sql${query({ s: said(selections) })}`, signal)

export const csvAddress = (dashboard: string, panel: string, selections: Selections) =>
  `${panelPath(dashboard, panel)}/csv${query({ s: said(selections) })}`

export const filterValues = (dashboard: string, column: string, search: string, limit: number, signal?: AbortSignal) =>
  get<FilterValues>(`/api/dashboards/${part(dashboard)}/filters/${part(column)}${query({ q: search, limit })}`, signal)

export const eventsAddress = (dashboard: string) => `/api/events${query({ dashboard })}`
