// Lines, areas, bars and stacks: measures along one x.

import type { EChartsOption, SeriesOption } from 'echarts'
import type { Value } from '../api/types'
import { show, type Style } from '../format'
import { asText, contains, isIn } from '../state/selections'
import { bucketEnd, grainOf, parseTime } from '../state/times'
import { label } from './escape'
import { seriesColour } from './look'
import { filled, isTime, matrixOf, type Series } from './matrix'
import { base, categoryAxis, FADED, GRID, valueAxis, type Drawing, type LegendEntry, type Pick, type Picture } from './picture'
import { tooltip } from './tooltip'

const BAR_HEIGHT = 24
const NARROW = 440
/** More bars in time than this are drawn as areas when they are stacked: a bar of two pixels is none. */
const MOST_STACKS = 60

export function axisPicture(drawing: Drawing): Picture {
  const { panel, look, colours, selections } = drawing
  const overTime = isTime(panel)
  const lineLike = panel.kind === 'line' || panel.kind === 'area'
  let matrix = matrixOf(panel, drawing.result)
  const asArea = panel.kind === 'stacked' && overTime && matrix.xs.length > MOST_STACKS
  const lines = lineLike || asArea
  const timeAxis = lines && overTime
  if (overTime && (!lines || asArea)) matrix = filled(panel, matrix)
  const horizontal = !lines && panel.x?.type === 'text'

  const axis = panel.x
  const xStyle: Style = { type: axis?.type, bucket: axis?.bucket ?? (overTime ? grainOf(matrix.xs) : null) }
  const xName = (value: Value) => (typeof value === 'string' && !overTime ? label(value, 60) : show(value, xStyle))
  const selectedX = axis === null ? undefined : selections[axis.column]
  const selectedBy = panel.by === null ? undefined : selections[panel.by.column]

  const several = panel.y.length > 1
  const nameOf = (series: Series) => {
    if (series.by === undefined) return label(series.measure.label)
    const by = label(series.by)
    return several ? `${by} · ${label(series.measure.label)}` : by
  }
  const colourOf = (series: Series, index: number) =>
    series.by === undefined || panel.by === null
      ? seriesColour(look, index)
      : seriesColour(look, colours.place(panel.by.column, series.by))
  const faded = (series: Series) => series.by !== undefined && !contains(selectedBy, series.by)

  const times = timeAxis ? matrix.xs.map((value) => parseTime(String(value))?.getTime() ?? NaN) : []
  const fadesX = (place: number) => selectedX !== undefined && !contains(selectedX, matrix.xs[place] ?? null)

  const series: SeriesOption[] = matrix.series.map((one, index) => {
    const colour = colourOf(one, index)
    const opacity = faded(one) ? FADED : 1
    if (lines) {
      const stacked = asArea
      const alone = matrix.series.length === 1
      return {
        id: `line-${nameOf(one)}-${index}`,
        type: 'line',
        name: nameOf(one),
        data: one.values.map((value, place) => {
          const shown = stacked ? (value ?? 0) : value
          return timeAxis ? [times[place] ?? 0, shown as number] : (shown as number)
        }),
        stack: stacked ? 'all' : undefined,
        symbol: 'circle',
        symbolSize: 7,
        showSymbol: matrix.xs.length === 1,
        lineStyle: { width: stacked ? 1 : 2, color: colour, opacity },
        itemStyle: { color: colour, borderColor: look.surface, borderWidth: 1.5 },
        areaStyle: stacked
          ? { color: colour, opacity: 0.75 * opacity }
          : panel.kind === 'area'
            ? { color: colour, opacity: (alone ? 0.16 : 0.08) * opacity }
            : undefined,
        emphasis: { disabled: true },
        sampling: 'lttb',
      }
    }
    const stacks = panel.kind === 'stacked'
    return {
      id: `bar-${nameOf(one)}-${index}`,
      type: 'bar',
      name: nameOf(one),
      stack: stacks ? 'all' : undefined,
      barMaxWidth: 38,
      barMinHeight: 1,
      barCategoryGap: horizontal ? '28%' : '22%',
      data: one.values.map((value, place) => ({
        value: value as number,
        itemStyle: { opacity: fadesX(place) || faded(one) ? FADED : 1 },
      })),
      itemStyle: {
        color: colour,
        borderRadius: stacks ? 0 : horizontal ? [0, 3, 3, 0] : [3, 3, 0, 0],
        borderColor: look.surface,
        borderWidth: stacks ? 0.5 : 0,
      },
      emphasis: { disabled: true },
    }
  })

  const first = panel.y[0]
  const narrow = horizontal && drawing.width < NARROW
  const values = { ...valueAxis(look, (value) => show(value, { format: first?.format, unit: first?.unit, compact: true })), ...(narrow ? { splitNumber: 2 } : {}) }
  const places = matrix.xs.length
  const category = categoryAxis(look, matrix.xs.map((value) => (overTime ? show(value, { ...xStyle, compact: true }) : label(value, 22))))
  const along = timeAxis
    ? {
        type: 'time' as const,
        axisLine: { lineStyle: { color: look.line } },
        axisTick: { show: false },
        axisLabel: { color: look.muted, fontSize: 11, hideOverlap: true, formatter: TIME_LABELS },
        splitLine: { show: false },
      }
    : { ...category, boundaryGap: !lines, inverse: horizontal }

  const lead = (place: number) => {
    let title = xName(matrix.xs[place] ?? null)
    if (title.length === 0) title = show(null)
    return title
  }
  const linesAt = (place: number) =>
    matrix.series
      .map((one, index) => ({ one, index }))
      .filter(({ one }) => one.values[place] !== null || matrix.series.length <= 4)
      .map(({ one, index }) => ({
        colour: colourOf(one, index),
        name: nameOf(one),
        value: show(one.values[place] ?? null, { format: one.measure.format, unit: one.measure.unit }),
      }))

  const option: EChartsOption = {
    ...base(look),
    grid: { ...GRID },
    xAxis: horizontal ? values : along,
    yAxis: horizontal ? along : values,
    series,
  }
  option.tooltip = {
    ...option.tooltip,
    trigger: 'axis',
    axisPointer: lines
      ? { type: 'line', lineStyle: { color: look.faint, type: 'solid' } }
      : { type: 'shadow', shadowStyle: { color: look.text, opacity: 0.05 } },
    formatter: (given: unknown) => {
      const place = (given as { dataIndex?: number }[])[0]?.dataIndex ?? -1
      return place < 0 || place >= places ? '' : tooltip(lead(place), linesAt(place))
    },
  }

  const pick = (place: number): Pick[] => {
    if (axis === null) return []
    const value = matrix.xs[place] ?? null
    if (axis.bucket !== null && typeof value === 'string') {
      return [{ column: axis.column, between: { from: value, to: bucketEnd(value, axis.bucket, axis.type) } }]
    }
    return [{ column: axis.column, value: asText(value) }]
  }

  const legend: LegendEntry[] =
    matrix.series.length < 2 && panel.by === null
      ? []
      : matrix.series.map((one, index) => ({ name: nameOf(one), colour: colourOf(one, index), by: one.by, faded: faded(one) }))

  return {
    option,
    parts: lines ? ['line'] : ['bar'],
    legend,
    note: matrix.dropped > 0 ? `${matrix.dropped} smaller series are in the table only` : null,
    height: horizontal ? places * BAR_HEIGHT * (panel.kind === 'bar' && matrix.series.length > 1 ? 1.6 : 1) + 40 : null,
    places,
    placeAt: (x, y) => {
      const at = horizontal ? y : x
      if (!timeAxis) return at >= 0 && at < places ? Math.round(at) : -1
      let nearest = -1
      for (let place = 0; place < places; place += 1) {
        if (nearest < 0 || Math.abs((times[place] ?? 0) - at) < Math.abs((times[nearest] ?? 0) - at)) nearest = place
      }
      return nearest
    },
    coordinates: (place) => {
      const value = matrix.series.find((one) => one.values[place] !== null)?.values[place] ?? 0
      const at = timeAxis ? (times[place] ?? 0) : place
      return horizontal ? [value, at] : [at, value]
    },
    picks: pick,
    say: (place) =>
      `${lead(place)}: ${linesAt(place)
        .map((line) => `${line.name} ${line.value}`)
        .join(', ')}`,
    brush:
      overTime && axis !== null
        ? {
            between: (from, to) => {
              const start = String(matrix.xs[Math.min(from, to)])
              const end = String(matrix.xs[Math.max(from, to)])
              return { column: axis.column, between: { from: start, to: bucketEnd(end, axis.bucket, axis.type) } }
            },
            selected: span(matrix.xs, selectedX),
          }
        : null,
    seriesOf: (place) => {
      const index = matrix.series.findIndex((one) => one.values[place] !== null)
      return { seriesIndex: Math.max(0, index), dataIndex: place }
    },
  }
}

/** First and last place within a selection, where something lies outside it. */
function span(xs: Value[], selection: Parameters<typeof contains>[0]): [number, number] | null {
  if (selection === undefined || isIn(selection)) return null
  const inside = xs.flatMap((value, place) => (contains(selection, value) ? [place] : []))
  const from = inside[0]
  const to = inside[inside.length - 1]
  return from === undefined || to === undefined || inside.length === xs.length ? null : [from, to]
}

const TIME_LABELS = {
  year: '{yyyy}',
  month: '{MMM} {yyyy}',
  day: '{d} {MMM}',
  hour: '{HH}:{mm}',
  minute: '{HH}:{mm}',
  second: '{HH}:{mm}:{ss}',
  millisecond: '{HH}:{mm}:{ss}',
  none: '{yyyy}-{MM}-{dd}',
}
