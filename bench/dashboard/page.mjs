// How soon a served page answers, in a real browser: the first load, and the repainting of every affected panel after a filter changes.
//
//   node bench/dashboard/page.mjs URL_WITH_TOKEN [DASHBOARD] [COLUMN]      the Sales page of the shop, filtered by country
//
// Chromium is CHROMIUM or /usr/bin/chromium; playwright-core is that of web/. Prints one JSON line.
import { createRequire } from 'node:module'
const { chromium } = createRequire(new URL('../../web/package.json', import.meta.url))('playwright-core')

const LOADS = 5
const MOMENTS = 40
const [start, dashboard = 'sales', column = 'country'] = process.argv.slice(2)
const { origin, searchParams } = new URL(start)
const token = searchParams.get('token')

// Runs in the page: the moment at which no panel is busy any more and what came is painted.
const painted = () => {
  const busy = () => [...document.querySelectorAll('[data-panel]')].some((p) => p.getAttribute('aria-busy') === 'true' || p.querySelector('.skeleton'))
  return new Promise((done) => {
    const look = () => {
      if (document.querySelector('[data-panel]') !== null && !busy()) requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))
      else setTimeout(look, 4)
    }
    look()
  })
}

async function visitor(browser) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  await context.request.get(`${origin}/?token=${token}`)
  return context.newPage()
}

/** Milliseconds from the beginning of the navigation until every panel is drawn, and the bytes that came. */
async function load(browser, path) {
  const page = await visitor(browser)
  let bytes = 0
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  session.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength))
  await page.goto(origin + path, { waitUntil: 'commit' })
  const ms = await page.evaluate(painted)
  await page.context().close()
  return { ms, bytes }
}

/** Presses one choice after another; what a filter shows is what a user may press. */
async function change(page, value) {
  return page.evaluate(
    async ([column, value, painted]) => {
      const wait = new Function(`return ${painted}`)()
      const began = performance.now()
      const address = new URL(location.href)
      if (value === null) address.searchParams.set('s', '{}')
      else address.searchParams.set('s', JSON.stringify({ [column]: [value] }))
      history.pushState(null, '', address)
      dispatchEvent(new PopStateEvent('popstate'))
      // The panels are told within this turn; then they are busy until their answers are there.
      await new Promise((go) => setTimeout(go, 0))
      return (await wait()) - began
    },
    [column, value, painted.toString()],
  )
}

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]
const summary = (all) => {
  const sorted = [...all].sort((a, b) => a - b)
  return { n: sorted.length, p50: Math.round(at(sorted, 0.5)), p95: Math.round(at(sorted, 0.95)), most: Math.round(sorted.at(-1)) }
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] })
try {
  const context = await browser.newContext()
  await context.request.get(`${origin}/?token=${token}`)
  const choices = await (await context.request.get(`${origin}/api/dashboards/${dashboard}/filters/${column}?limit=1000`)).json()
  const values = choices.values.map((c) => c.value).filter((v) => v !== null).slice(0, MOMENTS)
  const loads = []
  for (let i = 0; i < LOADS; i++) loads.push(await load(browser, `/d/${dashboard}`))
  const page = await visitor(browser)
  // The page's policy forbids `new Function`; this page of ours may.
  const measured = await browser.newContext({ viewport: { width: 1440, height: 900 }, bypassCSP: true })
  await measured.request.get(`${origin}/?token=${token}`)
  const board = await measured.newPage()
  await board.goto(`${origin}/d/${dashboard}`)
  await board.evaluate(painted)
  const cold = []
  for (const value of values) cold.push(await change(board, value))
  const cached = []
  for (const value of values) cached.push(await change(board, value))
  const panels = await board.evaluate(() => document.querySelectorAll('[data-panel]').length)
  await page.context().close()
  console.log(
    JSON.stringify({
      dashboard, column, panels, first_load_ms: Math.round(loads[0].ms), later_loads_ms: summary(loads.slice(1).map((l) => l.ms)),
      transferred_bytes: loads[0].bytes, change_cold_ms: summary(cold), change_cached_ms: summary(cached),
    }),
  )
} finally {
  await browser.close()
}
