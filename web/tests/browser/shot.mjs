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
    ...['/runs', '/runs/20261121T235900-7', '/runs/latest', '/runs/latest?step=13', '/lineage', '/lineage?table=sales', '/lineage?table=sales&column=revenue', '/quarantine', '/quarantine?table=orders&code=range&column=total'].flatMap((path) => {
      const name = path.slice(1).replace(/[^a-z0-9]+/gi, '-')
      return [[name, path, {}], [`${name}-dark`, path, { colorScheme: 'dark' }], [`${name}-phone`, path, { viewport: { width: 390, height: 844 } }]]
    }),
  ].filter(([name]) => process.argv.length < 3 || process.argv.slice(2).some((wanted) => name.startsWith(wanted)))) {
    const page = await site.page(options)
    await page.goto(site.url(path))
    if (/^\/[de]\//.test(path)) await site.settled(page)
    else await page.waitForTimeout(1500)
    if (page.wrong.length > 0) console.error(path, page.wrong)
    await page.screenshot({ path: site.shot(name), fullPage: true })
    await page.context().close()
  }
} finally {
  await site.end()
}
