// Stands in for the server where there is none: the same paths, made-up numbers. `node mock/server.mjs [--port 5000] [--token T]`
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { basename, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { answer, filtered, labelOf, selectionsOf, typeOf, Wrong } from './answers.mjs'
import { DASHBOARDS } from './dashboards.mjs'
import { entities, lineage, operations } from './operations.mjs'
import { shop, stream } from './shop.mjs'

const DIST = fileURLToPath(new URL('../dist/', import.meta.url))
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

class Missing extends Error {}

/** Starts it; answers with its address and a function that stops it. Port 0 takes any free one. */
export async function start({ port = 0, token = null } = {}) {
  const { sales } = shop()
  const live = stream()
  const views = { sales: () => sales, orders_now: () => live.orders }
  const listeners = new Set()
  let outdated = []
  const machinery = operations()
  const known = entities(sales)
  let version = 1

  const timer = setInterval(() => {
    live.tick()
    version += 1
    for (const { response, dashboard } of listeners) {
      const changed = DASHBOARDS.find((one) => one.name === dashboard)?.panels.flatMap((panel, index) => (panel.live ? [String(index)] : [])) ?? []
      if (changed.length > 0) response.write(`event: changed\ndata: ${JSON.stringify({ panels: changed })}\n\n`)
    }
  }, 1000)
  const pings = setInterval(() => listeners.forEach(({ response }) => response.write('event: ping\ndata: {}\n\n')), 15_000)

  const described = (dashboard) => ({
    name: dashboard.name,
    title: dashboard.title,
    description: dashboard.description ?? '',
    entity: dashboard.entity ?? null,
    filters: dashboard.filters,
    panels: dashboard.panels.map((panel, index) => ({
      id: String(index),
      title: panel.title,
      description: panel.description ?? '',
      kind: panel.kind,
      view: panel.view,
      width: panel.width,
      live: panel.live ?? false,
      x: panel.x ? { column: panel.x, label: labelOf(panel.x), type: typeOf(panel.x), bucket: panel.bucket ?? null } : null,
      y: (panel.y ?? []).map((one, at) => ({ name: `y${at}`, label: one.label, format: one.format ?? null, unit: one.unit ?? '' })),
      by: panel.by ? { column: panel.by, label: labelOf(panel.by) } : null,
      columns: (panel.columns ?? []).map((column) => ({ format: null, ...column })),
      selectable: Object.keys(views[panel.view]?.()[0] ?? {}),
    })),
  })

  const dashboardOf = (name) => {
    const found = DASHBOARDS.find((one) => one.name === name)
    if (found === undefined) throw new Missing(`no dashboard is named ${name.slice(0, 80)}`)
    return found
  }

  function panelAnswer(dashboard, id, what, params) {
    const panel = dashboard.panels[Number(id)]
    if (panel === undefined || !/^\d+$/.test(id)) throw new Missing('no such panel')
    if (views[panel.view] === undefined) throw new Wrong('the view is not there: run the project first')
    const selections = selectionsOf(params.get('s'))
    const rows = filtered(views[panel.view](), selections)
    if (what === undefined) {
      const started = performance.now()
      const result = answer(panel, rows)
      return { ...result, truncated: false, as_of: new Date().toISOString(), version: String(panel.live ? version : 1), elapsed_ms: Math.round((performance.now() - started) * 10) / 10 }
    }
    const names = Object.keys(views[panel.view]()[0])
    if (what === 'rows') {
      const [limit, offset] = [Number(params.get('limit') ?? 100), Number(params.get('offset') ?? 0)]
      return { columns: names.map((name) => ({ name, type: typeOf(name) })), rows: rows.slice(offset, offset + limit).map((row) => names.map((name) => row[name])), total: rows.length }
    }
    if (what === 'sql') {
      const columns = [panel.x, panel.by, ...(panel.columns ?? []).map((one) => one.name)].filter(Boolean)
      const where = Object.entries(selections).map(([column], index) => `"${column}" = ANY(CAST($${index + 1} AS TEXT[]))`)
      return {
        sql: `SELECT ${columns.map((column) => `"${column}"`).join(', ') || '1'}${(panel.y ?? []).map((one) => `,\n       ${one.of.replace(/^(\w+) (\w+)$/, '$1("$2")')} AS ${one.label}`).join('')}\nFROM ${panel.view}${where.length > 0 ? `\nWHERE ${where.join('\n  AND ')}` : ''}\nGROUP BY 1\nORDER BY 1\nLIMIT 2001`,
        params: Object.values(selections).map((one) => JSON.stringify(one)),
        view: panel.view,
        lineage: columns.map((column) => ({ column, from: [`clean.orders.${column}`, ...(column === 'country' ? ['clean.customers.country'] : [])] })),
        run: { run_id: '20261122T071500-8', ended_at: '2025-12-22T06:15:00Z' },
      }
    }
    throw new Missing('no such address')
  }

  function csv(dashboard, id, params) {
    const { columns, rows } = panelAnswer(dashboard, id, undefined, params)
    const cell = (value) => {
      const text = value === null ? '' : String(value)
      const safe = typeof value === 'string' && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
      return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
    }
    return [columns.map((column) => column.name), ...rows].map((row) => row.map(cell).join(',')).join('\r\n')
  }

  function filterAnswer(dashboard, column, params) {
    const view = dashboard.panels.map((panel) => views[panel.view]?.()).find((rows) => rows !== undefined && rows.length > 0 && column in rows[0])
    if (view === undefined) throw new Missing('no such column')
    const counts = new Map()
    for (const row of view) counts.set(row[column], (counts.get(row[column]) ?? 0) + 1)
    const search = (params.get('q') ?? '').toLowerCase()
    const values = [...counts]
      .filter(([value]) => search === '' || String(value ?? '').toLowerCase().includes(search))
      .sort((a, b) => b[1] - a[1])
      .slice(0, Number(params.get('limit') ?? 50))
      .map(([value, rows]) => ({ value, rows }))
    const known = [...counts.keys()].filter((value) => value !== null).sort((a, b) => (a < b ? -1 : 1))
    return { values, min: known[0] ?? null, max: known[known.length - 1] ?? null }
  }

  async function handle(request, response) {
    const url = new URL(request.url, 'http://localhost')
    const parts = url.pathname.split('/').filter(Boolean).map(decodeURIComponent)
    const send = (status, type, body, more = {}) => {
      const packs = /gzip/.test(request.headers['accept-encoding'] ?? '') && !type.startsWith('font/')
      response.writeHead(status, { ...HEADERS, 'content-type': type, ...(packs ? { 'content-encoding': 'gzip' } : {}), ...more })
      response.end(packs ? gzipSync(body) : body)
    }
    const json = (value, status = 200) => send(status, 'application/json', JSON.stringify(value))
    if (url.pathname === '/healthz') return send(200, 'text/plain', 'ok')
    if (token !== null) {
      if (url.searchParams.get('token') === token) {
        url.searchParams.delete('token')
        return response.writeHead(303, { location: url.pathname + url.search, 'set-cookie': `tidemill=${token}; HttpOnly; SameSite=Strict; Path=/` }).end()
      }
      const known = (request.headers.cookie ?? '').includes(`tidemill=${token}`) || request.headers.authorization === `Bearer ${token}`
      if (!known) return json({ error: { code: 'unauthorized', message: 'This needs the address that `tidemill serve` printed.' } }, 401)
    }
    if (parts[0] !== 'api') {
      if (parts[0] === 'assets') {
        const name = basename(url.pathname)
        try {
          return send(200, TYPES[extname(name)] ?? 'application/octet-stream', await readFile(join(DIST, 'assets', name)), { 'cache-control': 'public, max-age=31536000, immutable' })
        } catch {
          return send(404, 'text/plain', 'not found')
        }
      }
      return send(200, 'text/html; charset=utf-8', await readFile(join(DIST, 'index.html')), { 'cache-control': 'no-store' })
    }
    if (parts[1] === 'project') {
      return json({ name: 'shop', description: 'A small shop', version: '0.6.0', live: true, outdated, dashboards: DASHBOARDS.map(({ name, title, description, entity, live: follows }) => ({ name, title, description: description ?? '', entity: entity ?? null, live: follows ?? false })) })
    }
    if (parts[1] === 'events') {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      response.write('event: ping\ndata: {}\n\n')
      const listener = { response, dashboard: url.searchParams.get('dashboard') }
      listeners.add(listener)
      request.on('close', () => listeners.delete(listener))
      return undefined
    }
    if (parts[1] === 'dashboards' && parts.length >= 3) {
      const dashboard = dashboardOf(parts[2])
      if (parts.length === 3) return json(described(dashboard))
      if (parts[3] === 'filters' && parts.length === 5) return json(filterAnswer(dashboard, parts[4], url.searchParams))
      if (parts[3] === 'panels' && parts.length >= 5) {
        if (parts[5] === 'csv') {
          return send(200, 'text/csv; charset=utf-8', csv(dashboard, parts[4], url.searchParams), { 'content-disposition': `attachment; filename="${dashboard.name}-${Number(parts[4])}.csv"` })
        }
        return json(panelAnswer(dashboard, parts[4], parts[5], url.searchParams))
      }
    }
    const found = await behindTheScenes(request, url, parts)
    if (found == null) throw new Missing('no such address')
    return json(found)
  }

  async function behindTheScenes(request, { searchParams: params }, [, what, name, more]) {
    const limit = Number(params.get('limit') ?? 50)
    if (what === 'runs') return name === undefined ? machinery.runs(limit) : machinery.run(name)
    if (what === 'lineage') return lineage()
    if (what === 'entities') {
      if (name === undefined) return known.list
      return more === undefined ? known.keys(params.get('q') ?? '', limit) : known.profile(more)
    }
    if (what !== 'quarantine') return null
    if (name === undefined) return machinery.quarantine()
    if (more !== 'replay' || request.method !== 'POST') return machinery.asideRows(name, params)
    if (request.headers['content-type'] !== 'application/json') throw new Wrong('the body has to be JSON')
    const body = []
    for await (const part of request) body.push(part)
    return machinery.replay(name, JSON.parse(Buffer.concat(body).toString()))
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error) => {
      const [status, code] = error instanceof Missing ? [404, 'not_found'] : error instanceof Wrong || error instanceof URIError ? [400, 'bad_request'] : [500, 'bug']
      if (status === 500) console.error(error)
      if (!response.headersSent) response.writeHead(status, { ...HEADERS, 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { code, message: error.message, help: status === 400 ? 'See the file of the dashboard.' : null } }))
    })
  })
  await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve))
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    stop: () => {
      clearInterval(timer)
      clearInterval(pings)
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
    /** What a file of the project that changed says to the pages; `files` want the project served anew. */
    reload: (files = []) => {
      outdated = files
      listeners.forEach(({ response }) => response.write('event: reload\ndata: {}\n\n'))
    },
    /** Breaks every event connection, as a proxy or a restart would. */
    breakEvents: () => listeners.forEach(({ response }) => response.destroy()),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '5000' }, token: { type: 'string' } } })
  const { address } = await start({ port: Number(values.port), token: values.token ?? null })
  console.log(`${address}/${values.token === undefined ? '' : `?token=${values.token}`}`)
}
