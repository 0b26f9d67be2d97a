// A selection in words, for chips and filters.

import type { Bucket, ColumnType, Value } from '../api/types'
import { clip, NOTHING, show } from '../format'
import { isIn, type Selection } from './selections'
import { parseTime, writeTime } from './times'

const MOST_NAMED = 2

export function describe(selection: Selection, column: { type: ColumnType; bucket: Bucket | null }): string {
  const { type, bucket } = column
  const timed = type === 'date' || type === 'time'
  const one = (value: Value) => {
    if (value === null) return NOTHING
    if (value === '') return '(blank)'
    return clip(timed ? show(value, { type, bucket }) : String(value), 32)
  }
  if (isIn(selection)) {
    const named = selection.slice(0, MOST_NAMED).map(one).join(', ')
    return selection.length > MOST_NAMED ? `${named} +${selection.length - MOST_NAMED}` : named
  }
  const { from, to } = selection
  if (!timed) {
    const number = (text: string) => show(text, { type: 'number' })
    if (from !== undefined && to !== undefined) return from === to ? number(from) : `${number(from)} to ${number(to)}`
    return from !== undefined ? `from ${number(from)}` : `up to ${number(to ?? '')}`
  }
  const start = from === undefined ? null : one(from)
  const end = to === undefined ? null : one(lastOf(to, bucket, type))
  if (start !== null && end !== null) return start === end ? start : `${start} – ${end}`
  return start !== null ? `since ${start}` : `until ${end ?? ''}`
}

/** The end of times is where they stop; people name the last day or month that is still in. */
export function lastOf(to: string, bucket: Bucket | null, type: ColumnType): string {
  const date = parseTime(to)
  const whole = bucket !== null || type === 'date' || /^\d{4}-\d\d(-\d\d)?$/.test(to) || /T00:00(:00)?Z?$/.test(to)
  if (date === null || !whole) return to
  return writeTime(new Date(date.getTime() - 1), type === 'time' && bucket === null ? 'date' : type)
}
