// Why rows are set aside, in words, and what became of them when they were tried again.

import type { ReplayResult } from '../api/types'
import { show } from '../format'

const REASONS: Record<string, string> = {
  fields: 'Wrong number of fields',
  type: 'Not of the column’s type',
  required: 'Missing',
  accepted: 'Not one of the accepted values',
  range: 'Out of range',
  check: 'Breaks a check',
  unique: 'Not unique',
  key: 'No key, or one that is nowhere',
  encoding: 'No readable text',
  quote: 'A quote without an end',
  drift: 'Other columns than expected',
  pattern: 'Not of the expected form',
  json: 'No JSON',
}

export function reason(code: string): string {
  return REASONS[code] ?? code.replaceAll('_', ' ')
}

const count = (rows: number) => show(rows, { format: 'integer' })
const rowsOf = (rows: number) => (rows === 1 ? 'one row' : `${count(rows)} rows`)

/** What a second try came to. */
export function outcome({ tried, accepted, still_rejected: left }: ReplayResult): string {
  if (tried === 0) return 'There was nothing to try again.'
  const first = `${tried === 1 ? 'One row was' : `${count(tried)} rows were`} tried again`
  if (left === 0) return `${first}: ${tried === 1 ? 'it is' : 'all are'} in the table now.`
  if (accepted === 0) return `${first}: ${tried === 1 ? 'it is' : 'all are'} still set aside, for what they say now.`
  return `${first}: ${rowsOf(accepted)} ${accepted === 1 ? 'is' : 'are'} in the table now, ${rowsOf(left)} ${left === 1 ? 'is' : 'are'} still set aside.`
}
