// A result as charts need it: positions along x, and a series for each value of `by` and each measure. Pure.

import type { Measure, Panel, PanelRows, Value } from '../api/types'
import { bucketEnd } from '../state/times'

export interface Series {
  /** The value of `by`; undefined where the panel has none. */
  by: Value | undefined
  measure: Measure
  values: (number | null)[]
}

export interface Matrix {
  xs: Value[]
  series: Series[]
  /** Series left out because nobody can tell so many lines apart; the table has them all. */
  dropped: number
}

export const MOST_SERIES = 12
const MOST_FILLED = 2000

export function columnOf(result: PanelRows, name: string): number {
  return result.columns.findIndex((column) => column.name === name)
}

export function asNumber(value: Value | undefined): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'string' && value.trim() !== '') {
    const parsed = Number(value)
    return Number.isFinite(parsed) ? parsed : null
  }
  return typeof value === 'boolean' ? Number(value) : null
}

export function matrixOf(panel: Panel, result: PanelRows, most = MOST_SERIES): Matrix {
  const x = columnOf(result, 'x')
  const by = panel.by === null ? -1 : columnOf(result, 'by')
  const xs: Value[] = []
  const places = new Map<Value, number>()
  for (const row of result.rows) {
    const value = x < 0 ? null : (row[x] ?? null)
    if (!places.has(value)) {
      places.set(value, xs.length)
      xs.push(value)
    }
  }
  // Rows of several series each bring their own order: only time is put right, texts stay as the server ordered them.
  if (by >= 0 && isTime(panel)) {
    xs.sort((a, b) => compare(a, b))
    xs.forEach((value, place) => places.set(value, place))
  }

  const found = new Map<string, Series>()
  const measures = panel.y.map((measure, index) => ({ measure, column: columnOf(result, `y${index}`) }))
  for (const row of result.rows) {
    const place = places.get(x < 0 ? null : (row[x] ?? null)) ?? 0
    const key = by < 0 ? undefined : (row[by] ?? null)
    for (const [index, { measure, column }] of measures.entries()) {
      const name = `${index}:${typeof key}:${String(key)}`
      let series = found.get(name)
      if (series === undefined) {
        series = { by: key, measure, values: new Array<number | null>(xs.length).fill(null) }
        found.set(name, series)
      }
      series.values[place] = asNumber(row[column])
    }
  }
  // By name, not by who came first: a series keeps its place when the data changes.
  const all = [...found.values()].sort((a, b) => (by < 0 ? 0 : byName(a.by, b.by)))
  const kept = all.length <= most ? all : new Set([...all].sort((a, b) => weight(b) - weight(a)).slice(0, most))
  const series = Array.isArray(kept) ? kept : all.filter((one) => kept.has(one))
  return { xs, series, dropped: all.length - series.length }
}

const ALPHABET = new Intl.Collator(undefined, { numeric: true })

/** Numbers by size, texts by the alphabet, what has no value last. */
export function byName(a: Value | undefined, b: Value | undefined): number {
  if (a == null || b == null) return a === b ? 0 : a == null ? 1 : -1
  if (typeof a === 'string' && typeof b === 'string') return ALPHABET.compare(a, b)
  return a < b ? -1 : a > b ? 1 : 0
}

function weight(series: Series): number {
  return series.values.reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0)
}

export function isTime(panel: Panel): boolean {
  return panel.x?.type === 'date' || panel.x?.type === 'time'
}

function compare(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** Bars stand side by side: a month without rows has to leave a gap, or the time between two bars would be a lie. */
export function filled(panel: Panel, matrix: Matrix): Matrix {
  const axis = panel.x
  if (axis === null || axis.bucket === null || matrix.xs.length < 2) return matrix
  const from = matrix.xs.findIndex((value) => value !== null)
  const last = matrix.xs[matrix.xs.length - 1]
  const first = matrix.xs[from]
  if (typeof first !== 'string' || typeof last !== 'string') return matrix
  const xs: Value[] = matrix.xs.slice(0, from)
  for (let at = first; at <= last; at = bucketEnd(at, axis.bucket, axis.type)) {
    xs.push(at)
    if (xs.length > MOST_FILLED) return matrix
  }
  const places = new Map(matrix.xs.map((value, place) => [value, place]))
  // Should the server write times in another way than we do, none would be found again: then nothing is filled.
  if (matrix.xs.some((value) => !xs.includes(value))) return matrix
  return {
    ...matrix,
    xs,
    series: matrix.series.map((series) => ({
      ...series,
      values: xs.map((value) => {
        const place = places.get(value)
        return place === undefined ? null : (series.values[place] ?? null)
      }),
    })),
  }
}
