// ECharts comes in pieces, and only those that a dashboard draws with are fetched.

import type { EChartsType } from 'echarts/core'
import type { Picture } from './picture'

const PARTS = {
  line: () => import('./parts/line'),
  bar: () => import('./parts/bar'),
  heatmap: () => import('./parts/heatmap'),
  scatter: () => import('./parts/scatter'),
}

export async function chartIn(element: HTMLElement, parts: Picture['parts']): Promise<EChartsType> {
  const [{ init }] = await Promise.all([import('./parts/base'), load(parts)])
  return init(element, null, { renderer: 'canvas' })
}

export async function load(parts: Picture['parts']): Promise<void> {
  await Promise.all(parts.map((part) => PARTS[part]()))
}
