// Answers panels from rows in memory, as the server would from its views.

const LABELS = { order_day: 'Day', order_month: 'Month', ordered_at: 'Ordered', months_since: 'Months since the first order', total: 'Order value', cohort: 'First order' }
export const labelOf = (column) => LABELS[column] ?? (column.charAt(0).toUpperCase() + column.slice(1)).replaceAll('_', ' ')

export function typeOf(column) {
  if (['order_day', 'order_month', 'cohort'].includes(column)) return 'date'
  if (column === 'ordered_at') return 'time'
  if (['total', 'margin', 'latency'].includes(column)) return 'number'
  if (['order_id', 'hour', 'age', 'quantity', 'months_since'].includes(column)) return 'integer'
  return column === 'is_returned' ? 'boolean' : 'text'
}

export class Wrong extends Error {}

export function selectionsOf(text) {
  if (text === null || text === '') return {}
  let parsed
  try {
    parsed = JSON.parse(text)
  } catch {
    throw new Wrong('`s` is not JSON')
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) throw new Wrong('`s` is not an object')
  for (const [column, value] of Object.entries(parsed)) {
    const list = Array.isArray(value) && value.every((item) => item === null || typeof item === 'string')
    const between = value !== null && typeof value === 'object' && !Array.isArray(value) && Object.entries(value).every(([name, bound]) => ['from', 'to'].includes(name) && typeof bound === 'string')
    if (!list && !between) throw new Wrong(`the selection of ${column} is neither a list of texts nor from and to`)
  }
  return parsed
}

export function filtered(rows, selections) {
  let left = rows
  for (const [column, selection] of Object.entries(selections)) {
    if (rows.length > 0 && !(column in rows[0])) continue
    const type = typeOf(column)
    if (Array.isArray(selection)) {
      const wanted = new Set(selection)
      left = left.filter((row) => wanted.has(row[column] === null ? null : String(row[column])))
    } else {
      const numeric = type === 'integer' || type === 'number'
      const { from, to } = selection
      left = left.filter((row) => {
        const value = row[column]
        if (value === null) return false
        if (numeric) return (from === undefined || value >= Number(from)) && (to === undefined || value <= Number(to))
        return (from === undefined || value >= from) && (to === undefined || value < to)
      })
    }
  }
  return left
}

function cut(value, bucket, type) {
  if (!bucket || value === null) return value
  const date = new Date(value)
  if (bucket === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  if (bucket === 'month') date.setUTCDate(1)
  if (bucket === 'minute') date.setUTCSeconds(0, 0)
  else if (bucket === 'hour') date.setUTCMinutes(0, 0, 0)
  else date.setUTCHours(0, 0, 0, 0)
  return type === 'date' ? date.toISOString().slice(0, 10) : date.toISOString().replace('.000Z', 'Z')
}

function measured(of, rows) {
  if (of === 'count') return rows.length
  const [how, column] = of.split(' ')
  if (rows.length === 0) return null
  const sum = rows.reduce((total, row) => total + row[column], 0)
  return Math.round((how === 'avg' ? sum / rows.length : sum) * 10_000) / 10_000
}

function grouped(rows, keyOf) {
  const groups = new Map()
  for (const row of rows) {
    const key = keyOf(row)
    const name = JSON.stringify(key)
    if (!groups.has(name)) groups.set(name, { key, rows: [] })
    groups.get(name).rows.push(row)
  }
  return [...groups.values()]
}

const order = (a, b) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : a > b ? 1 : 0)

export function answer(panel, rows) {
  if (panel.where === 'none') rows = []
  const x = panel.x
  const xType = x && typeOf(x)
  if (panel.kind === 'table') {
    const [column, direction] = panel.order.split(' ')
    const sorted = [...rows].sort((a, b) => order(a[column], b[column]) * (direction === 'desc' ? -1 : 1)).slice(0, panel.limit)
    return { columns: panel.columns.map(({ name, type }) => ({ name, type })), rows: sorted.map((row) => panel.columns.map(({ name }) => row[name])) }
  }
  if (panel.kind === 'histogram') {
    const values = rows.map((row) => row[x])
    if (values.length === 0) return { columns: [], rows: [] }
    const [low, high] = [0, values.reduce((most, value) => Math.max(most, value), 0)]
    const raw = (high - low) / panel.bins || 1
    const power = 10 ** Math.floor(Math.log10(raw))
    const width = power * [1, 2, 5, 10].find((one) => raw / power <= one)
    const bins = Array.from({ length: panel.bins }, (_, index) => [low + index * width, low + (index + 1) * width, 0])
    for (const value of values) bins[Math.min(panel.bins - 1, Math.floor((value - low) / width))][2] += 1
    return { columns: [{ name: 'x', type: 'number' }, { name: 'x1', type: 'number' }, { name: 'y0', type: 'integer' }], rows: bins.filter((bin) => bin[2] > 0) }
  }
  if (panel.kind === 'scatter') {
    const step = Math.max(1, Math.floor(rows.length / panel.sample))
    const sampled = rows.filter((_, index) => index % step === 0)
    return { columns: [{ name: 'x', type: xType }, { name: 'by', type: 'text' }, { name: 'y0', type: 'number' }], rows: sampled.map((row) => [row[x], row[panel.by], row.total]) }
  }
  if (panel.kind === 'cohort') {
    const sizes = new Map(grouped(rows, (row) => row.cohort).map(({ key, rows: all }) => [key, new Set(all.map((row) => row.customer_id)).size]))
    const cells = grouped(rows, (row) => [row.cohort, row.months_since])
      .filter(({ key }) => key[1] <= 11 && key[0] !== null)
      .map(({ key, rows: all }) => [key[1], key[0], Math.round((new Set(all.map((row) => row.customer_id)).size / sizes.get(key[0])) * 1000) / 1000])
      .sort((a, b) => order(a[1], b[1]) || order(a[0], b[0]))
    return { columns: [{ name: 'x', type: 'integer' }, { name: 'by', type: 'date' }, { name: 'y0', type: 'number' }], rows: cells }
  }
  const measures = panel.y.map((one, index) => ({ name: `y${index}`, type: one.of === 'count' ? 'integer' : 'number' }))
  if (!x) return { columns: measures, rows: [panel.y.map((one) => measured(one.of, rows))] }
  const groups = grouped(rows, (row) => [cut(row[x], panel.bucket, xType), ...(panel.by ? [row[panel.by]] : [])])
  const result = groups.map(({ key, rows: all }) => [...key, ...panel.y.map((one) => measured(one.of, all))])
  const y = panel.by ? 2 : 1
  result.sort((a, b) => (panel.order === 'y desc' ? b[y] - a[y] : order(a[0], b[0])))
  return {
    columns: [{ name: 'x', type: xType }, ...(panel.by ? [{ name: 'by', type: typeOf(panel.by) }] : []), ...measures],
    rows: panel.limit ? result.slice(0, panel.limit) : result,
  }
}
