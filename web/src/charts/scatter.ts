// Rows as points.

import type { EChartsOption } from 'echarts'
import { show, type Style } from '../format'
import { asText, contains } from '../state/selections'
import { label } from './escape'
import { seriesColour } from './look'
import { asNumber, byName, columnOf } from './matrix'
import { base, FADED, GRID, valueAxis, type Drawing, type LegendEntry, type Picture } from './picture'
import { tooltip } from './tooltip'

export function scatterPicture({ panel, result, selections, look, colours }: Drawing): Picture {
  const [x, y] = ['x', 'y0'].map((name) => columnOf(result, name)) as [number, number]
  const by = panel.by === null ? -1 : columnOf(result, 'by')
  const measure = panel.y[0]
  const yStyle: Style = { format: measure?.format, unit: measure?.unit }
  const xStyle: Style = { type: panel.x?.type }
  const selectedBy = panel.by === null ? undefined : selections[panel.by.column]
  // Where points have no groups, one stands for all that are as far along.
  const selectedX = panel.by !== null || panel.x === null ? undefined : selections[panel.x.column]

  const points = result.rows.flatMap((row) => {
    const at = asNumber(row[x])
    const value = asNumber(row[y])
    return at === null || value === null ? [] : [{ x: at, y: value, by: by < 0 ? undefined : (row[by] ?? null) }]
  })
  const groups = [...new Set(points.map((point) => point.by))].sort(byName)
  const colourOf = (group: (typeof groups)[number]) =>
    group === undefined || panel.by === null ? seriesColour(look, 0) : seriesColour(look, colours.place(panel.by.column, group))
  const members = groups.map((group) => points.flatMap((point, place) => (point.by === group ? [place] : [])))

  const linesOf = (place: number) => {
    const point = points[place]
    if (point === undefined) return []
    return [
      { colour: null, name: panel.x?.label ?? 'x', value: show(point.x, xStyle) },
      { colour: null, name: measure?.label ?? 'y', value: show(point.y, yStyle) },
    ]
  }

  const option: EChartsOption = {
    ...base(look),
    grid: { ...GRID, bottom: 22, left: 6 },
    xAxis: {
      ...valueAxis(look, (value) => show(value, { ...xStyle, compact: Math.abs(value) >= 10_000 })),
      scale: true,
      name: label(panel.x?.label ?? ''),
      nameLocation: 'middle',
      nameGap: 24,
      nameTextStyle: { color: look.muted, fontSize: 11 },
    },
    yAxis: { ...valueAxis(look, (value) => show(value, { ...yStyle, compact: true })), scale: true },
    series: groups.map((group, index) => ({
      id: `points-${index}-${typeof group}-${String(group)}`,
      type: 'scatter',
      name: group === undefined ? (measure?.label ?? '') : label(group),
      symbolSize: points.length > 500 ? 5 : 8,
      data: (members[index] ?? []).map((place) => {
        const [x, y] = [points[place]?.x ?? 0, points[place]?.y ?? 0]
        return contains(selectedX, x) ? [x, y] : { value: [x, y], itemStyle: { opacity: FADED / 2 } }
      }),
      itemStyle: { color: colourOf(group), opacity: group !== undefined && !contains(selectedBy, group) ? FADED / 2 : 0.62 },
      emphasis: { disabled: true },
    })),
  }
  option.tooltip = {
    ...option.tooltip,
    trigger: 'item',
    formatter: (given: unknown) => {
      const { seriesIndex, dataIndex } = given as { seriesIndex: number; dataIndex: number }
      const place = members[seriesIndex]?.[dataIndex]
      if (place === undefined) return ''
      const group = points[place]?.by
      return tooltip(group === undefined ? '' : label(group, 60), linesOf(place))
    },
  }

  const legend: LegendEntry[] = groups.flatMap((group) =>
    group === undefined ? [] : [{ name: label(group), colour: colourOf(group), by: group, faded: !contains(selectedBy, group) }],
  )
  const [spanX, spanY] = [spread(points.map((point) => point.x)), spread(points.map((point) => point.y))]

  return {
    option,
    parts: ['scatter'],
    legend,
    note: null,
    height: null,
    places: points.length,
    placeAt: (atX, atY) => {
      let nearest = -1
      let least = 0.03
      points.forEach((point, place) => {
        const distance = Math.hypot((point.x - atX) / spanX, (point.y - atY) / spanY)
        if (distance < least) {
          least = distance
          nearest = place
        }
      })
      return nearest
    },
    coordinates: (place) => [points[place]?.x ?? 0, points[place]?.y ?? 0],
    picks: (place) => {
      const point = points[place]
      if (point === undefined) return []
      if (panel.by !== null) return point.by === undefined ? [] : [{ column: panel.by.column, value: asText(point.by) }]
      return panel.x === null ? [] : [{ column: panel.x.column, between: { from: String(point.x), to: String(point.x) } }]
    },
    say: (place) => {
      const group = points[place]?.by
      return [...(group === undefined ? [] : [label(group, 60)]), ...linesOf(place).map((line) => `${line.name} ${line.value}`)].join(', ')
    },
    brush: null,
    seriesOf: (place) => {
      const seriesIndex = Math.max(0, members.findIndex((list) => list.includes(place)))
      return { seriesIndex, dataIndex: Math.max(0, members[seriesIndex]?.indexOf(place) ?? 0) }
    },
  }
}

function spread(values: number[]): number {
  let least = Infinity
  let most = -Infinity
  for (const value of values) {
    if (value < least) least = value
    if (value > most) most = value
  }
  return most > least ? most - least : 1
}
