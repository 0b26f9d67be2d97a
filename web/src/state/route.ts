// Addresses of the page: `/d/NAME?s=…`, `/e/COLUMN/KEY?s=…`, `/runs/ID?step=…`, `/lineage?table=…&column=…`, `/quarantine?…`. Pure.

import { read, readOrigins, write, writeOrigins, type Origins, type Selections } from './selections'

export type Place =
  | { at: 'home' }
  | { at: 'dashboard'; name: string }
  | { at: 'entity'; column: string; key: string }
  | { at: 'runs' }
  | { at: 'run'; id: string; step: number | null }
  | { at: 'lineage'; table: string | null; column: string | null }
  | { at: 'quarantine'; table: string | null; code: string | null; column: string | null }
  | { at: 'lost' }

export interface Route {
  place: Place
  /** null: the address says nothing, and the filters' defaults hold. `{}` says that nothing is selected. */
  selections: Selections | null
  origins: Origins
}

export function parse(path: string, search: string): Route {
  const params = new URLSearchParams(search)
  const said = params.get('s')
  return { place: placeOf(path, params), selections: said === null ? null : read(said), origins: readOrigins(params.get('own')) }
}

function placeOf(path: string, params: URLSearchParams): Place {
  const parts = path.split('/').filter((part) => part !== '')
  const decoded = parts.map(decode)
  const [first, second, third] = decoded
  if (parts.length === 0) return { at: 'home' }
  if (first === 'd' && parts.length === 2 && second) return { at: 'dashboard', name: second }
  if (first === 'e' && parts.length === 3 && second && third != null) return { at: 'entity', column: second, key: third }
  if (first === 'runs' && parts.length === 1) return { at: 'runs' }
  if (first === 'runs' && parts.length === 2 && second) {
    const step = params.get('step')
    return { at: 'run', id: second, step: step !== null && /^\d{1,9}$/.test(step) ? Number(step) : null }
  }
  if (first === 'lineage' && parts.length === 1) {
    const table = params.get('table')
    return { at: 'lineage', table, column: table === null ? null : params.get('column') }
  }
  if (first === 'quarantine' && parts.length === 1) {
    const table = params.get('table')
    return { at: 'quarantine', table, code: table === null ? null : params.get('code'), column: table === null ? null : params.get('column') }
  }
  return { at: 'lost' }
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

/** The address of a place, without what is selected in it. */
export function pathOf(place: Place): string {
  switch (place.at) {
    case 'dashboard':
      return `/d/${segment(place.name)}`
    case 'entity':
      return `/e/${segment(place.column)}/${segment(place.key)}`
    case 'runs':
      return '/runs'
    case 'run':
      return `/runs/${segment(place.id)}${search({ step: place.step })}`
    case 'lineage':
      return `/lineage${search({ table: place.table, column: place.column })}`
    case 'quarantine':
      return `/quarantine${search({ table: place.table, code: place.code, column: place.column })}`
    default:
      return '/'
  }
}

function search(params: Record<string, string | number | null>): string {
  const said = Object.entries(params).flatMap(([name, value]) => (value === null ? [] : [`${name}=${encodeURIComponent(String(value))}`]))
  return said.length === 0 ? '' : `?${said.join('&')}`
}

/** The server takes a path with a dot for a file, and `..` would be resolved away by the browser: dots are written out. */
function segment(text: string): string {
  return encodeURIComponent(text).replace(/\./g, '%2E')
}

export function addressOf(route: Route): string {
  const parts: string[] = []
  if (route.selections !== null) {
    parts.push(`s=${encodeURIComponent(write(route.selections))}`)
    const origins = Object.fromEntries(Object.entries(route.origins).filter(([column]) => column in (route.selections ?? {})))
    if (Object.keys(origins).length > 0) parts.push(`own=${encodeURIComponent(writeOrigins(origins))}`)
  }
  const path = pathOf(route.place)
  return parts.length === 0 ? path : path + (path.includes('?') ? '&' : '?') + parts.join('&')
}
