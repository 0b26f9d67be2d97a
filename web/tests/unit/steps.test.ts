import { describe, expect, test } from 'vitest'
import type { Operator, ReplayResult, Step } from '../../src/api/types'
import { outcome, reason } from '../../src/operations/reasons'
import { timeline, toneOf, totals, tree, workOf } from '../../src/operations/steps'

const step = (over: Partial<Step>): Step => ({
  step_id: 1, node: 'sales', stage: 'view', status: 'succeeded', started_at: '2026-01-01T00:00:00Z', ended_at: '2026-01-01T00:00:10Z', seconds: 10, progress: 1,
  rows_read: 100, rows_written: 90, rows_rejected: 0, rows_per_second: 10, bytes_read: 1, bytes_written: 1, bytes_spilled: 0, bytes_exchanged: 0, cpu_seconds: 1,
  peak_memory_bytes: 1, message: null, error: null, why: null, operators: [], ...over,
})
const operator = (id: number, parent: number | null): Operator => ({ id, parent, operator: `o${id}`, detail: '', rows: 1, seconds: 1, seconds_waiting: 0, share: 0.5, bytes_read: 0, bytes_written: 0, bytes_spilled: 0, bytes_exchanged: 0 })

describe('a plan as a tree', () => {
  test('each operator stands below what it feeds, its whole branch before its neighbour', () => {
    const branches = tree([operator(0, null), operator(3, 0), operator(1, 0), operator(2, 1), operator(4, 3)])
    expect(branches.map(({ operator: one, depth }) => [one.id, depth])).toEqual([[0, 0], [3, 1], [4, 2], [1, 1], [2, 2]])
  })

  test('an operator without its parent is still shown', () => {
    expect(tree([operator(5, 99), operator(6, 6)]).map((branch) => branch.operator.id)).toEqual([5, 6])
  })
})

test('a node says what its steps say together, and how far the one that goes on has come', () => {
  const steps = [step({ step_id: 1, stage: 'fit', seconds: 2 }), step({ step_id: 2, stage: 'apply', status: 'running', seconds: 3, progress: 0.4, rows_per_second: 77 })]
  const [sales, source] = workOf({ run: {} as never, steps, nodes: [{ name: 'sales', kind: 'view', status: 'running' }, { name: 'file', kind: 'source', status: 'up_to_date' }], edges: [] })
  expect(sales).toMatchObject({ seconds: 5, progress: 0.4, rowsPerSecond: 77 })
  expect(source).toMatchObject({ seconds: null, progress: null, steps: [] })
})

test('totals count what is done, and all that was read', () => {
  const steps = [step({}), step({ seconds: null, status: 'running', ended_at: null })]
  expect(totals(steps)).toMatchObject({ done: 1, rowsRead: 200, rowsWritten: 180 })
})

test('bars of the timeline are parts of the whole; one that goes on reaches to now', () => {
  const steps = [step({}), step({ started_at: '2026-01-01T00:00:10Z', ended_at: null, status: 'running' })]
  expect(timeline(steps, Date.parse('2026-01-01T00:00:20Z'))).toEqual([{ left: 0, width: 0.5 }, { left: 0.5, width: 0.5 }])
  expect(timeline([], 0)).toEqual([])
})

test('what nobody knows of is quiet', () => {
  expect([toneOf('succeeded'), toneOf('running'), toneOf('failed'), toneOf('odd'), toneOf(null)]).toEqual(['good', 'busy', 'bad', 'quiet', 'quiet'])
})

test.each<[Partial<ReplayResult>, RegExp]>([
  [{ tried: 0, accepted: 0, still_rejected: 0 }, /nothing to try/],
  [{ tried: 1, accepted: 1, still_rejected: 0 }, /^One row was tried again: it is in the table now\.$/],
  [{ tried: 1200, accepted: 1200, still_rejected: 0 }, /^1,200 rows were tried again: all are in the table now\.$/],
  [{ tried: 3, accepted: 0, still_rejected: 3 }, /all are still set aside/],
  [{ tried: 3, accepted: 1, still_rejected: 2 }, /one row is in the table now, 2 rows are still set aside/],
])('a second try in words: %o', (result, words) => {
  expect(outcome({ table: 't', next: '', tried: 0, accepted: 0, still_rejected: 0, ...result })).toMatch(words)
})

test('a reason that is not known reads as its code', () => {
  expect([reason('range'), reason('my_rule')]).toEqual(['Out of range', 'my rule'])
})
