import { expect, test } from 'vitest'
import { addressOf, parse, type Route } from '../../src/state/route'

const there = (route: Route) => {
  const [path = '', search = ''] = addressOf(route).split('?')
  return parse(path, search)
}

test('an address without a word on selections leaves them to the defaults; `{}` says none', () => {
  expect(parse('/d/sales', '').selections).toBeNull()
  expect(parse('/d/sales', '?s={}').selections).toEqual({})
  expect(addressOf({ place: { at: 'dashboard', name: 'sales' }, selections: {}, origins: {} })).toBe('/d/sales?s=%7B%7D')
})

test('a place, what is selected there and where it was selected come back from the address', () => {
  const route: Route = { place: { at: 'dashboard', name: 'sales' }, selections: { country: ['DE', null], day: { from: '2024' } }, origins: { country: '3' } }
  expect(there(route)).toEqual(route)
})

test.each(['../../etc/passwd', 'a/b', '..', '%', 'x.y', '<script>alert(1)</script>', 'שלום', '?s={}', 'a b+c&d#e', 'k'.repeat(10_000)])(
  'an entity may be called %s',
  (key) => {
    const route: Route = { place: { at: 'entity', column: 'customer_id', key }, selections: null, origins: {} }
    expect(there(route)).toEqual(route)
    // The server takes a path with a dot for a file.
    expect(addressOf(route)).not.toContain('.')
  },
)

test('where a selection is gone, so is the word on who made it', () => {
  expect(there({ place: { at: 'home' }, selections: { a: ['1'] }, origins: { a: '1', b: '2' } }).origins).toEqual({ a: '1' })
})

test.each(['/d', '/d/', '/x/y', '/d/a/b', '/e/column', '/d/%E0%A4%A'])('%s is no place', (path) => {
  expect(parse(path, '').place).toEqual({ at: 'lost' })
})
