import { describe, expect, test } from 'vitest'
import type { Panel, PanelRows, Value } from '../../src/api/types'
import { lastIn, whole } from '../../src/charts/histogram'
import { Colours, type Look } from '../../src/charts/look'
import { filled, matrixOf } from '../../src/charts/matrix'
import { picture, type Drawing } from '../../src/charts/picture'
import { sparkline } from '../../src/charts/sparkline'

const LOOK: Look = {
  text: '#000',
  muted: '#555',
  faint: '#999',
  line: '#eee',
  surface: '#fff',
  accent: '#06c',
  series: ['#1', '#2', '#3'],
  scale: ['#a', '#b'],
  ink: ['#0', '#1', '#2'],
  still: true,
  font: 'sans-serif',
}

const panel = (more: Partial<Panel>): Panel => ({
  id: '3',
  title: 'T',
  description: '',
  kind: 'bar',
  view: 'sales',
  width: 6,
  live: false,
  x: { column: 'country', label: 'Country', type: 'text', bucket: null },
  y: [{ name: 'y0', label: 'Revenue', format: 'money', unit: '€' }],
  by: null,
  columns: [],
  selectable: ['country'],
  ...more,
})

const result = (names: string[], rows: Value[][]): PanelRows => ({
  columns: names.map((name) => ({ name, type: 'text' })),
  rows,
  truncated: false,
  as_of: '2025-01-01T00:00:00Z',
  version: '1',
  elapsed_ms: 1,
})

const draw = (more: Partial<Drawing> & Pick<Drawing, 'panel' | 'result'>) =>
  picture({ selections: {}, look: LOOK, colours: new Colours(), width: 600, ...more })

const MONTH = { column: 'order_month', label: 'Month', type: 'date' as const, bucket: 'month' as const }

describe('rows become series', () => {
  test('by name, with gaps where a series has no row', () => {
    const by = panel({ by: { column: 'device', label: 'Device' }, x: MONTH })
    const matrix = matrixOf(by, result(['x', 'by', 'y0'], [['2024-01-01', 'b', 1], ['2024-02-01', 'a', 2], ['2024-02-01', null, 3]]))
    expect(matrix.xs).toEqual(['2024-01-01', '2024-02-01'])
    expect(matrix.series.map((one) => [one.by, one.values])).toEqual([['a', [null, 2]], ['b', [1, null]], [null, [null, 3]]])
  })

  test('nothing and the text “null” are two', () => {
    const by = panel({ by: { column: 'device', label: 'Device' } })
    expect(matrixOf(by, result(['x', 'by', 'y0'], [['x', null, 1], ['x', 'null', 2]])).series).toHaveLength(2)
  })

  test('so many that nobody can tell them apart are the largest, and it is said how many are missing', () => {
    const by = panel({ by: { column: 'device', label: 'Device' } })
    const rows = Array.from({ length: 30 }, (_, index) => ['x', `d${index}`, index] as Value[])
    const matrix = matrixOf(by, result(['x', 'by', 'y0'], rows))
    expect([matrix.series.length, matrix.dropped, matrix.series[0]?.by]).toEqual([12, 18, 'd18'])
  })

  test('a month without rows leaves its gap between bars', () => {
    const bars = panel({ x: MONTH })
    const matrix = filled(bars, matrixOf(bars, result(['x', 'y0'], [['2023-12-01', 1], ['2024-03-01', 2]])))
    expect(matrix.xs).toEqual(['2023-12-01', '2024-01-01', '2024-02-01', '2024-03-01'])
    expect(matrix.series[0]?.values).toEqual([1, null, null, 2])
  })

  test('empty bins are put back', () => {
    expect(whole([{ from: 0, to: 0.1, rows: 4 }, { from: 0.3, to: 0.4, rows: 1 }]).map((bin) => [bin.from, bin.rows])).toEqual([[0, 4], [0.1, 0], [0.2, 0], [0.3, 1]])
  })
})

describe('a place in a picture is a selection', () => {
  test('bars over texts lie, and say their value', () => {
    const drawn = draw({ panel: panel({}), result: result(['x', 'y0'], [['DE', 2], [null, 1]]) })
    expect(drawn.picks(0)).toEqual([{ column: 'country', value: 'DE' }])
    expect(drawn.picks(1)).toEqual([{ column: 'country', value: null }])
    expect([drawn.placeAt(0.4, 1.2), drawn.placeAt(0, 7)]).toEqual([1, -1])
    expect(drawn.say(0)).toBe('DE: Revenue €2.00')
    expect(drawn.brush).toBeNull()
  })

  test('a month is from its first day to before the next one', () => {
    const drawn = draw({ panel: panel({ x: MONTH, kind: 'line' }), result: result(['x', 'y0'], [['2024-01-01', 2], ['2024-12-01', 1]]) })
    expect(drawn.picks(1)).toEqual([{ column: 'order_month', between: { from: '2024-12-01', to: '2025-01-01' } }])
    expect(drawn.brush?.between(1, 0)).toEqual({ column: 'order_month', between: { from: '2024-01-01', to: '2025-01-01' } })
    expect(drawn.placeAt(Date.UTC(2024, 1, 1), 0)).toBe(0)
  })

  test('what was brushed stays marked', () => {
    const rows = result(['x', 'y0'], [['2024-01-01', 2], ['2024-02-01', 1], ['2024-03-01', 1]])
    const drawn = draw({ panel: panel({ x: MONTH, kind: 'area' }), result: rows, selections: { order_month: { from: '2024-02-01', to: '2024-03-01' } } })
    expect(drawn.brush?.selected).toEqual([1, 1])
  })

  test('a bin is its edges, a cell both its dimensions, a point its group', () => {
    const bins = draw({ panel: panel({ kind: 'histogram', x: { column: 'age', label: 'Age', type: 'integer', bucket: null } }), result: result(['x', 'x1', 'y0'], [[0, 10, 5]]) })
    expect(bins.picks(0)).toEqual([{ column: 'age', between: { from: '0', to: '9' } }])
    const by = { column: 'device', label: 'Device' }
    const cells = draw({ panel: panel({ kind: 'heatmap', by }), result: result(['x', 'by', 'y0'], [['DE', 'phone', 5]]) })
    expect(cells.picks(0)).toEqual([{ column: 'country', value: 'DE' }, { column: 'device', value: 'phone' }])
    const points = draw({ panel: panel({ kind: 'scatter', by, x: { column: 'age', label: 'Age', type: 'integer', bucket: null } }), result: result(['x', 'by', 'y0'], [[30, 'tablet', 5], [null, 'x', 1]]) })
    expect([points.places, points.picks(0)]).toEqual([1, [{ column: 'device', value: 'tablet' }]])
    const plain = draw({ panel: panel({ kind: 'scatter', x: { column: 'age', label: 'Age', type: 'integer', bucket: null } }), result: result(['x', 'y0'], [[30, 5]]) })
    expect(plain.picks(0)).toEqual([{ column: 'age', between: { from: '30', to: '30' } }])
  })

  test('a bin of fractions ends before the next one begins, and begins where it says', () => {
    const bins = draw({ panel: panel({ kind: 'histogram', x: { column: 'price', label: 'Price', type: 'number', bucket: null } }), result: result(['x', 'x1', 'y0'], [[3 * 0.1, 4 * 0.1, 5], [4 * 0.1, 5 * 0.1, 1]]) })
    const [pick] = bins.picks(0)
    const between = pick !== undefined && 'between' in pick ? pick.between : {}
    expect(between.from).toBe('0.3')
    expect(Number(between.to)).toBeLessThan(0.4)
    expect(Number(between.to)).toBeGreaterThan(0.399999)
    expect(lastIn({ from: 0, to: 10, rows: 1 }, true)).toBe(9)
    expect(lastIn({ from: null, to: null, rows: 1 }, false)).toBeNull()
  })
})

describe('what is drawn', () => {
  test('hostile names are one line of bounded length', () => {
    const by = panel({ kind: 'stacked', by: { column: 'device', label: 'Device' } })
    const drawn = draw({ panel: by, result: result(['x', 'by', 'y0'], [['a\nb', 'x'.repeat(10_000), 1], ['c', '\u202egnp.exe', 2]]) })
    for (const entry of drawn.legend) expect(entry.name.length).toBeLessThanOrEqual(42)
    expect(JSON.stringify(drawn.option)).not.toMatch(/x{100}|\u202e/)
  })

  test('what is not selected here fades', () => {
    const drawn = draw({ panel: panel({}), result: result(['x', 'y0'], [['DE', 2], ['FR', 1]]), selections: { country: ['DE'] } })
    const [series] = drawn.option.series as { data: { itemStyle: { opacity: number } }[] }[]
    expect(series?.data.map((one) => one.itemStyle.opacity < 1)).toEqual([false, true])
  })

  test('a value keeps its colour whatever a filter takes away', () => {
    const colours = new Colours()
    const by = panel({ kind: 'line', x: MONTH, by: { column: 'device', label: 'Device' } })
    const all = draw({ panel: by, colours, result: result(['x', 'by', 'y0'], [['2024-01-01', 'a', 1], ['2024-01-01', 'b', 1]]) })
    const one = draw({ panel: by, colours, result: result(['x', 'by', 'y0'], [['2024-01-01', 'b', 1]]) })
    expect(one.legend[0]?.colour).toBe(all.legend[1]?.colour)
  })

  test('two thousand points of no meaning break nothing', () => {
    const rows = Array.from({ length: 2000 }, (_, index) => [null, index % 7 === 0 ? null : 'x', index % 3 === 0 ? null : index] as Value[])
    for (const kind of ['line', 'area', 'bar', 'stacked', 'heatmap', 'scatter', 'histogram'] as const) {
      expect(draw({ panel: panel({ kind, by: { column: 'device', label: 'Device' } }), result: result(['x', 'by', 'y0'], rows) }).places).toBeGreaterThanOrEqual(0)
    }
  })

  test('a sparkline of one value is none, of equal values a level', () => {
    expect(sparkline([1], 100, 40).line).toBe('')
    expect(sparkline([2, null, 2], 100, 40).line).toBe('M3 20L97 20')
  })
})
