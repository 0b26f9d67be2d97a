// A browser and a server to look at: the one of BASE_URL and TOKEN, or else the mock server on a free port.
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { start } from '../../mock/server.mjs'

const SHOTS = fileURLToPath(new URL('./shots/', import.meta.url))
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

export async function open() {
  mkdirSync(SHOTS, { recursive: true })
  const mock = process.env.BASE_URL === undefined ? await start({ token: 'mock' }) : null
  const base = mock?.address ?? process.env.BASE_URL.replace(/\/$/, '')
  const token = mock === null ? process.env.TOKEN : 'mock'
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })
  const url = (path) => base + path
  return {
    mock,
    browser,
    url,
    shot: (name) => `${SHOTS}${name}.png`,
    /** A new page with its own cookies, let in, that remembers what went wrong in it. */
    async page(options = {}) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', ...options })
      const page = await context.newPage()
      page.wrong = []
      page.on('pageerror', (error) => page.wrong.push(String(error)))
      page.on('console', (message) => {
        // A panel that fails on purpose is an answer of 400: the browser reports it, and that is no fault of the page.
        if (message.type() === 'error' && !/status of (400|404)/.test(message.text())) page.wrong.push(message.text())
      })
      if (token !== undefined) await context.request.get(url(`/?token=${encodeURIComponent(token)}`))
      return page
    },
    /** Every panel has its answer, and every chart is drawn. */
    async settled(page) {
      await page.waitForSelector('[data-panel]')
      await until(() =>
        page.evaluate(() =>
          [...document.querySelectorAll('[data-panel]')].every(
            (panel) => panel.querySelector('.skeleton') === null && (panel.querySelector('.chart') === null || panel.querySelector('canvas') !== null),
          ),
        ),
      )
      await page.evaluate(() => document.fonts.ready)
      // The charts move into place; a picture in between would be none.
      await page.waitForTimeout(600)
    },
    async end() {
      await browser.close()
      await mock?.stop()
    },
  }
}

/** What axe finds serious or critical. */
export async function findings(page) {
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'))
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
  const serious = violations.filter((one) => one.impact === 'serious' || one.impact === 'critical')
  return serious.map((one) => [one.id, one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`)])
}

/** How far the page sticks out to the right. */
export const tooWide = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)

export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }

/** Asks again until it holds. The page's policy forbids `eval`, and with it Playwright's own way of waiting for a condition. */
export async function until(holds, limit = 15_000) {
  const end = Date.now() + limit
  for (;;) {
    const found = await holds()
    if (found) return found
    if (Date.now() > end) throw new Error(`still not so after ${limit} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
}
