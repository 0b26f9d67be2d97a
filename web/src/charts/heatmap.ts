// Two dimensions and a shade.

import type { EChartsOption } from 'echarts'
import type { Value } from '../api/types'
import { show, type Style } from '../format'
import { asText, contains } from '../state/selections'
import { bucketEnd, grainOf } from '../state/times'
import { label } from './escape'
import { inkAt } from './look'
import { asNumber, byName, columnOf } from './matrix'
import { base, categoryAxis, FADED, GRID, type Drawing, type Pick, type Picture } from './picture'
import { tooltip } from './tooltip'

const ROW_HEIGHT = 26
const MOST_LABELS = 120

export function heatmapPicture({ panel, result, selections, look, width }: Drawing): Picture {
  const [x, by, y] = ['x', 'by', 'y0'].map((name) => columnOf(result, name)) as [number, number, number]
  const xs = distinct(result.rows.map((row) => row[x] ?? null))
  const rows = distinct(result.rows.map((row) => row[by] ?? null))
  const xPlace = new Map(xs.map((value, place) => [value, place]))
  const rowPlace = new Map(rows.map((value, place) => [value, place]))
  const measure = panel.y[0]
  const style: Style = { format: measure?.format, unit: measure?.unit }
  const xStyle: Style = { type: panel.x?.type, bucket: panel.x?.bucket ?? grainOf(xs) }
  const xName = (value: Value, compact = false) => (panel.x?.type === 'text' ? label(value, compact ? 14 : 60) : show(value, { ...xStyle, compact }))

  const cells = result.rows.map((row) => ({ x: row[x] ?? null, by: row[by] ?? null, value: asNumber(row[y]) }))
  const known = cells.flatMap((cell) => (cell.value === null ? [] : [cell.value]))
  const least = Math.min(0, ...known)
  const most = Math.max(...known, least + Number.EPSILON)
  const selectedX = panel.x === null ? undefined : selections[panel.x.column]
  const selectedBy = panel.by === null ? undefined : selections[panel.by.column]
  const labelled = cells.length <= MOST_LABELS && width / Math.max(1, xs.length) > 44

  const describe = (place: number) => {
    const cell = cells[place]
    return cell === undefined ? null : { title: `${xName(cell.x)} · ${label(cell.by, 60)}`, value: show(cell.value, style) }
  }

  const option: EChartsOption = {
    ...base(look),
    grid: { ...GRID, right: 4 },
    xAxis: { ...categoryAxis(look, xs.map((value) => xName(value, true))), axisLine: { show: false }, splitArea: { show: false } },
    yAxis: { ...categoryAxis(look, rows.map((value) => label(value, 20))), axisLine: { show: false }, inverse: true },
    visualMap: { show: false, min: least, max: most, calculable: false, inRange: { color: look.scale } },
    series: [
      {
        id: 'cells',
        type: 'heatmap',
        data: cells.map((cell) => {
          const share = cell.value === null ? 0 : (cell.value - least) / (most - least)
          return {
            value: [xPlace.get(cell.x) ?? 0, rowPlace.get(cell.by) ?? 0, cell.value ?? '-'],
            itemStyle: { opacity: contains(selectedX, cell.x) && contains(selectedBy, cell.by) ? 1 : FADED },
            label: { color: look.ink[inkAt(share)] },
          }
        }),
        label: {
          show: labelled,
          fontSize: 11,
          formatter: (given) => show(cells[given.dataIndex]?.value ?? null, { ...style, compact: true }),
        },
        itemStyle: { borderColor: look.surface, borderWidth: 2, borderRadius: 4 },
        emphasis: { disabled: true },
      },
    ],
  }
  option.tooltip = {
    ...option.tooltip,
    trigger: 'item',
    formatter: (given: unknown) => {
      const about = describe((given as { dataIndex: number }).dataIndex)
      return about === null ? '' : tooltip(about.title, [{ colour: null, name: measure?.label ?? '', value: about.value }])
    },
  }

  return {
    option,
    parts: ['heatmap'],
    legend: [],
    note: null,
    height: rows.length * ROW_HEIGHT + 40,
    places: cells.length,
    placeAt: (atX, atY) => cells.findIndex((cell) => xPlace.get(cell.x) === Math.round(atX) && rowPlace.get(cell.by) === Math.round(atY)),
    coordinates: (place) => {
      const cell = cells[place]
      return cell === undefined ? [0, 0] : [xPlace.get(cell.x) ?? 0, rowPlace.get(cell.by) ?? 0]
    },
    picks: (place) => {
      const cell = cells[place]
      if (cell === undefined || panel.x === null || panel.by === null) return []
      const along: Pick =
        panel.x.bucket !== null && typeof cell.x === 'string'
          ? { column: panel.x.column, between: { from: cell.x, to: bucketEnd(cell.x, panel.x.bucket, panel.x.type) } }
          : { column: panel.x.column, value: asText(cell.x) }
      return [along, { column: panel.by.column, value: asText(cell.by) }]
    },
    say: (place) => {
      const about = describe(place)
      return about === null ? '' : `${about.title}: ${measure?.label ?? ''} ${about.value}`
    },
    brush: null,
    seriesOf: (place) => ({ seriesIndex: 0, dataIndex: place }),
  }
}

export function distinct(values: Value[]): Value[] {
  return [...new Set(values)].sort(byName)
}
