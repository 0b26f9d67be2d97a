// What the mock server says of runs, lineage, rows that were set aside and entities. A run goes on all the time.
import { HOSTILE } from './shop.mjs'

const TABLES = ['customers', 'products', 'orders', 'order_lines']
const VIEWS = [
  ['sales', ['clean.orders', 'clean.order_lines', 'clean.products', 'clean.customers']],
  ['sales_by_month', ['sales']],
  ['sales_by_category', ['sales']],
  ['customer_metrics', ['clean.customers', 'sales']],
  ['cohorts', ['customer_metrics', 'sales']],
  ['stock', ['clean.products']],
]
const COLUMNS = {
  customers: ['customer_id', 'name', 'country', 'birthday'],
  products: ['product_id', 'title', 'category', 'price'],
  orders: ['order_id', 'customer_id', 'ordered_at', 'total'],
  order_lines: ['order_id', 'product_id', 'quantity', 'price'],
  sales: ['order_id', 'customer_id', 'category', 'ordered_at', 'revenue'],
  sales_by_month: ['month', 'revenue', 'orders'],
  sales_by_category: ['category', 'revenue'],
  customer_metrics: ['customer_id', 'country', 'revenue', 'orders'],
  cohorts: ['cohort', 'months_since', 'customers'],
  stock: ['product_id', 'title'],
  'export.best_customers': ['customer_id', 'revenue'],
}
const FROM = {
  'sales.order_id': ['clean.orders.order_id'],
  'sales.customer_id': ['clean.orders.customer_id', 'clean.customers.customer_id'],
  'sales.category': ['clean.products.category'],
  'sales.ordered_at': ['clean.orders.ordered_at'],
  'sales.revenue': ['clean.order_lines.quantity', 'clean.order_lines.price'],
  'sales_by_month.month': ['sales.ordered_at'],
  'sales_by_month.revenue': ['sales.revenue'],
  'sales_by_month.orders': ['sales.order_id'],
  'sales_by_category.category': ['sales.category'],
  'sales_by_category.revenue': ['sales.revenue'],
  'customer_metrics.customer_id': ['clean.customers.customer_id'],
  'customer_metrics.country': ['clean.customers.country'],
  'customer_metrics.revenue': ['sales.revenue'],
  'customer_metrics.orders': ['sales.order_id'],
  'cohorts.cohort': ['sales.ordered_at'],
  'cohorts.months_since': ['sales.ordered_at'],
  'cohorts.customers': ['customer_metrics.customer_id'],
  'stock.product_id': ['clean.products.product_id'],
  'stock.title': ['clean.products.title'],
  'export.best_customers.customer_id': ['customer_metrics.customer_id'],
  'export.best_customers.revenue': ['customer_metrics.revenue'],
}
const bare = (name) => name.replace(/^(raw|clean)\./, '')
const columnsOf = (name) => COLUMNS[name] ?? COLUMNS[bare(name)] ?? []
const typeOf = (column) => (/_id$|quantity|orders|customers|months/.test(column) ? 'integer' : /price|total|revenue/.test(column) ? 'number' : /_at$/.test(column) ? 'time' : /birthday|month|cohort/.test(column) ? 'date' : 'text')

const NODES = [
  ...TABLES.map((table) => ({ name: `data/${table}.csv`, kind: 'source', of: table })),
  ...TABLES.map((table) => ({ name: `raw.${table}`, kind: 'raw' })),
  ...TABLES.map((table) => ({ name: `clean.${table}`, kind: 'clean' })),
  ...VIEWS.map(([name]) => ({ name, kind: name === 'stock' ? 'live' : name === 'sales' ? 'table' : 'view' })),
  { name: 'export.best_customers', kind: 'export' },
]
const EDGES = [
  ...TABLES.flatMap((table) => [{ from: `data/${table}.csv`, to: `raw.${table}` }, { from: `raw.${table}`, to: `clean.${table}` }]),
  ...VIEWS.flatMap(([name, from]) => from.map((source) => ({ from: source, to: name }))),
  { from: 'customer_metrics', to: 'export.best_customers' },
]

export function lineage() {
  const along = TABLES.flatMap((table) =>
    COLUMNS[table].flatMap((column) => [
      { from: `data/${table}.csv`, from_column: column, to: `raw.${table}`, to_column: column, kind: 'direct' },
      { from: `raw.${table}`, from_column: column, to: `clean.${table}`, to_column: column, kind: column === 'country' ? 'derived' : 'direct' },
    ]),
  )
  const views = Object.entries(FROM).flatMap(([to, sources]) => sources.map((from) => ({ from: from.slice(0, from.lastIndexOf('.')), from_column: from.slice(from.lastIndexOf('.') + 1), to: to.slice(0, to.lastIndexOf('.')), to_column: to.slice(to.lastIndexOf('.') + 1), kind: /revenue|orders|customers|months/.test(to) ? 'derived' : 'direct' })))
  return {
    nodes: NODES.map(({ name, kind, of }) => ({ name, kind, dashboard_panels: name === 'sales' ? 14 : 0, columns: columnsOf(of ?? name).map((column) => ({ name: column, type: typeOf(column) })) })),
    edges: [...along, ...views],
  }
}

const iso = (time) => new Date(time).toISOString()
const STEPS = [
  ...TABLES.map((table, index) => ({ node: `raw.${table}`, stage: 'ingest', took: 3 + index * 1.4, rows: 120_000 * (index + 1) })),
  ...TABLES.flatMap((table, index) => [
    { node: `clean.${table}`, stage: 'fit', took: 0.8, rows: 120_000 * (index + 1) },
    { node: `clean.${table}`, stage: 'apply', took: 2.2 + index, rows: 119_400 * (index + 1) },
  ]),
  ...VIEWS.map(([name], index) => ({ node: name, stage: 'view', took: name === 'sales' ? 9.4 : 0.7 + index * 0.4, rows: 40_000 / (index + 1) })),
  { node: 'export.best_customers', stage: 'export', took: 0.4, rows: 500 },
]

/** So many at a time. */
const LANES = 2.1
const WHOLE = STEPS.reduce((sum, step) => sum + step.took, 0) / LANES + 3

const counted = (took, rows) => (id, parent, operator, detail, share, part, more = {}) => ({
  id, parent, operator, detail, rows: Math.round(rows * part), seconds: Math.round(took * share * 1000) / 1000, seconds_waiting: 0, share,
  bytes_read: 0, bytes_written: 0, bytes_spilled: 0, bytes_exchanged: 0, ...more,
})

const operators = (took, rows) => {
  const of = counted(took, rows)
  return [
    of(0, null, 'Write', 'sales, 2 files', 0.06, 1, { bytes_written: 1_240_000 }),
    of(1, 0, 'Sort', 'ordered_at ASC NULLS LAST', 0.62, 1, { bytes_spilled: 1_240_000_000 }),
    of(2, 1, 'Projection', 'order_id, customer_id, category, ordered_at, quantity * price AS revenue', 0.02, 1),
    of(3, 2, 'Hash join', 'on product_id, build side products', 0.12, 1),
    of(4, 3, 'Repartition', 'by hash of product_id into 2', 0.03, 0.01, { bytes_exchanged: 88_000_000 }),
    of(5, 4, 'Scan', 'clean.products: 1 file, 2 row groups', 0.01, 0.01),
    of(6, 3, 'Hash join', 'on order_id', 0.08, 1.2),
    of(7, 6, 'Scan', 'clean.orders: 3 files, predicate status <> \'cancelled\'', 0.03, 0.8),
    of(8, 6, 'Scan', 'clean.order_lines: 4 files', 0.03, 1.2),
  ]
}

/** The parts of steps that run no query. */
const PARTS = {
  ingest: (took, rows) => {
    const of = counted(took, rows)
    return [
      of(0, null, 'Commit', '', 0, 1, { seconds_waiting: 0.041 }),
      of(1, 0, 'SetAside', 'rows for the quarantine', 0.01, 0.002),
      of(2, 0, 'Write', '', 0.37, 0.998, { bytes_written: Math.round(rows * 31) }),
      of(3, 2, 'Contract', '', 0.08, 0.998),
      of(4, 3, 'Decode', '', 0.46, 1),
      of(5, 4, 'Read', '', 0.08, 1, { bytes_read: Math.round(rows * 84) }),
    ]
  },
  fit: (took, rows) => {
    const of = counted(took, rows)
    return [of(0, null, 'Rule repair', 'on city', 0.58, 1), of(1, 0, 'Rule missing', 'on income', 0.12, 1), of(2, 1, 'Decode', '', 0.28, 1), of(3, 2, 'Read', '', 0.02, 1, { bytes_read: Math.round(rows * 31) })]
  },
  apply: (took, rows) => {
    const of = counted(took, rows)
    return [
      of(0, null, 'Commit', '', 0, 1, { seconds_waiting: 0.03 }),
      of(1, 0, 'Write', '', 0.4, 1, { bytes_written: Math.round(rows * 29) }),
      of(2, 1, 'Unique', 'id', 0.12, 1),
      of(3, 2, 'Rule repair', 'on city', 0.34, 1),
      of(4, 3, 'Rule missing', 'on income', 0.14, 1),
      of(5, 4, 'Memory', 'rows decoded before', 0, 1),
    ]
  },
}

const RUNS = [
  ['20261122T080150-9', 'tidemill serve', 'running', 0, null],
  ['20261122T071500-8', 'tidemill run', 'succeeded', 42.6, null],
  ['20261121T235900-7', 'tidemill run --select sales+', 'failed', 12.1, 'TM0801: connections.shop: the server closed the connection while 1,204,002 rows were read'],
  ['20261121T181500-6', 'tidemill run', 'succeeded', 40.2, null],
  ['20261120T071500-5', 'tidemill run', 'cancelled', 8.4, null],
  ['20261119T071500-4', 'tidemill run', 'succeeded', 39.9, null],
]

/** As of so many milliseconds after the start; the running one begins anew when it is through. */
export function operations(now) {
  const began = Date.now()
  const elapsed = () => ((now?.() ?? Date.now()) - began) / 1000

  function described([run_id, command, status, seconds, error], index) {
    const started = status === 'running' ? began : began - index * 9_000_000
    const done = status === 'running' ? detail(run_id).steps : null
    return {
      run_id,
      command,
      status,
      started_at: iso(started),
      ended_at: status === 'running' ? null : iso(started + seconds * 1000),
      seconds: status === 'running' ? elapsed() : seconds,
      epoch: status === 'succeeded' ? 41 - index : null,
      progress: status === 'running' ? Math.min(0.99, done.reduce((sum, step) => sum + (step.progress ?? 0), 0) / STEPS.length) : 1,
      error,
      cpu_seconds: (status === 'running' ? elapsed() : seconds) * 1.7,
      peak_memory_bytes: 812_000_000 + index * 31_000_000,
      steps: STEPS.length,
      rows_read: 3_200_000 - index * 10_000,
    }
  }

  function detail(id) {
    const index = id === 'latest' ? 0 : RUNS.findIndex(([run]) => run === id)
    const found = RUNS[index]
    if (found === undefined) return null
    const [, , status, seconds] = found
    const limit = status === 'running' ? elapsed() % WHOLE : status === 'succeeded' ? Infinity : seconds
    const started = status === 'running' ? began : began - index * 9_000_000
    let at = 0
    const steps = STEPS.map((step, place) => {
      const from = at / LANES
      at += step.took
      const gone = limit - from
      const state = gone <= 0 ? 'waiting' : gone >= step.took ? 'succeeded' : status === 'failed' ? 'failed' : status === 'cancelled' ? 'cancelled' : 'running'
      const progress = Math.max(0, Math.min(1, gone / step.took))
      const ran = Math.min(step.took, Math.max(0, gone))
      return {
        step_id: place + 1,
        node: step.node,
        stage: step.stage,
        status: state,
        started_at: state === 'waiting' ? null : iso(started + from * 1000),
        ended_at: state === 'waiting' || state === 'running' ? null : iso(started + (from + ran) * 1000),
        seconds: state === 'waiting' ? null : ran,
        progress,
        rows_read: Math.round(step.rows * progress),
        rows_written: Math.round(step.rows * progress * 0.99),
        rows_rejected: step.node === 'raw.orders' ? 212 : 0,
        rows_per_second: ran > 0 ? (step.rows * progress) / ran : null,
        bytes_read: Math.round(step.rows * progress * 84),
        bytes_written: Math.round(step.rows * progress * 31),
        bytes_spilled: step.node === 'sales' ? Math.round(1_240_000_000 * progress) : 0,
        bytes_exchanged: step.node === 'sales' ? Math.round(88_000_000 * progress) : 0,
        cpu_seconds: ran * 1.6,
        peak_memory_bytes: 420_000_000,
        message: step.stage === 'ingest' ? `data/${bare(step.node)}.csv${step.node === 'raw.orders' ? ', 212 set aside' : ''}` : '',
        error: state === 'failed' ? found[4] : null,
        why: step.node === 'sales' && progress === 1 ? '62 % of its time went into sorting 40,000 rows; 1.2 GB went to disk because memory_limit is 2 GB.' : null,
        operators: state === 'waiting' ? [] : (PARTS[step.stage] ?? operators)(ran, step.rows * progress),
      }
    })
    const states = new Map()
    for (const step of steps) {
      const order = ['waiting', 'succeeded', 'running', 'cancelled', 'failed']
      const was = states.get(step.node)
      if (was === undefined || (order.indexOf(step.status) > order.indexOf(was) && !(was === 'succeeded' && step.status === 'waiting'))) states.set(step.node, step.status)
    }
    return { steps: steps.filter((step) => step.status !== 'waiting'), nodes: NODES.map(({ name, kind }) => ({ name, kind, status: states.get(name) ?? (kind === 'source' ? 'succeeded' : 'waiting') })), edges: EDGES }
  }

  const quarantine = [
    { table: 'orders', code: 'range', column: 'total', status: 'open', rows: 148, example: '-12.50', first_file: 'data/orders.csv', first_line: 1042, first_raw: '1041,17,2024-03-02T11:20:00Z,-12.50,delivered', can_replay: true },
    { table: 'orders', code: 'type', column: 'ordered_at', status: 'open', rows: 61, example: '31.02.2024', first_file: 'data/orders.csv', first_line: 77, first_raw: '76,C-00412,31.02.2024,19.90,delivered', can_replay: true },
    { table: 'orders', code: 'fields', column: null, status: 'open', rows: 3, example: '8 fields where 9 are expected', first_file: 'data/orders.csv', first_line: 97, first_raw: HOSTILE.script, can_replay: true },
    { table: 'customers', code: 'accepted', column: 'country', status: 'open', rows: 12, example: HOSTILE.rightToLeft, first_file: 'data/customers.csv', first_line: 5, first_raw: 'C-00004,Ada,שלום', can_replay: true },
    { table: 'customers', code: 'unique', column: 'customer_id', status: 'replayed', rows: 7, example: 'C-00012', first_file: 'data/customers.csv', first_line: 13, first_raw: 'C-00012,Bob,Germany', can_replay: false },
  ]

  function asideRows(table, params) {
    const groups = quarantine.filter((one) => one.table === table && ['code', 'column', 'status'].every((name) => params.get(name) === null || params.get(name) === one[name]))
    const columns = [['status', 'text'], ['code', 'text'], ['column', 'text'], ['reason', 'text'], ['file', 'text'], ['line', 'integer'], ['raw', 'text']].map(([name, type]) => ({ name, type }))
    const rows = groups.flatMap((group) => Array.from({ length: group.rows }, (_, index) => [group.status, group.code, group.column, `${group.example} is not what the table expects`, group.first_file, group.first_line + index * 7, group.first_raw]))
    const [limit, offset] = [Number(params.get('limit') ?? 100), Number(params.get('offset') ?? 0)]
    return { columns, rows: rows.slice(offset, offset + limit), total: rows.length }
  }

  /** Half of what is tried gets in, so that both can be seen. */
  function replay(table, { code, column }) {
    let [tried, accepted] = [0, 0]
    for (const group of quarantine) {
      if (group.table !== table || group.status !== 'open' || (code !== undefined && group.code !== code) || (column !== undefined && group.column !== column)) continue
      tried += group.rows
      const taken = group.code === 'fields' ? 0 : Math.ceil(group.rows / 2)
      accepted += taken
      group.rows -= taken
    }
    return { table, tried, accepted, still_rejected: tried - accepted, next: tried > accepted ? `change tables/${table}.toml, and try again` : 'the rows are in the table' }
  }

  return {
    runs: (limit) => ({ runs: RUNS.slice(0, limit).map(described) }),
    run: (id) => {
      const found = detail(id)
      const index = id === 'latest' ? 0 : RUNS.findIndex(([run]) => run === id)
      return found === null ? null : { run: described(RUNS[index], index), ...found }
    },
    quarantine: () => ({ groups: quarantine.filter((group) => group.rows > 0) }),
    asideRows,
    replay,
  }
}

export function entities(sales) {
  const keys = [...new Set(sales.map((row) => row.customer_id))].sort()
  return {
    list: { entities: [{ name: 'customer_id', label: 'Customer', dashboard: 'customer', profiles: ['customer_metrics', 'customers'] }] },
    keys: (search, limit) => ({ values: keys.filter((key) => key.toLowerCase().startsWith(search.toLowerCase())).slice(0, limit) }),
    profile(key) {
      const own = sales.filter((row) => row.customer_id === key)
      if (own.length === 0) return null
      return {
        entity: 'customer_id',
        key,
        profiles: [
          { view: 'customer_metrics', columns: [['customer_id', 'text'], ['country', 'text'], ['age', 'integer'], ['orders', 'integer'], ['revenue', 'number'], ['first_order', 'date'], ['is_active', 'boolean'], ['group', 'text']].map(([name, type]) => ({ name, type })), row: [key, own[0].country, own[0].age, own.length, Math.round(own.reduce((sum, row) => sum + row.total, 0) * 100) / 100, own[0].cohort, true, null] },
          { view: 'newsletter', columns: [{ name: 'customer_id', type: 'text' }], row: null },
        ],
        as_of: iso(Date.now() - 4000),
        version: '7',
      }
    },
  }
}
