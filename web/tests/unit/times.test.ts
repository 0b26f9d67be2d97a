import { expect, test } from 'vitest'
import { grainOf } from '../../src/state/times'

test('times are of what all of them are', () => {
  expect(grainOf(['2024-11-01', '2024-12-01'])).toBe('month')
  expect(grainOf(['2024-11-01T00:00:00Z', null, '2024-12-01T00:00:00Z'])).toBe('month')
  expect(grainOf(['2024-11-01', '2024-12-02'])).toBe('day')
  expect(grainOf(['2024-11-01T00:00:00Z', '2024-12-02T00:00:00.000Z'])).toBe('day')
  expect(grainOf(['2024-11-01T00:00:00Z', '2024-11-01T10:05:00Z'])).toBe('minute')
  expect(grainOf(['2024-11-01T00:00:00Z', '2024-11-01T10:05:07Z'])).toBe(null)
})

test('one alone is not taken for a month or a day, and what is no time is none', () => {
  expect(grainOf(['2024-11-01'])).toBe(null)
  expect(grainOf(['2024-11-01T12:00:00Z', '2024-11-01T12:00:00Z'])).toBe('minute')
  expect(grainOf(['2024-11-01', 'November'])).toBe(null)
  expect(grainOf(['2024-11-01', 3])).toBe(null)
  expect(grainOf([null, undefined])).toBe(null)
})
