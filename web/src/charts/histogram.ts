// How often values lie between two edges.

import type { EChartsOption } from 'echarts'
import { show } from '../format'
import { contains, isIn } from '../state/selections'
import { asNumber, columnOf } from './matrix'
import { base, categoryAxis, FADED, GRID, valueAxis, type Drawing, type Picture } from './picture'
import { seriesColour } from './look'
import { tooltip } from './tooltip'

export function histogramPicture({ panel, result, selections, look }: Drawing): Picture {
  const [low, high, count] = ['x', 'x1', 'y0'].map((name) => columnOf(result, name)) as [number, number, number]
  const bins = whole(result.rows.map((row) => ({ from: asNumber(row[low]), to: asNumber(row[high]), rows: asNumber(row[count]) ?? 0 })))
  const measure = panel.y[0]
  const axis = panel.x
  const edge = (value: number | null, compact: boolean) => show(value, { type: 'number', compact: compact && Math.abs(value ?? 0) >= 10_000 })
  const name = (place: number) => {
    const bin = bins[place]
    return bin === undefined || bin.from === null ? show(null) : `${edge(bin.from, false)} to ${edge(bin.to, false)}`
  }
  const rows = (place: number) => show(bins[place]?.rows ?? null, { format: measure?.format ?? 'integer', unit: measure?.unit })
  const selected = axis === null ? undefined : selections[axis.column]
  const colour = seriesColour(look, 0)
  const title = measure?.label ?? 'Rows'

  const option: EChartsOption = {
    ...base(look),
    grid: { ...GRID },
    xAxis: categoryAxis(look, bins.map((bin) => edge(bin.from, true))),
    yAxis: valueAxis(look, (value) => show(value, { format: measure?.format ?? 'integer', unit: measure?.unit, compact: true })),
    series: [
      {
        id: 'bins',
        type: 'bar',
        barCategoryGap: '4%',
        data: bins.map((bin) => {
          const middle = bin.from === null ? null : (bin.from + (bin.to ?? bin.from)) / 2
          return { value: bin.rows, itemStyle: { opacity: contains(selected, middle) ? 1 : FADED } }
        }),
        itemStyle: { color: colour, borderRadius: [2, 2, 0, 0] },
        emphasis: { disabled: true },
      },
    ],
  }
  option.tooltip = {
    ...option.tooltip,
    trigger: 'axis',
    axisPointer: { type: 'shadow', shadowStyle: { color: look.text, opacity: 0.05 } },
    formatter: (given: unknown) => {
      const place = (given as { dataIndex?: number }[])[0]?.dataIndex ?? -1
      return bins[place] === undefined ? '' : tooltip(name(place), [{ colour, name: title, value: rows(place) }])
    },
  }

  const between = (from: number, to: number) => {
    const [first, last] = [bins[Math.min(from, to)], bins[Math.max(from, to)]]
    const end = last === undefined ? null : lastIn(last, axis?.type === 'integer')
    // Twelve digits: an edge such as 3 × 0.1 would show its rounding, and leave out the value that it was made for.
    return { ...(first?.from == null ? {} : { from: String(Number(first.from.toPrecision(12))) }), ...(end === null ? {} : { to: String(end) }) }
  }
  const inside = bins.flatMap((bin, place) =>
    selected !== undefined && !isIn(selected) && bin.from !== null && contains(selected, (bin.from + (bin.to ?? bin.from)) / 2) ? [place] : [],
  )
  const first = inside[0]
  const last = inside[inside.length - 1]

  return {
    option,
    parts: ['bar'],
    legend: [],
    note: null,
    height: null,
    places: bins.length,
    placeAt: (x) => (x >= 0 && x < bins.length ? Math.round(x) : -1),
    coordinates: (place) => [place, bins[place]?.rows ?? 0],
    picks: (place) => {
      if (axis === null) return []
      return bins[place]?.from == null ? [{ column: axis.column, value: null }] : [{ column: axis.column, between: between(place, place) }]
    },
    say: (place) => `${name(place)}: ${title} ${rows(place)}`,
    brush:
      axis === null
        ? null
        : {
            between: (from, to) => ({ column: axis.column, between: between(from, to) }),
            selected: first === undefined || last === undefined || inside.length === bins.length ? null : [first, last],
          },
    seriesOf: (place) => ({ seriesIndex: 0, dataIndex: place }),
  }
}

export interface Bin {
  from: number | null
  to: number | null
  rows: number
}

/** The server takes what is as near below an edge as this part of a bin for the edge itself. */
const NEAR = 1e-9

/** A range of numbers holds both its ends, and the upper edge of a bin is the next one's first: what is meant ends just before. */
export function lastIn({ from, to }: Bin, whole: boolean): number | null {
  if (from === null || to === null || to <= from) return to
  if (whole) return to - 1 >= from ? to - 1 : to
  return Number((to - (to - from) * NEAR).toPrecision(15))
}

const MOST_BINS = 2000

/** Where nothing lies, no row comes: the empty bins between are put back, or the axis would have gaps that nobody sees. */
export function whole(bins: Bin[]): Bin[] {
  const full: Bin[] = []
  for (const bin of bins) {
    const last = full[full.length - 1]
    if (bin.from !== null && bin.to !== null && last?.from != null && last.to !== null) {
      const step = last.to - last.from
      const missing = step > 0 ? Math.round((bin.from - last.to) / step) : 0
      if (missing + full.length + bins.length > MOST_BINS) return bins
      for (let index = 0; index < missing; index += 1) {
        // Ten digits: a sum of steps such as 0.1 would show its rounding.
        const from = Number((last.to + index * step).toPrecision(10))
        full.push({ from, to: Number((from + step).toPrecision(10)), rows: 0 })
      }
    }
    full.push(bin)
  }
  return full
}
