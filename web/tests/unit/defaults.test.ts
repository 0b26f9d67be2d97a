import { expect, test } from 'vitest'
import type { Dashboard } from '../../src/api/types'
import { defaultsOf } from '../../src/state/defaults'
import { describe as inWords } from '../../src/state/describe'
import { before, bucketEnd } from '../../src/state/times'

const dashboard: Dashboard = {
  name: 'sales',
  title: 'Sales',
  description: '',
  entity: null,
  filters: [
    { column: 'country', label: 'Country', kind: 'select', default: ['DE', null] },
    { column: 'age', label: 'Age', kind: 'range', default: [18, ''] },
    { column: 'day', label: 'Day', kind: 'time', default: '90d' },
    { column: 'none', label: 'None', kind: 'select', default: null },
  ],
  panels: [],
}

test('defaults are what the file says, and days count back from the newest', async () => {
  const asked: string[] = []
  const defaults = await defaultsOf(dashboard, async (column) => {
    asked.push(column)
    return { values: [], min: '2020-01-01', max: '2024-03-31' }
  })
  expect(defaults).toEqual({ country: ['DE', null], age: { from: '18' }, day: { from: '2024-01-01' } })
  expect(asked).toEqual(['day'])
})

test('a default that cannot be found out narrows nothing', async () => {
  const defaults = await defaultsOf(dashboard, async () => Promise.reject(new Error('away')))
  expect(defaults).not.toHaveProperty('day')
})

test('buckets end where the next one begins', () => {
  expect(bucketEnd('2024-01-31', 'day', 'date')).toBe('2024-02-01')
  expect(bucketEnd('2024-10-01', 'quarter', 'date')).toBe('2025-01-01')
  expect(bucketEnd('2024-12-30', 'week', 'date')).toBe('2025-01-06')
  expect(bucketEnd('2024-12-31T23:59:00Z', 'minute', 'time')).toBe('2025-01-01T00:00:00Z')
  expect(bucketEnd('2024-02-29', null, 'date')).toBe('2024-03-01')
  expect(before('2024-03-31T12:00:00Z', '12h', 'time')).toBe('2024-03-31T00:00:00Z')
  expect(before('2024-03-31', 'soon', 'date')).toBeNull()
})

test('a selection in words names the last day that is in it', () => {
  expect(inWords({ from: '2024-01-01', to: '2024-04-01' }, { type: 'date', bucket: 'month' })).toBe('January 2024 – March 2024')
  expect(inWords({ from: '2024-01-01', to: '2024-02-01' }, { type: 'date', bucket: 'month' })).toBe('January 2024')
  expect(inWords(['a', 'b', 'c', 'd'], { type: 'text', bucket: null })).toBe('a, b +2')
  expect(inWords([null, ''], { type: 'text', bucket: null })).toBe('–, (blank)')
  expect(inWords({ from: '10', to: '20' }, { type: 'integer', bucket: null })).toBe('10 to 20')
})
