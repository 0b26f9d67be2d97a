import { expect, test } from 'vitest'
import { label } from '../../src/charts/escape'

test('marks that turn the direction of what follows are gone, letters of such scripts are isolated', () => {
  expect(label('a\u202eb\u2066c\u0000d\ne')).toBe('a b c d e')
  expect(label('שלום')).toBe('\u2068שלום\u2069')
})

test('nothing and blanks can be seen', () => {
  expect(label(null)).toBe('–')
  expect(label('')).toBe('(blank)')
  expect(label('\u202e ')).toBe('(blank)')
})

test('ten thousand characters are forty', () => {
  expect(label('x'.repeat(10_000))).toHaveLength(40)
})
