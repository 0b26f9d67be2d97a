import { describe, expect, test } from 'vitest'
import { contains, equal, forPanel, read, readOrigins, toggle, write } from '../../src/state/selections'

describe('what is selected, in the address', () => {
  test('is written the same however it was chosen', () => {
    expect(write({ b: ['x'], a: { to: '2', from: '1' } })).toBe('{"a":{"from":"1","to":"2"},"b":["x"]}')
    expect(write({ a: [], b: {} })).toBe('{}')
  })

  test('comes back as it was, with nothing and blanks told apart', () => {
    const selections = { country: ['DE', null, ''], day: { from: '2024-01' }, 'odd "name"': ['<script>', '\u202eevil'] }
    expect(read(write(selections))).toEqual(selections)
  })

  test.each(['', '{', '[]', 'null', '7', '{"a":{"b":1}}', '{"a":"b"}', '{"a":[]}', '{"a":[{}]}', '{"a":{"from":{}}}'])('%s is no selection, and no error', (text) => {
    expect(read(text)).toEqual({})
  })

  test('numbers and truths become the texts that the server casts', () => {
    expect(read('{"age":[18,true],"total":{"from":5,"to":9.5}}')).toEqual({ age: ['18', 'true'], total: { from: '5', to: '9.5' } })
  })

  test('a column named like a part of every object is a column like others', () => {
    expect(read('{"__proto__":["x"],"constructor":["y"]}')).toHaveProperty('constructor', ['y'])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
    expect(readOrigins('{"country":"3","other":4}')).toEqual({ country: '3' })
  })
})

describe('clicks', () => {
  test('a click selects alone, and again clears', () => {
    expect(toggle(undefined, 'DE', false)).toEqual(['DE'])
    expect(toggle(['DE', 'FR'], 'DE', false)).toEqual(['DE'])
    expect(toggle(['DE'], 'DE', false)).toEqual([])
  })

  test('adding keeps the others', () => {
    expect(toggle(['DE'], null, true)).toEqual(['DE', null])
    expect(toggle(['DE', null], 'DE', true)).toEqual([null])
  })
})

describe('who is narrowed by what', () => {
  const selections = { country: ['DE'], day: { from: '2024-01-01' }, elsewhere: ['x'] }
  test('a panel takes every selection but its own, and none on columns that it has not', () => {
    expect(forPanel(selections, { country: '3' }, { id: '3', selectable: ['country', 'day'] })).toEqual({ day: { from: '2024-01-01' } })
    expect(forPanel(selections, { country: '3' }, { id: '4', selectable: ['country'] })).toEqual({ country: ['DE'] })
  })

  test('times end before their end, numbers with it', () => {
    const year = { from: '2024-01-01', to: '2025-01-01' }
    expect(contains(year, '2024-12-31')).toBe(true)
    expect(contains(year, '2025-01-01')).toBe(false)
    expect(contains(year, '2024-12-31T23:59:59Z')).toBe(true)
    expect(contains({ from: '1', to: '2' }, 2)).toBe(true)
    expect(contains({ from: '1' }, null)).toBe(false)
    expect(contains(['1', null], null)).toBe(true)
    expect(contains(['10'], 10)).toBe(true)
  })

  test('equal is what says the same', () => {
    expect(equal([], undefined)).toBe(true)
    expect(equal({ from: '1', to: undefined }, { from: '1' })).toBe(true)
    expect(equal(['a'], ['b'])).toBe(false)
  })
})
