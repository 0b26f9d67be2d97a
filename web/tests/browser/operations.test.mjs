// The pages of operations, entities and the finder, against the mock server.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { findings, open, PHONE, tooWide, until } from './page.mjs'

const skip = process.env.BASE_URL === undefined ? false : 'needs what the mock server says'
let site
before(async () => (site = skip ? undefined : await open()))
after(() => site?.end())

async function visit(path, options) {
  const page = await site.page(options)
  await page.goto(site.url(path))
  await page.locator('h1').first().waitFor()
  return page
}

async function leave(page) {
  assert.deepEqual(page.wrong, [])
  assert.equal(await page.evaluate(() => window.__owned), undefined)
  await page.context().close()
}

describe('runs', { skip }, () => {
  test('are listed, and one that goes on moves', async () => {
    const page = await visit('/runs')
    await page.getByRole('row').nth(6).waitFor()
    assert.match(await page.getByRole('row', { name: /T235900-7/ }).innerText(), /failed/)
    const first = page.getByRole('row').nth(1)
    const before = await first.locator('progress').getAttribute('value')
    await until(async () => (await first.locator('progress').getAttribute('value')) !== before, 5000)
    await leave(page)
  })

  test('one is a graph with what its nodes have done, and its steps', async () => {
    const page = await visit('/runs')
    await page.getByRole('link', { name: '20261121T235900-7' }).click()
    await until(() => new URL(page.url()).pathname === '/runs/20261121T235900-7')
    assert.match(await page.getByRole('alert').innerText(), /the server closed the connection/)
    const graph = page.getByRole('group', { name: 'Nodes of the run' })
    await graph.getByRole('button', { name: /^raw.customers ?, raw, succeeded: 3/ }).waitFor()
    assert.ok((await graph.locator('.node.bad').count()) > 0)
    const lefts = await Promise.all(['raw.orders', 'clean.orders', 'sales'].map(async (name) => (await graph.locator('.node').filter({ has: page.getByText(name, { exact: true }) }).boundingBox()).x))
    assert.ok(lefts[0] < lefts[1] && lefts[1] < lefts[2])
    await page.getByRole('button', { name: 'Longest first' }).click()
    assert.match(await page.getByRole('region', { name: 'Steps' }).getByRole('row').nth(1).innerText(), /raw\.order_lines/)
    await leave(page)
  })

  test('a node leads to its step: its plan as a tree, and why it was slow; the address keeps it', async () => {
    const page = await visit('/runs/20261122T071500-8')
    await page.getByRole('button', { name: /^sales ?, table/ }).click()
    const drawer = page.getByRole('dialog')
    assert.match(await drawer.innerText(), /62 % of its time went into sorting/)
    const indents = await drawer.locator('tbody th').evaluateAll((cells) => cells.map((cell) => Number.parseFloat(getComputedStyle(cell).paddingLeft)))
    assert.ok(indents[0] < indents[1] && indents[1] < indents[2], String(indents))
    assert.match(await drawer.getByRole('row', { name: /Sort/ }).innerText(), /1\.2\sGB/)
    assert.equal(new URL(page.url()).searchParams.get('step'), '13')
    await page.keyboard.press('Escape')
    await until(() => new URL(page.url()).search === '')
    await page.goBack()
    await drawer.waitFor()
    await drawer.getByRole('link', { name: 'Lineage' }).click()
    await until(() => new URL(page.url()).pathname === '/lineage')
    await leave(page)
  })

  test('a step that runs no query is told by its parts, and what each read, wrote and waited for', async () => {
    const page = await visit('/runs/20261122T071500-8')
    await page.getByRole('button', { name: /^raw.customers ?, raw/ }).click()
    const plan = page.getByRole('dialog').getByRole('group', { name: 'Plan' })
    assert.deepEqual(await plan.locator('thead th').allInnerTexts(), ['Operator', 'Time', 'Rows', 'Waited', 'Read', 'Written'])
    assert.deepEqual(await plan.locator('.operator').allInnerTexts(), ['Commit', 'SetAside', 'Write', 'Contract', 'Decode', 'Read'])
    assert.match(await plan.getByRole('row', { name: /^Read/ }).innerText(), /MB/)
    assert.match(await plan.getByRole('row', { name: /^Commit/ }).innerText(), /41\sms/)
    await leave(page)
  })

  test('one that goes on moves in its graph', async () => {
    const page = await visit('/runs/latest')
    const done = () => page.getByText('Steps', { exact: true }).first().locator('..').innerText()
    const before = await page.locator('header + p progress').getAttribute('value')
    await until(async () => (await page.locator('header + p progress').getAttribute('value')) !== before, 5000)
    assert.match(await done(), /\d+/)
    await leave(page)
  })

  test('one that is none says so', async () => {
    const page = await site.page()
    await page.goto(site.url('/runs/nowhere'))
    assert.match(await page.getByRole('alert').innerText(), /no such run/)
    await leave(page)
  })
})

describe('lineage', { skip }, () => {
  test('from the whole to a table, to a column, down to the file', async () => {
    const page = await visit('/lineage')
    const graph = page.getByRole('group', { name: 'Lineage', exact: true })
    await graph.getByRole('button', { name: /^stock/ }).waitFor()
    await graph.getByRole('button', { name: /^sales table/ }).click()
    await until(() => new URL(page.url()).searchParams.get('table') === 'sales')
    assert.equal(await graph.getByRole('button', { name: /^stock/ }).count(), 0)
    await graph.getByRole('button', { name: /^revenue/ }).click()
    await until(() => new URL(page.url()).searchParams.get('column') === 'revenue')
    assert.equal(await graph.locator('.card.source').count(), 1)
    assert.match(await graph.locator('.card.source').innerText(), /data\/order_lines\.csv[\s\S]*quantity[\s\S]*price/)
    assert.equal(await graph.getByRole('button', { name: /^clean\.customers/ }).count(), 0)
    assert.match(await page.getByRole('region', { name: 'Made of' }).innerText(), /clean\.order_lines\.quantity/)
    assert.match(await page.getByRole('region', { name: 'Used by' }).innerText(), /sales_by_month\.revenue/)
    await page.goBack()
    await page.goBack()
    await graph.getByRole('button', { name: /^stock/ }).waitFor()
    await leave(page)
  })

  test('a column is found by its name, and from the SQL of a panel', async () => {
    const page = await visit('/lineage')
    await page.getByRole('searchbox').fill('months_s')
    await page.keyboard.press('Enter')
    await until(() => new URL(page.url()).search === '?table=cohorts&column=months_since')
    await page.goto(site.url('/d/sales'))
    await site.settled(page)
    await page.getByRole('button', { name: 'Revenue by country: show SQL' }).click()
    await page.getByRole('dialog').getByRole('link', { name: 'clean.customers.country' }).click()
    await until(async () => new URL(page.url()).pathname === '/lineage')
    await page.getByRole('group', { name: 'Lineage', exact: true }).locator('.card.source').waitFor()
    await leave(page)
  })
})

describe('quarantine', { skip }, () => {
  test('rows that wait, by reason, with their place and raw text', async () => {
    const page = await visit('/quarantine')
    const orders = page.getByRole('region', { name: 'orders' })
    assert.match(await orders.innerText(), /Out of range\s*total[\s\S]*data\/orders\.csv:1042[\s\S]*148/)
    await orders.getByRole('link', { name: /Out of range/ }).click()
    const drawer = page.getByRole('dialog')
    await until(async () => /1–100 of 148/.test(await drawer.innerText()))
    assert.match(await drawer.innerText(), /1041,17,2024-03-02T11:20:00Z,-12\.50,delivered/)
    await page.keyboard.press('Escape')
    await until(() => new URL(page.url()).search === '')
    await leave(page)
  })

  test('another try says what it came to, and the page shows what is left', async () => {
    const page = await visit('/quarantine')
    const orders = page.getByRole('region', { name: 'orders' })
    await orders.getByRole('combobox').selectOption({ label: 'Out of range (total)' })
    await orders.getByRole('button', { name: /Try again|Try all again/ }).click()
    await until(async () => /148 rows were tried again: 74 rows are in the table now, 74 rows are still set aside/.test(await orders.getByRole('status').innerText()))
    await until(async () => /138 rows/.test(await orders.innerText()))
    await leave(page)
  })
})

describe('entities', { skip }, () => {
  test('a profile stands at the top of the page of a thing', async () => {
    const page = await visit('/e/customer_id/C-00002')
    const profile = page.getByRole('region', { name: 'Profile' })
    assert.match(await profile.innerText(), /Customer metrics[\s\S]*Country\s*Spain[\s\S]*Orders\s*58/i)
    await leave(page)
  })

  test('the finder finds a page and a thing, by keys alone', async () => {
    const page = await visit('/d/sales')
    await page.keyboard.press('Control+k')
    const field = page.getByRole('combobox', { name: /Find a page/ })
    await field.fill('quar')
    await page.keyboard.press('Enter')
    await until(() => new URL(page.url()).pathname === '/quarantine')
    await page.keyboard.press('Control+k')
    await field.fill('c-0001')
    await until(async () => (await page.getByRole('listbox', { name: 'Found' }).getByRole('option').count()) === 8)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await until(() => new URL(page.url()).pathname === '/e/customer_id/C-00011')
    await leave(page)
  })
})

const PAGES = ['/runs', '/runs/20261121T235900-7', '/runs/20261122T071500-8?step=13', '/lineage', '/lineage?table=sales', '/lineage?table=sales&column=revenue', '/quarantine', '/quarantine?table=orders&code=fields', '/e/customer_id/C-00002']

describe('for everybody', { skip }, () => {
  for (const path of PAGES) {
    test(`axe has no serious finding: ${path}`, async () => {
      for (const colorScheme of ['light', 'dark']) {
        const page = await visit(path, { colorScheme })
        await page.waitForTimeout(700)
        assert.deepEqual(await findings(page), [], colorScheme)
        await leave(page)
      }
    })

    test(`nothing sticks out on a phone: ${path}`, async () => {
      const page = await visit(path, PHONE)
      await page.waitForTimeout(700)
      assert.ok((await tooWide(page)) <= 0)
      await leave(page)
    })
  }
})
