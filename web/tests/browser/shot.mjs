// Pictures of the page, to be looked at: `node tests/browser/shot.mjs`.
import { open } from './page.mjs'

const site = await open()
try {
  for (const [name, path, options] of [
    ['light', '/d/sales', {}],
    ['dark', '/d/sales', { colorScheme: 'dark' }],
    ['phone', '/d/sales', { viewport: { width: 390, height: 844 } }],
    ['live', '/d/live', {}],
    ['live-dark', '/d/live', { colorScheme: 'dark' }],
    ['trouble', '/d/trouble', {}],
    ['entity', '/e/customer_id/C-00002', {}],
  ]) {
    const page = await site.page(options)
    await page.goto(site.url(path))
    await site.settled(page)
    await page.screenshot({ path: site.shot(name), fullPage: true })
    await page.context().close()
  }
} finally {
  await site.end()
}
