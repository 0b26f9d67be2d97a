import { describe, expect, test } from 'vitest'
import type { Lineage } from '../../src/api/types'
import { find, findTable, involved, tableLinks } from '../../src/operations/lineage'

const node = (name: string, kind: string, ...columns: string[]) => ({ name, kind, dashboard_panels: 0, columns: columns.map((column) => ({ name: column, type: 'text' })) })
const edge = (text: string) => {
  const [from = '', to = ''] = text.split(' > ')
  const split = (end: string) => [end.slice(0, end.lastIndexOf('.')), end.slice(end.lastIndexOf('.') + 1)] as const
  const [[a, b], [c, d]] = [split(from), split(to)]
  return { from: a, from_column: b, to: c, to_column: d, kind: 'direct' }
}
const shop: Lineage = {
  nodes: [node('file', 'source', 'id', 'total', 'name'), node('raw.orders', 'raw', 'id', 'total', 'name'), node('clean.orders', 'clean', 'id', 'total', 'name'), node('sales', 'view', 'id', 'revenue'), node('names', 'view', 'name'), node('month', 'view', 'revenue', 'orders')],
  edges: ['file.id > raw.orders.id', 'file.total > raw.orders.total', 'file.name > raw.orders.name', 'raw.orders.id > clean.orders.id', 'raw.orders.total > clean.orders.total', 'raw.orders.name > clean.orders.name', 'clean.orders.id > sales.id', 'clean.orders.total > sales.revenue', 'clean.orders.name > names.name', 'sales.revenue > month.revenue', 'sales.id > month.orders'].map(edge),
}

describe('what has to do with it', () => {
  test('of a column: down to its source, up to the last that uses it, and no other column', () => {
    const { columns, edges } = involved(shop, 'clean.orders', 'total')
    expect([...columns]).toEqual([['file', ['total']], ['raw.orders', ['total']], ['clean.orders', ['total']], ['sales', ['revenue']], ['month', ['revenue']]])
    expect(edges).toHaveLength(4)
  })

  test('not what else is made of its sources', () => {
    expect([...involved(shop, 'sales', 'revenue').columns.keys()]).not.toContain('names')
    expect([...involved(shop, 'sales', null).columns.keys()]).toEqual(['file', 'raw.orders', 'clean.orders', 'sales', 'month'])
  })

  test('a circle ends', () => {
    const circle = { nodes: [node('a', 'view', 'x'), node('b', 'view', 'x')], edges: ['a.x > b.x', 'b.x > a.x'].map(edge) }
    expect(involved(circle, 'a', 'x').edges).toHaveLength(2)
  })
})

test('a table is found by its name or by the last part of it', () => {
  expect(findTable(shop.nodes, 'sales')?.name).toBe('sales')
  expect(findTable(shop.nodes, 'orders')?.name).toBe('clean.orders')
  expect(findTable(shop.nodes, 'view.sales')?.name).toBe('sales')
  expect(findTable(shop.nodes, 'nowhere')).toBeNull()
})

test('what is typed finds tables before columns, whole names before parts', () => {
  expect(find(shop.nodes, 'ord', 3)).toEqual([{ table: 'raw.orders', column: null }, { table: 'clean.orders', column: null }, { table: 'month', column: 'orders' }])
  expect(find(shop.nodes, 'Sales.REV', 3)).toEqual([{ table: 'sales', column: 'revenue' }])
  expect(find(shop.nodes, '  ', 3)).toEqual([])
})

test('between two tables one link is enough', () => {
  expect(tableLinks(shop.edges)).toHaveLength(5)
})
