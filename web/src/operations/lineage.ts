// Where columns come from and where they go. Pure.

import type { ColumnEdge, Lineage, LineageNode } from '../api/types'

/** A column of a table, as the key of a map: names are anything. */
export const keyOf = (table: string, column: string | null) => JSON.stringify([table, column])

/** By its name, or by the last part of it: what the SQL of a view calls `orders` may be stored as `clean.orders`. */
export function findTable(nodes: LineageNode[], name: string): LineageNode | null {
  const exact = nodes.find((node) => node.name === name)
  if (exact !== undefined) return exact
  const near = nodes.filter((node) => node.name.endsWith(`.${name}`))
  return near.find((node) => node.kind === 'clean') ?? near[0] ?? nodes.find((node) => name.endsWith(`.${node.name}`)) ?? null
}

/** What takes part, and by which of its columns. */
export interface Involved {
  /** By table, in the order of its columns; none for what takes part as a whole. */
  columns: Map<string, string[]>
  edges: ColumnEdge[]
}

/** Everything that a table, or one column of it, is made of, and everything that is made of it. */
export function involved(lineage: Lineage, table: string, column: string | null): Involved {
  const keys = new Set<string>()
  const edges = new Set<ColumnEdge>()
  for (const upstream of [true, false]) {
    const next = new Map<string, ColumnEdge[]>()
    for (const edge of lineage.edges) {
      const end = upstream ? keyOf(edge.to, column === null ? null : edge.to_column) : keyOf(edge.from, column === null ? null : edge.from_column)
      const known = next.get(end)
      if (known === undefined) next.set(end, [edge])
      else known.push(edge)
    }
    const seen = new Set([keyOf(table, column)])
    const queue = [...seen]
    for (let key = queue.pop(); key !== undefined; key = queue.pop()) {
      keys.add(key)
      for (const edge of next.get(key) ?? []) {
        edges.add(edge)
        const end = upstream ? keyOf(edge.from, column === null ? null : edge.from_column) : keyOf(edge.to, column === null ? null : edge.to_column)
        if (!seen.has(end)) {
          seen.add(end)
          queue.push(end)
        }
      }
    }
  }
  const columns = new Map<string, string[]>()
  for (const node of lineage.nodes) {
    const own = node.columns.map((one) => one.name).filter((name) => keys.has(keyOf(node.name, name)))
    if (column === null ? keys.has(keyOf(node.name, null)) : own.length > 0 || keys.has(keyOf(node.name, null))) columns.set(node.name, column === null ? [] : own)
  }
  return { columns, edges: [...edges] }
}

/** One link for each pair of tables. */
export function tableLinks(edges: ColumnEdge[]): { from: string; to: string }[] {
  const found = new Map(edges.map(({ from, to }) => [keyOf(from, to), { from, to }]))
  return [...found.values()].filter(({ from, to }) => from !== to)
}

export interface Hit {
  table: string
  column: string | null
}

/** Tables and columns whose names hold what was typed: those that begin with it first, tables before columns. */
export function find(nodes: LineageNode[], typed: string, limit: number): Hit[] {
  const wanted = typed.trim().toLowerCase()
  if (wanted === '') return []
  const hits: { hit: Hit; rank: number }[] = []
  for (const node of nodes) {
    const name = node.name.toLowerCase()
    if (name.includes(wanted)) hits.push({ hit: { table: node.name, column: null }, rank: name === wanted ? 0 : name.startsWith(wanted) ? 1 : 2 })
    for (const { name: column } of node.columns) {
      const text = column.toLowerCase()
      if (text.includes(wanted) || `${name}.${text}`.includes(wanted)) hits.push({ hit: { table: node.name, column }, rank: text === wanted ? 3 : text.startsWith(wanted) ? 4 : 5 })
    }
  }
  return hits.sort((a, b) => a.rank - b.rank).slice(0, limit).map(({ hit }) => hit)
}
