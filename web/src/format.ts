// Values as people read them. Every formatter of Intl is made once: making one costs far more than using it.

import type { Bucket, ColumnType, Format, Value } from './api/types'

export const NOTHING = '–'
/** Longer texts are cut for the eye; the whole stands in the title. */
export const LONGEST = 80

const locale = typeof navigator === 'undefined' ? 'en' : navigator.language || 'en'

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat>()

function number(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = `n${JSON.stringify(options)}`
  let format = made.get(key)
  if (format === undefined) made.set(key, (format = new Intl.NumberFormat(locale, options)))
  return format as Intl.NumberFormat
}

function time(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `t${JSON.stringify(options)}`
  let format = made.get(key)
  if (format === undefined) made.set(key, (format = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options })))
  return format as Intl.DateTimeFormat
}

export interface Style {
  format?: Format | null
  unit?: string | null
  type?: ColumnType
  bucket?: Bucket | null
  /** For axes and tiles: 1.2M instead of 1,234,567. */
  compact?: boolean
}

export function show(value: Value | undefined, style: Style = {}): string {
  if (value === null || value === undefined) return NOTHING
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number') return showNumber(value, style)
  if (style.type === 'date' || style.type === 'time') return showTime(value, style)
  if ((style.type === 'integer' || style.type === 'number' || style.format != null) && value !== '' && Number.isFinite(Number(value))) {
    return showNumber(Number(value), style)
  }
  return value
}

export function showNumber(value: number, style: Style = {}): string {
  if (!Number.isFinite(value)) return NOTHING
  const compact: Intl.NumberFormatOptions = style.compact ? { notation: 'compact', maximumFractionDigits: 1 } : {}
  switch (style.format) {
    case 'money':
      return money(value, style)
    case 'percent':
      return number({ style: 'percent', maximumFractionDigits: Math.abs(value) < 0.1 ? 1 : style.compact ? 0 : 1 }).format(value)
    case 'bytes':
      return bytes(value)
    case 'duration':
      return duration(value)
    case 'integer':
      return suffixed(number({ maximumFractionDigits: 0, ...compact }).format(value), style.unit)
    default: {
      // Years and keys are integers that nobody wants cut into thousands; they carry no format and are small or exact.
      const digits = style.type === 'integer' ? 0 : Math.abs(value) >= 1000 ? 1 : 2
      return suffixed(number({ maximumFractionDigits: digits, ...compact }).format(value), style.unit)
    }
  }
}

const CURRENCIES: Record<string, string> = { '€': 'EUR', $: 'USD', '£': 'GBP', '¥': 'JPY', '₹': 'INR', '₽': 'RUB', '₩': 'KRW' }

function money(value: number, style: Style): string {
  const code = style.unit == null ? undefined : (CURRENCIES[style.unit] ?? (/^[A-Z]{3}$/.test(style.unit) ? style.unit : undefined))
  const options: Intl.NumberFormatOptions = style.compact
    ? { notation: 'compact', maximumFractionDigits: 1, minimumFractionDigits: 0 }
    : { minimumFractionDigits: Math.abs(value) >= 100_000 ? 0 : 2, maximumFractionDigits: Math.abs(value) >= 100_000 ? 0 : 2 }
  if (code !== undefined) {
    try {
      return number({ style: 'currency', currency: code, currencyDisplay: 'narrowSymbol', ...options }).format(value)
    } catch {
      // Three capitals that are no currency: shown behind the amount.
    }
  }
  return suffixed(number(options).format(value), style.unit)
}

function suffixed(text: string, unit: string | null | undefined): string {
  return unit == null || unit === '' ? text : `${text}\u202f${clip(unit, 12)}`
}

const SIZES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']

function bytes(value: number): string {
  let size = Math.abs(value)
  let unit = 0
  while (size >= 1000 && unit < SIZES.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${number({ maximumFractionDigits: unit === 0 || size >= 100 ? 0 : 1 }).format(value < 0 ? -size : size)}\u202f${SIZES[unit]}`
}

/** Seconds. */
export function duration(seconds: number): string {
  const abs = Math.abs(seconds)
  const sign = seconds < 0 ? '−' : ''
  if (abs === 0) return '0\u202fs'
  if (abs < 1e-3) return `${sign}${number({ maximumFractionDigits: 0 }).format(abs * 1e6)}\u202fµs`
  if (abs < 1) return `${sign}${number({ maximumFractionDigits: abs < 0.01 ? 1 : 0 }).format(abs * 1e3)}\u202fms`
  if (abs < 60) return `${sign}${number({ maximumFractionDigits: abs < 10 ? 1 : 0 }).format(abs)}\u202fs`
  const parts: [number, string][] = [
    [Math.floor(abs / 86400), 'd'],
    [Math.floor(abs / 3600) % 24, 'h'],
    [Math.floor(abs / 60) % 60, 'min'],
    [Math.floor(abs) % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  const shown = parts.slice(first, first + 2).filter(([amount], index) => index === 0 || amount > 0)
  return sign + shown.map(([amount, unit]) => `${amount}\u202f${unit}`).join(' ')
}

export function showTime(text: string, style: Style = {}): string {
  const date = instant(text)
  if (date === null) return text
  switch (style.bucket) {
    case 'year':
      return time({ year: 'numeric' }).format(date)
    case 'quarter':
      return `Q${Math.floor(date.getUTCMonth() / 3) + 1} ${date.getUTCFullYear()}`
    case 'month':
      return time({ year: 'numeric', month: style.compact ? 'short' : 'long' }).format(date)
    case 'week':
    case 'day':
      return time({ dateStyle: 'medium' }).format(date)
    case 'hour':
    case 'minute':
      return time({ ...(style.compact ? {} : { year: 'numeric' }), month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(date)
    default:
      if (style.type === 'date') return time({ dateStyle: 'medium' }).format(date)
      return time({ year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(date)
  }
}

function instant(text: string): Date | null {
  if (!/^\d{4}-\d\d/.test(text)) return null
  const iso = text.replace(' ', 'T')
  const date = new Date(/T/.test(iso) && !/(Z|[+-]\d\d:?\d\d)$/.test(iso) ? `${iso}Z` : iso)
  return Number.isNaN(date.getTime()) ? null : date
}

export function ago(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000))
  if (seconds < 1) return 'just now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`
  const days = Math.floor(seconds / 86400)
  return days === 1 ? '1 day ago' : `${days} days ago`
}

/** A share with its sign, for the change against the time before. */
export function change(now: number, then: number): { text: string; direction: 'up' | 'down' | 'same' } | null {
  if (!Number.isFinite(now) || !Number.isFinite(then) || then === 0) return null
  const share = (now - then) / Math.abs(then)
  const direction = Math.abs(share) < 0.0005 ? 'same' : share > 0 ? 'up' : 'down'
  if (Math.abs(share) >= 10) return { text: `×${number({ maximumFractionDigits: 0 }).format(now / then)}`, direction }
  return { text: number({ style: 'percent', maximumFractionDigits: 1, signDisplay: 'exceptZero' }).format(share), direction }
}

/** Cuts by characters that people see, never through a surrogate pair. */
export function clip(text: string, longest = LONGEST): string {
  if (text.length <= longest) return text
  const cut = text.slice(0, longest - 1)
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}
