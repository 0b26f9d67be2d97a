// From a panel and its result to what is drawn, and back from a place in the picture to what is selected there. Pure.

import type { EChartsOption } from 'echarts'
import type { Panel, PanelRows, Value } from '../api/types'
import type { Between, Selections } from '../state/selections'
import type { Colours, Look } from './look'
import { axisPicture } from './axes'
import { heatmapPicture } from './heatmap'
import { histogramPicture } from './histogram'
import { scatterPicture } from './scatter'

/** What a click on a place says. */
export type Pick = { column: string; value: string | null } | { column: string; between: Between }

export interface LegendEntry {
  name: string
  colour: string
  /** undefined: a measure, which nothing can be filtered by. */
  by: Value | undefined
  faded: boolean
}

export interface Picture {
  option: EChartsOption
  /** Parts of ECharts that draw it. */
  parts: ('line' | 'bar' | 'heatmap' | 'scatter')[]
  legend: LegendEntry[]
  note: string | null
  /** Pixels it wants; the panel scrolls where it is higher. */
  height: number | null
  /** Places that the pointer and the arrow keys go to. */
  places: number
  /** Place nearest to what `convertFromPixel` says for the grid; -1 for none. */
  placeAt(x: number, y: number): number
  /** Coordinates of a place for `convertToPixel`. */
  coordinates(place: number): [number, number]
  picks(place: number): Pick[]
  say(place: number): string
  /** The selection from one place to another, where x has an order that can be brushed. */
  brush: null | { between(from: number, to: number): Pick; selected: [number, number] | null }
  seriesOf(place: number): { seriesIndex: number; dataIndex: number }
}

export interface Drawing {
  panel: Panel
  result: PanelRows
  /** What was selected in this panel: the rest of it fades. What was selected elsewhere is not in its result at all. */
  selections: Selections
  look: Look
  colours: Colours
  width: number
}

export function picture(drawing: Drawing): Picture {
  switch (drawing.panel.kind) {
    case 'heatmap':
      return heatmapPicture(drawing)
    case 'histogram':
      return histogramPicture(drawing)
    case 'scatter':
      return scatterPicture(drawing)
    default:
      return axisPicture(drawing)
  }
}

export const MOTION = 260
export const FADED = 0.28

export function base(look: Look): EChartsOption {
  return {
    animation: !look.still,
    // What is new is there at once; what changes moves, so that the eye can follow it.
    animationDuration: 0,
    animationDurationUpdate: MOTION,
    animationEasingUpdate: 'cubicOut',
    useUTC: true,
    textStyle: { fontFamily: look.font, color: look.muted, fontSize: 12 },
    tooltip: {
      confine: true,
      transitionDuration: look.still ? 0 : 0.12,
      backgroundColor: 'transparent',
      borderWidth: 0,
      padding: 0,
      extraCssText: 'box-shadow:none',
    },
  }
}

export function valueAxis(look: Look, format: (value: number) => string) {
  return {
    type: 'value' as const,
    axisLine: { show: false },
    axisTick: { show: false },
    splitNumber: 4,
    splitLine: { lineStyle: { color: look.line, width: 1 } },
    axisLabel: { color: look.muted, fontSize: 11, formatter: format, hideOverlap: true },
  }
}

export function categoryAxis(look: Look, labels: string[]) {
  return {
    type: 'category' as const,
    data: labels,
    axisLine: { lineStyle: { color: look.line } },
    axisTick: { show: false },
    axisLabel: { color: look.muted, fontSize: 11, hideOverlap: true },
  }
}

export const GRID = { left: 4, right: 14, top: 12, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' } as const
