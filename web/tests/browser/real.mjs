// Every shipped page of the shop, from a real server: `TIDEMILL_BIN=… npm run test:real`. Pictures go to shots/real/.
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { findings, open, PHONE, tooWide, until } from './page.mjs'
import { KEPT_OUT, shop } from './site.mjs'

let server
let site
before(async () => {
  server = await shop()
  Object.assign(process.env, { BASE_URL: server.address, TOKEN: server.token })
  site = await open()
  mkdirSync(site.shot('real/x').replace(/x\.png$/, ''), { recursive: true })
})
after(async () => {
  await site?.end()
  await server?.end()
})

const shoot = (page, name) => page.screenshot({ path: site.shot(`real/${name}`), fullPage: true })

async function visit(path, options) {
  const page = await site.page(options)
  await page.goto(site.url(path))
  await site.settled(page)
  return page
}

async function leave(page) {
  assert.deepEqual(page.wrong, [])
  await page.context().close()
}

const panel = (page, title) => page.locator(`[data-panel][aria-label="${title}"]`)
const figure = (page, title) => panel(page, title).locator('.figure').innerText()
const selections = (page) => JSON.parse(new URL(page.url()).searchParams.get('s') ?? 'null')
const DASHBOARDS = ['overview', 'sales', 'customers', 'products', 'live', 'operations']

describe('every shipped page', () => {
  test('the first one opens by itself', async () => {
    const page = await visit('/')
    assert.equal(new URL(page.url()).pathname, '/d/overview')
    await leave(page)
  })

  for (const name of DASHBOARDS) {
    test(`${name}: every panel shows something or says that there is nothing; light, dark, phone, axe`, async () => {
      for (const [look, options] of [['light', {}], ['dark', { colorScheme: 'dark' }], ['phone', PHONE]]) {
        const page = await visit(`/d/${name}`, options)
        assert.equal(await page.locator('[data-panel] [role=alert]').count(), 0, await page.locator('[data-panel] [role=alert]').allInnerTexts().then(String))
        for (const one of await page.locator('[data-panel]').all()) {
          const shows = await one.evaluate((node) => node.querySelector('canvas, .figure, tbody tr') !== null || /No rows/.test(node.innerText))
          assert.ok(shows, `${await one.getAttribute('aria-label')} of ${name}`)
        }
        assert.ok((await tooWide(page)) <= 0, `${name} on a ${look}`)
        if (look !== 'phone') assert.deepEqual(await findings(page), [], look)
        await shoot(page, `${name}-${look}`)
        await leave(page)
      }
    })
  }

  test('every kind of panel is drawn somewhere', async () => {
    const kinds = new Set()
    for (const name of DASHBOARDS) {
      const page = await visit(`/d/${name}`)
      for (const one of await page.locator('[data-panel]').all()) {
        const drawn = await one.evaluate((node) => node.querySelector('canvas, .figure, tbody tr') !== null)
        if (drawn) kinds.add((await one.getAttribute('class')).split(' ').find((word) => word !== 'panel' && !word.startsWith('svelte')))
      }
      await leave(page)
    }
    assert.deepEqual([...kinds].sort(), ['area', 'bar', 'cohort', 'heatmap', 'histogram', 'line', 'number', 'scatter', 'stacked', 'table'])
  })
})

describe('selecting', () => {
  test('a bar narrows the others; the address restores it, back takes it away', async () => {
    const page = await visit('/d/sales')
    const before = await figure(page, 'Revenue')
    const chart = panel(page, 'By category').getByRole('application')
    await chart.focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await until(async () => (await figure(page, 'Revenue')) !== before)
    assert.equal(selections(page).category.length, 1)
    const narrowed = await figure(page, 'Revenue')
    await shoot(page, 'sales-selected')

    const other = await visit(new URL(page.url()).pathname + new URL(page.url()).search)
    assert.equal(await figure(other, 'Revenue'), narrowed)
    await leave(other)
    await page.goBack()
    await until(async () => (await figure(page, 'Revenue')) === before)
    await leave(page)
  })

  test('a drag over weeks chooses them', async () => {
    const page = await visit('/d/overview')
    const canvas = panel(page, 'Revenue by week').locator('.canvas')
    await canvas.scrollIntoViewIfNeeded()
    const box = await canvas.boundingBox()
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.5)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.5, { steps: 6 })
    await page.mouse.up()
    await until(() => selections(page)?.ordered_on)
    assert.ok(selections(page).ordered_on.from < selections(page).ordered_on.to)
    await site.settled(page)
    assert.equal(await page.locator('[data-panel] [role=alert]').count(), 0)
    await leave(page)
  })

  test('a bin of a histogram selects as many rows as it shows', async () => {
    const page = await visit('/d/products')
    const chart = panel(page, 'Prices').getByRole('application')
    await chart.focus()
    await page.keyboard.press('Home')
    await until(async () => /\d/.test(await panel(page, 'Prices').locator('[aria-live]').last().innerText()))
    const said = await panel(page, 'Prices').locator('[aria-live]').last().innerText()
    const rows = Number(/([\d,]+)\D*$/.exec(said)[1].replaceAll(',', ''))
    await page.keyboard.press('Enter')
    await until(() => selections(page)?.price)
    await until(async () => Number((await figure(page, 'Articles')).replaceAll(',', '')) === rows)
    await leave(page)
  })
})

describe('behind the numbers', () => {
  test('rows, SQL and from there the lineage of a column, down to its file', async () => {
    const page = await visit('/d/sales')
    await panel(page, 'By category').getByRole('button', { name: /rows behind/ }).click()
    await until(async () => (await page.getByRole('dialog').locator('tbody tr').count()) > 10)
    await page.keyboard.press('Escape')
    await panel(page, 'By category').getByRole('button', { name: /show SQL/ }).click()
    const drawer = page.getByRole('dialog')
    await until(async () => /SELECT/.test(await drawer.innerText()))
    await page.screenshot({ path: site.shot('real/sql') })
    await drawer.getByRole('link', { name: 'category', exact: true }).first().click()
    await until(() => new URL(page.url()).pathname === '/lineage')
    await page.locator('.card.source').first().waitFor()
    assert.match(await page.locator('.card.chosen').innerText(), /sales[\s\S]*category/)
    await shoot(page, 'lineage-column')
    await leave(page)
  })

  test('a customer: found by the beginning of its key, with its profile and its orders', async () => {
    const page = await visit('/d/customers')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox', { name: /Find/ }).fill('C00000001')
    const found = page.getByRole('listbox', { name: 'Found' }).getByRole('option')
    await until(async () => (await found.count()) > 3)
    await page.screenshot({ path: site.shot('real/find') })
    const key = (await found.first().locator('bdi').first().innerText()).trim()
    await found.first().click()
    await until(() => new URL(page.url()).pathname === `/e/customer_id/${key}`)
    await site.settled(page)
    await page.getByRole('region', { name: 'Profile' }).waitFor()
    for (const [name, options] of [['customer', {}], ['customer-dark', { colorScheme: 'dark' }], ['customer-phone', PHONE]]) {
      const own = await visit(`/e/customer_id/${key}`, options)
      await own.getByRole('region', { name: 'Profile' }).waitFor()
      assert.ok((await tooWide(own)) <= 0)
      await shoot(own, name)
      await leave(own)
    }
    await page.goBack()
    await until(async () => (await page.locator('h1').innerText()) === 'Customers')
    await leave(page)
  })
})

describe('as it happens', () => {
  test('an order that comes is seen within a second, and nothing flickers', async () => {
    const page = await visit('/d/live')
    // The first one begins the day: from then on it is measured.
    await server.order(KEPT_OUT + 1)
    const title = 'Orders so far'
    const start = await figure(page, title)
    await until(async () => (await figure(page, title)) !== start, 20_000)
    await page.waitForTimeout(1500)
    await page.evaluate(() => {
      window.flickered = 0
      new MutationObserver(() => document.querySelector('.skeleton') !== null && (window.flickered += 1)).observe(document.querySelector('main'), { childList: true, subtree: true })
    })
    const waits = []
    for (let index = 2; index < 7; index += 1) {
      const before = await figure(page, title)
      const began = Date.now()
      await server.order(KEPT_OUT + index, index)
      await until(async () => (await figure(page, title)) !== before)
      waits.push(Date.now() - began)
      await page.waitForTimeout(300)
    }
    waits.sort((a, b) => a - b)
    // The best of them: the machine may be busy with something else.
    assert.ok(waits[0] < 1000, `milliseconds: ${waits}`)
    assert.equal(await page.evaluate(() => window.flickered), 0)
    await shoot(page, 'live-moved')
    await leave(page)
  })

  test('a dashboard that is edited shows anew', async () => {
    const page = await visit('/d/overview')
    await server.edit('dashboards/overview.toml', (text) => text.replace('title = "Overview"', 'title = "The whole shop"'))
    await until(async () => (await page.locator('h1').innerText()) === 'The whole shop')
    await server.edit('dashboards/overview.toml', (text) => text.replace('title = "The whole shop"', 'title = "Overview"'))
    await until(async () => (await page.locator('h1').innerText()) === 'Overview')
    await leave(page)
  })
})

describe('operations', () => {
  test('runs, one run as a graph, a step with its plan', async () => {
    const page = await site.page()
    await page.goto(site.url('/runs'))
    await page.getByRole('row').nth(1).waitFor()
    await shoot(page, 'runs')
    const latest = page.locator('tbody th a')
    await latest.last().click()
    await page.getByRole('group', { name: 'Nodes of the run' }).waitFor()
    await page.waitForTimeout(500)
    await shoot(page, 'run')
    assert.ok((await page.locator('.node').count()) > 40)
    await page.getByRole('button', { name: 'Longest first' }).click()
    await page.getByRole('region', { name: 'Steps' }).getByRole('row').filter({ has: page.locator('.stage', { hasText: /^view$/ }) }).first().getByRole('button').click()
    await page.getByRole('dialog').getByRole('group', { name: 'Plan' }).waitFor()
    await page.screenshot({ path: site.shot('real/step') })
    await leave(page)
  })

  test('the whole project as a graph', async () => {
    const page = await site.page()
    await page.goto(site.url('/lineage'))
    await until(async () => (await page.locator('.card').count()) > 40)
    await page.waitForTimeout(500)
    await shoot(page, 'lineage')
    await leave(page)
  })

  test('an order that a rule kept out is taken in once the rule is mended, and is seen', async () => {
    const live = await visit('/d/live')
    const before = await figure(live, 'Orders so far')
    const page = await site.page()
    await page.goto(site.url('/quarantine'))
    const orders = page.getByRole('region', { name: 'orders' })
    await orders.waitFor()
    await shoot(page, 'quarantine')
    await orders.getByRole('link', { name: /Breaks a check/ }).click()
    await until(async () => (await page.getByRole('dialog').innerText()).includes(String(KEPT_OUT)))
    await page.screenshot({ path: site.shot('real/quarantine-rows') })
    await page.keyboard.press('Escape')
    await orders.getByRole('button', { name: /Try/ }).click()
    await until(async () => /One row was tried again: it is in the table now/.test(await orders.getByRole('status').innerText().catch(() => '')), 60_000)
    await shoot(page, 'quarantine-after')
    await until(async () => (await figure(live, 'Orders so far')) !== before, 30_000)
    await leave(live)
    await leave(page)
  })

  for (const path of ['/runs', '/runs/latest', '/lineage', '/lineage?table=sales', '/lineage?table=sales&column=net', '/quarantine']) {
    test(`axe has no serious finding, and nothing sticks out on a phone: ${path}`, async () => {
      for (const [look, options] of [['light', {}], ['dark', { colorScheme: 'dark' }], ['phone', PHONE]]) {
        const page = await site.page(options)
        await page.goto(site.url(path))
        await page.locator('h1').waitFor()
        await page.waitForTimeout(1000)
        assert.deepEqual(await findings(page), [], look)
        assert.ok((await tooWide(page)) <= 0, look)
        await shoot(page, `${path.slice(1).replace(/[^a-z]+/g, '-')}-${look}`)
        await leave(page)
      }
    })
  }
})
