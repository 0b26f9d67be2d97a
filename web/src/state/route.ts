// Addresses of the page: `/d/NAME?s=…`, `/e/COLUMN/KEY?s=…`. Pure.

import { read, readOrigins, write, writeOrigins, type Origins, type Selections } from './selections'

export type Place = { at: 'home' } | { at: 'dashboard'; name: string } | { at: 'entity'; column: string; key: string } | { at: 'lost' }

export interface Route {
  place: Place
  /** null: the address says nothing, and the filters' defaults hold. `{}` says that nothing is selected. */
  selections: Selections | null
  origins: Origins
}

export function parse(path: string, search: string): Route {
  const params = new URLSearchParams(search)
  const said = params.get('s')
  return { place: placeOf(path), selections: said === null ? null : read(said), origins: readOrigins(params.get('own')) }
}

function placeOf(path: string): Place {
  const parts = path.split('/').filter((part) => part !== '')
  const decoded = parts.map(decode)
  const [first, second, third] = decoded
  if (parts.length === 0) return { at: 'home' }
  if (first === 'd' && parts.length === 2 && second) return { at: 'dashboard', name: second }
  if (first === 'e' && parts.length === 3 && second && third != null) return { at: 'entity', column: second, key: third }
  return { at: 'lost' }
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}

export function pathOf(place: Place): string {
  if (place.at === 'dashboard') return `/d/${segment(place.name)}`
  if (place.at === 'entity') return `/e/${segment(place.column)}/${segment(place.key)}`
  return '/'
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
  return pathOf(route.place) + (parts.length > 0 ? `?${parts.join('&')}` : '')
}
