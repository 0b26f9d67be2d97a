import { describe, expect, test } from 'vitest'
import { ago, change, clip, duration, show, showNumber } from '../../src/format'

const plain = (text: string) => text.replace(/[\u202f\u00a0]/g, ' ')

describe('values as people read them', () => {
  test.each([
    [1234567.891, { format: 'integer' as const }, '1,234,568'],
    [1234.5, { format: 'money' as const, unit: '€' }, '€1,234.50'],
    [1234567, { format: 'money' as const, unit: 'USD' }, '$1,234,567'],
    [5, { format: 'money' as const, unit: 'points' }, '5.00 points'],
    [0.1234, { format: 'percent' as const }, '12.3%'],
    [1_234_567, { format: 'number' as const, compact: true }, '1.2M'],
    [1_500_000, { format: 'bytes' as const }, '1.5 MB'],
    [999, { format: 'bytes' as const }, '999 B'],
    [3.5, { format: 'number' as const, unit: 'kg' }, '3.5 kg'],
  ])('%s as %o is %s', (value, style, text) => {
    expect(plain(showNumber(value, style))).toBe(text)
  })

  test.each([
    [0, '0 s'],
    [0.0000005, '1 µs'],
    [0.0042, '4.2 ms'],
    [0.25, '250 ms'],
    [5.25, '5.3 s'],
    [90, '1 min 30 s'],
    [7200, '2 h'],
    [90061, '1 d 1 h'],
    [-90, '−1 min 30 s'],
  ])('%s seconds are %s', (seconds, text) => {
    expect(plain(duration(seconds))).toBe(text)
  })

  test('times are those of UTC, as the buckets are', () => {
    expect(show('2024-03-01', { type: 'date', bucket: 'month' })).toBe('March 2024')
    expect(show('2024-12-31T23:30:00Z', { type: 'time', bucket: 'quarter' })).toBe('Q4 2024')
    expect(show('2024-12-31 23:30:00', { type: 'time', bucket: 'year' })).toBe('2024')
    expect(show('not a time', { type: 'time' })).toBe('not a time')
  })

  test('nothing, truths and what is no number', () => {
    expect(show(null)).toBe('–')
    expect(show(true)).toBe('yes')
    expect(showNumber(NaN)).toBe('–')
    expect(show('<b>', { format: 'money' })).toBe('<b>')
  })

  test('ages', () => {
    expect([ago(-5000), ago(999), ago(3000), ago(180_000), ago(7_200_000), ago(86_400_000), ago(3 * 86_400_000)]).toEqual([
      'just now',
      'just now',
      '3 s ago',
      '3 min ago',
      '2 h ago',
      '1 day ago',
      '3 days ago',
    ])
  })

  test('changes say which way', () => {
    expect(change(110, 100)).toEqual({ text: '+10%', direction: 'up' })
    expect(change(-150, -100)).toEqual({ text: '-50%', direction: 'down' })
    expect(change(100, 100)?.direction).toBe('same')
    expect(change(2500, 100)).toEqual({ text: '×25', direction: 'up' })
    expect(change(1, 0)).toBeNull()
  })

  test('a long text is cut, never through a character', () => {
    expect(clip('a'.repeat(10_000)).length).toBe(80)
    expect(clip(`${'a'.repeat(78)}😀b`)).toBe(`${'a'.repeat(78)}…`)
    expect(clip('short')).toBe('short')
  })
})
