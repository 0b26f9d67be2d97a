// A real server with a small shop: made by TIDEMILL_BIN in a directory of its own, and gone afterwards.
import { execFile, spawn } from 'node:child_process'
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const SHOP = fileURLToPath(new URL('../../../projects/shop/', import.meta.url))
const run = promisify(execFile)

/** Orders and their lines come into files that grow, so that a test says when one comes. */
const LIVE = `
[environments.page.tables.orders]
connector = "tail"
path = "incoming/orders.jsonl"

[environments.page.tables.order_lines]
connector = "tail"
path = "incoming/order_lines.jsonl"
`

/** The order that a rule keeps out: it comes, and the rule is mended before the pages are looked at. */
export const KEPT_OUT = 9_000_000
const orderId = (number) => `O${String(number).padStart(10, '0')}`

export async function shop() {
  const binary = process.env.TIDEMILL_BIN
  if (binary === undefined) throw new Error('TIDEMILL_BIN names the program to serve')
  const directory = await mkdtemp(join(tmpdir(), 'tidemill-page-'))
  const project = join(directory, 'shop')
  const mill = (...args) => run(binary, ['-C', project, ...args], { maxBuffer: 1 << 26 })
  await cp(SHOP, project, { recursive: true, filter: (path) => !/\/(lake|data|out)(\/|$)/.test(path.slice(SHOP.length - 1)) })
  await run(binary, ['generate', 'shop', '--rows', '300', '--out', join(project, 'data')])
  await appendFile(join(project, 'tidemill.toml'), LIVE)
  await mkdir(join(project, 'incoming'))
  const incoming = (table) => join(project, 'incoming', `${table}.jsonl`)
  await Promise.all(['orders', 'order_lines'].map((table) => writeFile(incoming(table), '')))

  /** One order of one line comes, now. */
  async function order(number, pieces = 1) {
    const [order_id, ordered_at] = [orderId(number), new Date().toISOString().replace(/\.\d+/, '')]
    await appendFile(incoming('orders'), `${JSON.stringify({ order_id, customer_id: 'C000000001', status: 'placed', payment: 'invoice', device: 'app', discount: '0', ordered_at })}\n`)
    await appendFile(incoming('order_lines'), `${JSON.stringify({ order_id, line: 1, product_id: 'P000000001', quantity: pieces, unit_price: '10.00' })}\n`)
  }

  const rules = join(project, 'tables', 'orders.toml')
  const good = await readFile(rules, 'utf8')
  const bad = good.replace(/(\[columns\.order_id\][^[]*?)check = "([^"]*)"/, `$1check = "($2) AND order_id <> '${orderId(KEPT_OUT)}'"`)
  if (bad === good) throw new Error('order_id of the shop has no check any more: choose another rule to break')
  await writeFile(rules, bad)
  await mill('run')
  const first = await serve(binary, project)
  await order(KEPT_OUT)
  await setAside(first)
  await first.end()
  await writeFile(rules, good)
  const { url, end } = await serve(binary, project)

  return {
    address: url.origin,
    token: url.searchParams.get('token'),
    order,
    edit: (file, change) => readFile(join(project, file), 'utf8').then((text) => writeFile(join(project, file), change(text))),
    async end() {
      await end()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function serve(binary, project) {
  const server = spawn(binary, ['-C', project, '--env', 'page', '--format', 'json', 'serve', '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  server.stderr.on('data', (text) => (said += text))
  const url = await new Promise((resolve, reject) => {
    let out = ''
    server.stdout.on('data', (text) => {
      out += text
      const found = /"url":\s*"([^"]+)"/.exec(out)
      if (found !== null) resolve(new URL(found[1]))
    })
    server.on('exit', (code) => reject(new Error(`serve ended with ${code}: ${said}`)))
    server.on('error', reject)
  })
  const end = async () => {
    const gone = new Promise((resolve) => server.on('exit', resolve))
    server.kill('SIGINT')
    await gone
  }
  return { url, end }
}

async function setAside({ url }, limit = 30_000) {
  const stop = Date.now() + limit
  for (;;) {
    const answer = await fetch(`${url.origin}/api/quarantine`, { headers: { authorization: `Bearer ${url.searchParams.get('token')}` } })
    const { groups } = await answer.json()
    if (groups.some((group) => group.table === 'orders' && group.code === 'check')) return
    if (Date.now() > stop) throw new Error(`the order was not set aside: ${JSON.stringify(groups)}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
