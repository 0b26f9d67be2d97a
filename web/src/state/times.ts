// Arithmetic with buckets of time, always in UTC as the server cuts them.

import type { Bucket, ColumnType, Value } from '../api/types'

export function parseTime(text: string): Date | null {
  // A bare `2024-01-05 10:00:00` would be read in the viewer's zone: what has no zone is UTC.
  const iso = text.includes(' ') ? text.replace(' ', 'T') : text
  const zoned = /T/.test(iso) && !/(Z|[+-]\d\d:?\d\d)$/.test(iso) ? `${iso}Z` : iso
  const date = new Date(zoned)
  return Number.isNaN(date.getTime()) ? null : date
}

/** Begin of the bucket after the one that begins at `text`, written like `text`. */
export function bucketEnd(text: string, bucket: Bucket | null, type: ColumnType): string {
  const date = parseTime(text)
  if (date === null) return text
  switch (bucket) {
    case 'year':
      date.setUTCFullYear(date.getUTCFullYear() + 1)
      break
    case 'quarter':
      date.setUTCMonth(date.getUTCMonth() + 3)
      break
    case 'month':
      date.setUTCMonth(date.getUTCMonth() + 1)
      break
    case 'week':
      date.setUTCDate(date.getUTCDate() + 7)
      break
    case 'hour':
      date.setTime(date.getTime() + 3_600_000)
      break
    case 'minute':
      date.setTime(date.getTime() + 60_000)
      break
    case 'day':
      date.setUTCDate(date.getUTCDate() + 1)
      break
    default:
      if (type === 'date') date.setUTCDate(date.getUTCDate() + 1)
      else date.setTime(date.getTime() + 1)
  }
  return writeTime(date, type)
}

export function writeTime(date: Date, type: ColumnType): string {
  const iso = date.toISOString()
  return type === 'date' ? iso.slice(0, 10) : iso.replace('.000Z', 'Z')
}

const SPANS: Record<string, number> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 }

/** `"90d"` before the newest value. */
export function before(newest: string, span: string, type: ColumnType): string | null {
  const found = /^(\d+)\s*([mhdw])$/.exec(span.trim())
  const date = parseTime(newest)
  const unit = found?.[2] === undefined ? undefined : SPANS[found[2]]
  if (found === null || date === null || unit === undefined) return null
  return writeTime(new Date(date.getTime() - Number(found[1]) * unit), type)
}

/** What times are of: first days of months are months to people, and midnights days. null where they are more exact. One alone may be anything. */
export function grainOf(values: Iterable<Value | undefined>): 'month' | 'day' | 'minute' | null {
  const times = new Set<string>()
  for (const value of values) {
    if (value === null || value === undefined) continue
    if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d/.test(value)) return null
    times.add(value)
  }
  if (times.size === 0) return null
  const all = (form: RegExp) => [...times].every((time) => form.test(time))
  const several = times.size > 1
  if (several && all(/^\d{4}-\d\d-01([T ]00:00:00(\.0+)?Z?)?$/)) return 'month'
  if (several && all(/^\d{4}-\d\d-\d\d([T ]00:00:00(\.0+)?Z?)?$/)) return 'day'
  return all(/[T ]\d\d:\d\d:00(\.0+)?Z?$/) ? 'minute' : null
}
