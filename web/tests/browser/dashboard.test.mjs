// What somebody sees and does, in a real browser. Against the mock server, or against BASE_URL with TOKEN: then the tests that
// need what only the mock's dashboards have are left out.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { findings, open, PHONE, tooWide, until } from './page.mjs'

let site
before(async () => (site = await open()))
after(() => site?.end())

const SALES = process.env.DASHBOARD ?? 'sales'
const mocked = process.env.BASE_URL === undefined
const onlyMock = { skip: mocked ? false : 'needs the dashboards of the mock server' }

async function visit(path, options) {
  const page = await site.page(options)
  await page.goto(site.url(path))
  await site.settled(page)
  return page
}

async function leave(page) {
  assert.deepEqual(page.wrong, [])
  assert.equal(await page.evaluate(() => window.__owned), undefined)
  await page.context().close()
}

const panel = (page, title) => page.locator(`[data-panel][aria-label="${title}"]`)
const figure = (page, title) => panel(page, title).locator('.figure').innerText()
const selections = (page) => JSON.parse(new URL(page.url()).searchParams.get('s') ?? 'null')

/** Middle of a place of a chart, asked of what the chart says when the arrow keys go there. */
async function pressCanvas(page, title, x, y, options) {
  const canvas = panel(page, title).locator('.canvas')
  await canvas.scrollIntoViewIfNeeded()
  const box = await canvas.boundingBox()
  await page.mouse.click(box.x + box.width * x, box.y + box.height * y, options)
}

describe('first paint', () => {
  test('the first dashboard of the menu opens, whole and without errors', async () => {
    const page = await visit('/')
    assert.match(new URL(page.url()).pathname, /^\/d\//)
    assert.ok((await page.locator('[data-panel]').count()) > 0)
    assert.ok((await page.title()).length > 0)
    await page.screenshot({ path: site.shot('first'), fullPage: true })
    await leave(page)
  })

  test('the first transfer is at most 400 KB', async () => {
    const page = await site.page()
    const client = await page.context().newCDPSession(page)
    let bytes = 0
    await client.send('Network.enable')
    client.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength))
    await page.goto(site.url(`/d/${SALES}`))
    await site.settled(page)
    assert.ok(bytes < 400_000, `${bytes} bytes`)
    await leave(page)
  })

  test('without the key there is a sentence, and nothing else', onlyMock, async () => {
    const context = await site.browser.newContext()
    const page = await context.newPage()
    const answer = await page.goto(site.url(`/d/${SALES}`))
    assert.equal(answer.status(), 401)
    await context.close()
  })
})

describe('panels', () => {
  test('every kind is drawn', onlyMock, async () => {
    const page = await visit('/d/sales')
    for (const title of ['Revenue by week', 'Revenue by category', 'Orders by month and category', 'Revenue by device', 'Value of an order', 'When orders come', 'Age and order value']) {
      const inked = await panel(page, title)
        .locator('canvas')
        .evaluateAll((layers) => {
          const colours = new Set()
          const all = layers.map((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height))
          for (const { data } of all) for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) colours.add((data[at] >> 4) * 256 + (data[at + 1] >> 4) * 16 + (data[at + 2] >> 4))
          return colours.size
        })
      assert.ok(inked > 3, `${title}: ${inked} colours`)
    }
    assert.match(await figure(page, 'Revenue'), /€[\d,.]+/)
    assert.equal(await panel(page, 'Revenue').locator('svg path.line').count(), 1)
    assert.ok((await panel(page, 'Customers that come back').locator('tbody button').count()) > 50)
    assert.equal(await panel(page, 'Latest orders').locator('tbody tr').count(), 50)
    await leave(page)
  })

  test('a table stands behind each chart, unseen and by a press', onlyMock, async () => {
    const page = await visit('/d/sales')
    const chart = panel(page, 'Revenue by category')
    assert.match(await chart.locator('.unseen table').textContent(), /Electronics.*€/)
    await chart.getByRole('button', { name: /show as table/ }).click()
    assert.match(await chart.getByRole('group').locator('table').innerText(), /Electronics/)
    await leave(page)
  })

  test('nothing, a failure and hostile names each have their state', onlyMock, async () => {
    const page = await visit('/d/trouble')
    assert.match(await panel(page, 'Nothing there').innerText(), /No rows/)
    assert.match(await panel(page, 'It fails').getByRole('alert').innerText(), /run the project first/)
    assert.equal(await page.locator('main script, main b').count(), 0)
    const title = page.locator('[data-panel="2"] h2')
    assert.ok((await title.innerText()).length < 120)
    assert.ok((await title.locator('bdi').getAttribute('title')).length > 500)
    await leave(page)
  })
})

describe('selecting', () => {
  test('a bar narrows every other panel, and fades its neighbours in its own', onlyMock, async () => {
    const page = await visit('/d/sales')
    const before = await figure(page, 'Revenue')
    const asked = []
    page.on('request', (request) => request.url().includes('/panels/') && asked.push(Number(/panels\/(\d+)/.exec(request.url())[1])))
    await pressCanvas(page, 'Revenue by category', 0.45, 0.06)
    await until(async () => (await figure(page, 'Revenue')) !== before)
    assert.deepEqual(selections(page).category, ['Electronics'])
    await site.settled(page)
    assert.ok(!asked.includes(5), 'the panel itself is not asked again')
    assert.equal(await panel(page, 'Revenue by category').locator('.unseen tbody tr').count(), 9)
    await page.screenshot({ path: site.shot('selected'), fullPage: true })

    await page.getByRole('button', { name: /Clear Category Electronics/ }).click()
    await until(async () => (await figure(page, 'Revenue')) === before)
    assert.equal(selections(page), null)
    await leave(page)
  })

  test('a drag over time selects from the first to the last', onlyMock, async () => {
    const page = await visit('/d/sales')
    const canvas = panel(page, 'Revenue by device').locator('.canvas')
    await canvas.scrollIntoViewIfNeeded()
    const box = await canvas.boundingBox()
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.5)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.55, box.y + box.height * 0.5, { steps: 4 })
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.5, { steps: 4 })
    await page.mouse.up()
    await until(() => selections(page)?.order_month)
    const { from, to } = selections(page).order_month
    assert.ok(from < to, `${from} to ${to}`)
    assert.match(from, /^\d{4}-\d\d-01$/)
    await site.settled(page)
    assert.equal(await panel(page, 'Revenue by device').locator('.band').count(), 1)
    await page.screenshot({ path: site.shot('brushed'), fullPage: true })
    await leave(page)
  })

  test('a cell of a heat map and of a cohort matrix selects both its dimensions', onlyMock, async () => {
    const page = await visit('/d/sales')
    await pressCanvas(page, 'When orders come', 0.6, 0.5)
    await until(() => selections(page)?.hour)
    assert.equal(selections(page).category.length, 1)
    await page.goBack()
    await until(() => selections(page) === null)
    await panel(page, 'Customers that come back').getByRole('button', { name: /^Mar 2025, .* 3:/ }).click()
    await until(() => selections(page)?.cohort)
    assert.deepEqual([selections(page).cohort, selections(page).months_since], [['2025-03-01'], ['3']])
    await leave(page)
  })

  test('the address restores everything, and back goes back', onlyMock, async () => {
    const page = await visit('/d/sales')
    const plain = await figure(page, 'Orders')
    await pressCanvas(page, 'Revenue by country', 0.4, 0.06)
    await until(async () => (await figure(page, 'Orders')) !== plain)
    const [address, narrowed] = [page.url(), await figure(page, 'Orders')]

    const other = await site.page()
    await other.goto(address)
    await site.settled(other)
    assert.equal(await figure(other, 'Orders'), narrowed)
    await leave(other)

    await page.goBack()
    await until(async () => (await figure(page, 'Orders')) === plain)
    await page.goForward()
    await until(async () => (await figure(page, 'Orders')) === narrowed)
    await leave(page)
  })

  test('an address that says nonsense shows a dashboard all the same', async () => {
    const page = await visit(`/d/${SALES}?s=${encodeURIComponent('{"nowhere":["x"],"__proto__":["y"]}')}&own=[`)
    assert.ok((await page.locator('[data-panel]').count()) > 0)
    await leave(page)
  })

  test('filters: a select with search, a range, a time', onlyMock, async () => {
    const page = await visit('/d/sales')
    const filters = page.getByRole('region', { name: 'Filters' })
    const plain = await figure(page, 'Orders')
    await filters.getByRole('button', { name: /^Country/ }).click()
    await page.getByPlaceholder('Search').fill('fran')
    await until(async () => /^France/.test(await page.getByRole('dialog', { name: 'Country' }).getByRole('listitem').first().innerText()))
    await page.getByRole('dialog', { name: 'Country' }).getByRole('checkbox').first().check()
    await until(async () => (await figure(page, 'Orders')) !== plain)
    assert.deepEqual(selections(page).country, ['France'])
    await page.screenshot({ path: site.shot('filter') })
    await page.keyboard.press('Escape')
    assert.equal(await page.getByRole('dialog').count(), 0)

    await filters.getByRole('button', { name: /^Order value/ }).click()
    await page.getByLabel('From').fill('100')
    await page.getByRole('button', { name: 'Apply' }).click()
    await until(() => selections(page)?.total)
    assert.deepEqual(selections(page).total, { from: '100' })

    await filters.getByRole('button', { name: /^Day/ }).click()
    await page.getByRole('button', { name: '30 days' }).click()
    await until(() => selections(page)?.order_day?.from > '2025-11')
    await page.getByRole('button', { name: 'Clear all' }).click()
    await until(() => selections(page) !== null && Object.keys(selections(page)).length === 0)
    await leave(page)
  })
})

describe('behind the numbers', () => {
  test('rows, page by page', onlyMock, async () => {
    const page = await visit('/d/sales')
    await panel(page, 'Revenue by category').hover()
    await panel(page, 'Revenue by category').getByRole('button', { name: /rows behind/ }).click()
    const drawer = page.getByRole('dialog')
    await until(async () => (await drawer.locator('tbody tr').count()) === 100)
    assert.match(await drawer.innerText(), /1–100 of [\d,]+ rows/)
    await drawer.getByRole('button', { name: 'Next' }).click()
    await until(async () => /101–200/.test(await drawer.innerText()))
    await page.screenshot({ path: site.shot('rows') })
    await page.keyboard.press('Escape')
    assert.equal(await page.getByRole('dialog').count(), 0)
    await leave(page)
  })

  test('SQL, its values, its source columns and its run', async () => {
    const page = await visit(`/d/${SALES}`)
    const first = page.locator('[data-panel]:not(.number)').first()
    await first.getByRole('button', { name: /show SQL/ }).click()
    const drawer = page.getByRole('dialog')
    await until(async () => /SELECT/.test(await drawer.innerText()))
    assert.match(await drawer.innerText(), /FROM/)
    await page.screenshot({ path: site.shot('sql') })
    await leave(page)
  })

  test('CSV is a download of what the panel shows', async () => {
    const page = await visit(`/d/${SALES}`)
    const link = page.locator('[data-panel]:not(.number)').first().getByRole('link', { name: /download as CSV/ })
    const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
    const text = await readFile(await download.path(), 'utf8')
    assert.ok(text.split('\n').length > 2)
    await leave(page)
  })

  test('a name of an entity leads to its page, and back', onlyMock, async () => {
    const page = await visit('/d/sales')
    const link = panel(page, 'Latest orders').locator('tbody a').first()
    const key = await link.innerText()
    await link.click()
    await until(async () => (await page.locator('h1').innerText()) === key)
    await site.settled(page)
    assert.equal(new URL(page.url()).pathname, `/e/customer_id/${key}`)
    const orders = Number(await figure(page, 'Orders'))
    assert.equal(await panel(page, 'Their orders').locator('tbody tr').count(), Math.min(100, orders))
    await page.screenshot({ path: site.shot('entity'), fullPage: true })
    await page.goBack()
    await until(async () => (await page.locator('h1').innerText()) === 'Sales')
    await leave(page)
  })
})

describe('as it happens', () => {
  test('numbers move, and nothing flickers', onlyMock, async () => {
    const page = await visit('/d/live')
    const before = await panel(page, 'Orders').locator('tbody td').first().innerText()
    await page.evaluate(() => {
      window.flickered = 0
      new MutationObserver(() => {
        if (document.querySelector('.skeleton') !== null || document.querySelectorAll('canvas').length < 2) window.flickered += 1
      }).observe(document.querySelector('main'), { childList: true, subtree: true })
    })
    const began = Date.now()
    await until(async () => (await panel(page, 'Orders').locator('tbody td').first().innerText()) !== before, 5000)
    assert.ok(Date.now() - began < 3000)
    await page.waitForTimeout(2500)
    assert.equal(await page.evaluate(() => window.flickered), 0)
    assert.match(await panel(page, 'Orders').locator('time').innerText(), /updated (just now|\d s ago)/)
    await leave(page)
  })

  test('a broken connection comes back by itself', onlyMock, async () => {
    const page = await visit('/d/live')
    site.mock.breakEvents()
    await page.getByRole('status').filter({ hasText: 'live connection is broken' }).waitFor()
    await until(async () => (await page.getByRole('status').filter({ hasText: 'live connection is broken' }).count()) === 0)
    // The browser itself reports the connection that broke.
    page.wrong = page.wrong.filter((text) => !/Failed to load resource|ERR_/.test(text))
    await leave(page)
  })

  test('a file that changed shows its dashboard anew', onlyMock, async () => {
    const page = await visit('/d/live')
    const asked = page.waitForRequest((request) => request.url().endsWith('/api/dashboards/live'))
    site.mock.reload()
    await asked
    await site.settled(page)
    // What is read only at the start is told, until it is as it was.
    site.mock.reload(['views/sales.sql'])
    await page.locator('.outdated', { hasText: 'views/sales.sql' }).waitFor()
    site.mock.reload()
    await page.locator('.outdated').waitFor({ state: 'detached' })
    await leave(page)
  })
})

describe('for everybody', () => {
  test('dark by the system, by choice, and remembered', async () => {
    const page = await visit(`/d/${SALES}`, { colorScheme: 'dark' })
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const dark = await ground()
    await page.screenshot({ path: site.shot('dark'), fullPage: true })
    await page.getByRole('button', { name: 'Light', exact: true }).click()
    assert.notEqual(await ground(), dark)
    await page.reload()
    await site.settled(page)
    assert.notEqual(await ground(), dark)
    await leave(page)
  })

  test('by keys alone: skip, walk a chart, select, clear', onlyMock, async () => {
    const page = await visit('/d/sales')
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the page')
    await page.keyboard.press('Enter')
    assert.equal(await page.evaluate(() => document.activeElement.id), 'content')

    const chart = panel(page, 'Revenue by category').getByRole('application')
    await chart.focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    await until(async () => /Home & garden|Clothing/.test(await panel(page, 'Revenue by category').locator('[aria-live]').innerText()))
    await page.keyboard.press('Enter')
    await until(() => selections(page)?.category?.length === 1)
    assert.ok(await chart.evaluate((node) => getComputedStyle(node).outlineStyle !== 'none'))

    const months = panel(page, 'Revenue by device').getByRole('application')
    await months.focus()
    await page.keyboard.press('ArrowRight')
    for (let index = 0; index < 3; index += 1) await page.keyboard.press('Shift+ArrowRight')
    await page.keyboard.press('Enter')
    await until(() => selections(page)?.order_month?.from)
    await leave(page)
  })

  test('on a phone all stands in one column, and nothing sticks out', async () => {
    const page = await visit(`/d/${SALES}`, PHONE)
    assert.ok((await tooWide(page)) <= 0)
    const lefts = await page.locator('[data-panel]:not(.number)').evaluateAll((nodes) => nodes.map((node) => Math.round(node.getBoundingClientRect().left)))
    assert.equal(new Set(lefts).size, 1)
    await page.screenshot({ path: site.shot('phone'), fullPage: true })
    await page.getByRole('button', { name: 'Menu' }).click()
    assert.ok(await page.getByRole('navigation').getByRole('link').first().isVisible())
    await page.screenshot({ path: site.shot('phone-menu') })
    await leave(page)
  })

  test('less motion, where it is asked for', onlyMock, async () => {
    const page = await visit('/d/sales', { reducedMotion: 'reduce' })
    await pressCanvas(page, 'Revenue by category', 0.45, 0.06)
    await until(() => selections(page)?.category)
    await leave(page)
  })

  for (const [name, path, options] of [
    ['light', `/d/${SALES}`, {}],
    ['dark', `/d/${SALES}`, { colorScheme: 'dark' }],
    ...(mocked ? [['live', '/d/live', {}], ['trouble', '/d/trouble', {}], ['an entity', '/e/customer_id/C-00002', {}]] : []),
  ]) {
    test(`axe has no serious finding: ${name}`, async () => {
      const page = await visit(path, options)
      assert.deepEqual(await findings(page), [])
      await leave(page)
    })
  }
})
