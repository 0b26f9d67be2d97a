// From the server's OpenAPI document (openapi.json, which a test of the server holds equal to what it serves) to types of TypeScript.
// `npm run types` writes generated/api.d.ts; a test holds it fresh.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const DOCUMENT = fileURLToPath(new URL('../openapi.json', import.meta.url))
const TYPES = fileURLToPath(new URL('../generated/api.d.ts', import.meta.url))

const NAME = /^[A-Za-z_]\w*$/
const PLAIN = { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' }

/** A schema in words of TypeScript. What it does not know ends the work: a silent `any` would check nothing. */
function written(schema) {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1)
  const options = schema.anyOf ?? schema.oneOf
  if (options !== undefined) return options.map(written).join(' | ')
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ')
  if (Array.isArray(schema.type)) return schema.type.map((type) => written({ ...schema, type })).join(' | ')
  if (schema.type === 'array') {
    const item = written(schema.items ?? {})
    return /^[\w.]+$/.test(item) ? `${item}[]` : `(${item})[]`
  }
  if (schema.type === 'object' || schema.properties !== undefined) return members(schema, '')
  if (schema.type === undefined) return 'Value'
  const plain = PLAIN[schema.type]
  if (plain === undefined) throw new Error(`no type for ${JSON.stringify(schema)}`)
  return plain
}

function members(schema, indent) {
  const entries = Object.entries(schema.properties ?? {})
  if (entries.length === 0) return `Record<string, ${typeof schema.additionalProperties === 'object' ? written(schema.additionalProperties) : 'Value'}>`
  const required = new Set(schema.required ?? [])
  const lines = entries.map(([name, member]) => `${indent}  ${NAME.test(name) ? name : JSON.stringify(name)}${required.has(name) ? '' : '?'}: ${written(member)}`)
  return `{\n${lines.join('\n')}\n${indent}}`
}

export function types(document) {
  const schemas = Object.entries(document.components.schemas).map(([name, schema]) => {
    const docs = schema.description === undefined ? '' : `/** ${schema.description.replaceAll('*/', '* /')} */\n`
    return `${docs}export ${schema.properties === undefined ? `type ${name} =` : `interface ${name}`} ${written(schema)}\n`
  })
  const value = '/** Whatever stands in a cell of a result. */\nexport type Value = string | number | boolean | null\n'
  return `// Made by \`npm run types\` from openapi.json. Not to be edited.\n\n${[value, ...schemas].join('\n')}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(TYPES, types(JSON.parse(await readFile(DOCUMENT, 'utf8'))))
