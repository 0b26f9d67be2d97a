// What steps of a run say together: of a node, of the whole run, and of a plan as a tree. Pure.

import type { Operator, RunDetail, RunNode, Step } from '../api/types'

export type Tone = 'good' | 'busy' | 'bad' | 'quiet'

const TONES: Record<string, Tone> = {
  succeeded: 'good',
  done: 'good',
  running: 'busy',
  started: 'busy',
  failed: 'bad',
  interrupted: 'bad',
  lost: 'bad',
}

export function toneOf(status: string | null): Tone {
  return status === null ? 'quiet' : (TONES[status] ?? 'quiet')
}

export const isGoing = (status: string | null) => toneOf(status) === 'busy'

export interface NodeWork {
  node: RunNode
  /** In the order of their start; none for what no step makes, such as a source. */
  steps: Step[]
  seconds: number | null
  progress: number | null
  rowsPerSecond: number | null
}

const sum = (values: (number | null)[]) => {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

export function workOf({ nodes, steps }: RunDetail): NodeWork[] {
  const byNode = new Map<string, Step[]>()
  for (const step of steps) byNode.set(step.node, [...(byNode.get(step.node) ?? []), step])
  return nodes.map((node) => {
    const own = byNode.get(node.name) ?? []
    const going = own.find((step) => isGoing(step.status))
    const main = longest(own)
    return {
      node,
      steps: own,
      seconds: sum(own.map((step) => step.seconds)),
      progress: going?.progress ?? null,
      rowsPerSecond: (going ?? main)?.rows_per_second ?? null,
    }
  })
}

/** Where most of the time went. */
export function longest(steps: Step[]): Step | null {
  return steps.reduce<Step | null>((most, step) => (most === null || (step.seconds ?? 0) > (most.seconds ?? 0) ? step : most), null)
}

export interface Totals {
  done: number
  rowsRead: number
  rowsWritten: number
  rejected: number
  bytesRead: number
  bytesWritten: number
  spilled: number
  exchanged: number
}

export function totals(steps: Step[]): Totals {
  const of = (pick: (step: Step) => number) => steps.reduce((total, step) => total + pick(step), 0)
  return {
    done: steps.filter((step) => !isGoing(step.status) && step.ended_at !== null).length,
    rowsRead: of((step) => step.rows_read),
    rowsWritten: of((step) => step.rows_written),
    rejected: of((step) => step.rows_rejected),
    bytesRead: of((step) => step.bytes_read),
    bytesWritten: of((step) => step.bytes_written),
    spilled: of((step) => step.bytes_spilled),
    exchanged: of((step) => step.bytes_exchanged),
  }
}

export interface Branch {
  operator: Operator
  depth: number
}

/** A plan from its root down, each operator followed by what feeds it; what has lost its parent stands at the root. */
export function tree(operators: Operator[]): Branch[] {
  const known = new Set(operators.map((one) => one.id))
  const children = new Map<number | null, Operator[]>()
  for (const one of operators) {
    const parent = one.parent !== null && known.has(one.parent) && one.parent !== one.id ? one.parent : null
    children.set(parent, [...(children.get(parent) ?? []), one])
  }
  const branches: Branch[] = []
  const seen = new Set<number>()
  const stack = [...(children.get(null) ?? [])].reverse().map((operator) => ({ operator, depth: 0 }))
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (seen.has(top.operator.id)) continue
    seen.add(top.operator.id)
    branches.push(top)
    const depth = top.depth + 1
    stack.push(...[...(children.get(top.operator.id) ?? [])].reverse().map((operator) => ({ operator, depth })))
  }
  return branches
}

export interface Bar {
  /** Of the whole, from 0 to 1. */
  left: number
  width: number
}

/** When each step ran, as a part of the whole run. */
export function timeline(steps: Step[], now: number): Bar[] {
  const spans = steps.map((step) => {
    const from = Date.parse(step.started_at)
    return { from, to: step.ended_at !== null ? Date.parse(step.ended_at) : isGoing(step.status) ? Math.max(from, now) : from }
  })
  const first = Math.min(...spans.map((span) => span.from))
  const whole = Math.max(...spans.map((span) => span.to)) - first
  return spans.map((span) => (whole <= 0 ? { left: 0, width: 1 } : { left: (span.from - first) / whole, width: (span.to - span.from) / whole }))
}
