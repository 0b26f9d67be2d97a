import { afterAll, beforeAll, expect, test } from 'vitest'
import kept from '../../generated/api.d.ts?raw'
import openapi from '../../openapi.json?raw'
// @ts-expect-error: plain JavaScript
import { types } from '../../scripts/types.mjs'
// @ts-expect-error: plain JavaScript
import { start } from '../../mock/server.mjs'

interface Schema {
  $ref?: string
  type?: string
  anyOf?: Schema[]
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
}
interface Document {
  paths: Record<string, Record<string, { responses: Record<string, { content?: Record<string, { schema: Schema }> }> }>>
  components: { schemas: Record<string, Schema> }
}

const document = JSON.parse(openapi) as Document
let mock: { address: string; stop(): Promise<void> }
beforeAll(async () => void (mock = (await start()) as typeof mock))
afterAll(() => mock.stop())

test('the types are those of the document (`npm run types`)', () => {
  expect(kept).toBe((types as (document: Document) => string)(document))
})

/** What does not fit, in words. */
function misfits(value: unknown, schema: Schema, at: string): string[] {
  if (schema.$ref !== undefined) return misfits(value, document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, at)
  if (schema.anyOf !== undefined) return schema.anyOf.some((one) => misfits(value, one, at).length === 0) ? [] : [`${at}: ${JSON.stringify(value)}`]
  switch (schema.type) {
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no object`]
      const missing = (schema.required ?? []).filter((name) => !(name in value)).map((name) => `${at}.${name} is missing`)
      return [...missing, ...Object.entries(value).flatMap(([name, one]) => (schema.properties?.[name] === undefined ? [`${at}.${name} is not in the document`] : misfits(one, schema.properties[name], `${at}.${name}`)))]
    }
    case 'array':
      return Array.isArray(value) ? value.flatMap((one, index) => misfits(one, schema.items ?? {}, `${at}[${index}]`)) : [`${at} is no list`]
    case 'null':
      return value === null ? [] : [`${at}: ${JSON.stringify(value)}`]
    case 'integer':
      return Number.isInteger(value) ? [] : [`${at}: ${JSON.stringify(value)}`]
    case undefined:
      return []
    default:
      return typeof value === schema.type ? [] : [`${at}: ${JSON.stringify(value)}`]
  }
}

const ASKED: [string, string][] = [
  ['/api/project', '/api/project'],
  ['/api/dashboards/{name}', '/api/dashboards/sales'],
  ['/api/dashboards/{name}/panels/{id}', '/api/dashboards/sales/panels/5'],
  ['/api/dashboards/{name}/panels/{id}/rows', '/api/dashboards/sales/panels/5/rows'],
  ['/api/dashboards/{name}/panels/{id}/sql', '/api/dashboards/sales/panels/5/sql?s=%7B%22country%22%3A%5B%22Germany%22%5D%7D'],
  ['/api/dashboards/{name}/filters/{column}', '/api/dashboards/sales/filters/country'],
  ['/api/quarantine', '/api/quarantine'],
  ['/api/quarantine/{table}', '/api/quarantine/orders'],
  ['/api/runs', '/api/runs'],
  ['/api/runs/{id}', '/api/runs/20261121T235900-7'],
  ['/api/lineage', '/api/lineage'],
  ['/api/entities', '/api/entities'],
  ['/api/entities/{entity}', '/api/entities/customer_id?q=C-0'],
  ['/api/entities/{entity}/{key}', '/api/entities/customer_id/C-00002'],
]

test.each(ASKED)('the mock answers %s as the document says', async (path, address) => {
  const schema = document.paths[path]?.get?.responses['200']?.content?.['application/json']?.schema
  expect(schema).toBeDefined()
  expect(misfits(await (await fetch(mock.address + address)).json(), schema ?? {}, path)).toEqual([])
})
