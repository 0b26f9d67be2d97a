// A small shop, the same at every start: what the mock server answers from.

export const HOSTILE = {
  script: '<script>window.__owned = 1</script><img src=x onerror="window.__owned = 1">',
  rightToLeft: 'שלום \u202e evil \u202c مرحبا',
  formula: '=HYPERLINK("http://example.com")',
  long: 'Long '.repeat(2000),
  braces: '{a|b} {{x}} {b0} \\ "quoted" \'single\'',
}

/** A seeded generator: plausible, and the same each time (mulberry32). */
export function dice(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const COUNTRIES = [['Germany', 30], ['France', 22], ['Netherlands', 14], ['Spain', 11], ['Poland', 9], ['Sweden', 6], ['Austria', 5], [null, 1.5], [HOSTILE.rightToLeft, 0.8], [HOSTILE.script, 0.7]]
const CATEGORIES = [['Electronics', 22, 180], ['Home & garden', 20, 64], ['Clothing', 24, 48], ['Books', 16, 19], ['Toys', 10, 32], ['Sports', 8, 75]]
const AGES = ['18–24', '25–34', '35–44', '45–54', '55–64', '65+']
const DEVICES = [['phone', 52], ['desktop', 36], ['tablet', 12]]
const FIRST = Date.UTC(2024, 6, 1)
const DAYS = 540
const DAY = 86_400_000

function weighted(roll, list) {
  const total = list.reduce((sum, item) => sum + item[1], 0)
  let at = roll() * total
  for (const item of list) {
    at -= item[1]
    if (at <= 0) return item
  }
  return list[list.length - 1]
}

const iso = (time) => new Date(time).toISOString()
const day = (time) => iso(time).slice(0, 10)
const monthOf = (text) => `${text.slice(0, 7)}-01`

export function shop({ orders = 9000, seed = 7 } = {}) {
  const roll = dice(seed)
  const customers = Array.from({ length: 900 }, (_, index) => ({
    customer_id: `C-${String(index + 1).padStart(5, '0')}`,
    name: index === 3 ? HOSTILE.script : index === 4 ? HOSTILE.long : index === 5 ? HOSTILE.formula : index === 6 ? HOSTILE.rightToLeft : `Customer ${index + 1}`,
    country: weighted(roll, COUNTRIES)[0],
    age: Math.round(18 + 62 * Math.pow(roll(), 1.4)),
    joined: Math.floor(roll() ** 1.2 * (DAYS - 20)),
  }))
  const sales = []
  for (let index = 0; index < orders; index += 1) {
    const customer = customers[Math.floor(roll() ** 1.7 * customers.length)]
    const at = Math.min(DAYS - 1, customer.joined + Math.floor(roll() ** 1.6 * (DAYS - customer.joined)))
    const season = 1 + 0.35 * Math.cos(((at - 150) / 365) * 2 * Math.PI)
    if (roll() > season / 1.35) continue
    const [category, , price] = weighted(roll, CATEGORIES)
    const quantity = 1 + Math.floor(roll() ** 3 * 5)
    const time = FIRST + at * DAY + Math.floor((8 + 14 * roll() ** 0.8) * 3_600_000)
    const total = Math.round(price * quantity * (0.5 + roll() * 1.4) * (1 + at / 1500) * 100) / 100
    sales.push({
      order_id: 100000 + index,
      order_day: day(time),
      order_month: monthOf(day(time)),
      ordered_at: iso(time),
      hour: new Date(time).getUTCHours(),
      weekday: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][new Date(time).getUTCDay()],
      customer_id: customer.customer_id,
      country: customer.country,
      age: customer.age,
      age_group: AGES[Math.min(5, Math.max(0, Math.floor((customer.age - 15) / 10)))],
      cohort: monthOf(day(FIRST + customer.joined * DAY)),
      category,
      device: weighted(roll, DEVICES)[0],
      quantity,
      total,
      margin: Math.round((0.12 + 0.3 * roll()) * 1000) / 1000,
      is_returned: roll() < 0.06,
    })
  }
  // The lucky last customer has names that want to break the page, on every kind of panel.
  for (const [index, text] of [HOSTILE.script, HOSTILE.long, HOSTILE.braces].entries()) {
    sales.push({ ...sales[index * 7], order_id: 999000 + index, category: text, total: 900 + index * 100 })
  }
  sales.sort((a, b) => (a.ordered_at < b.ordered_at ? -1 : 1))
  for (const sale of sales) {
    const months = (Number(sale.order_month.slice(0, 4)) - Number(sale.cohort.slice(0, 4))) * 12 + Number(sale.order_month.slice(5, 7)) - Number(sale.cohort.slice(5, 7))
    sale.months_since = Math.max(0, months)
  }
  return { sales, customers }
}

const PRODUCTS = ['Kettle', 'Desk lamp', 'Trail shoes', 'Headphones', 'Cook book', 'Puzzle', 'Rain coat', 'Chess set', HOSTILE.script]

/** One minute's worth after the other, up to now; `tick` adds what a second brings. */
export function stream(seed = 11) {
  const roll = dice(seed)
  const orders = []
  let next = 1
  const add = (time) =>
    orders.push({
      order_id: next++,
      ordered_at: iso(time),
      product: PRODUCTS[Math.floor(roll() ** 1.6 * PRODUCTS.length)],
      country: weighted(roll, COUNTRIES)[0],
      customer_id: `C-${String(1 + Math.floor(roll() * 900)).padStart(5, '0')}`,
      total: Math.round((10 + roll() ** 2 * 240) * 100) / 100,
      latency: 0.004 + roll() ** 4 * 0.2,
    })
  const now = Date.now()
  for (let time = now - 30 * 60_000; time < now; time += 1500 + roll() * 2500) add(time)
  return {
    orders,
    tick() {
      const count = 1 + Math.floor(roll() * 4)
      for (let index = 0; index < count; index += 1) add(Date.now() - Math.floor(roll() * 900))
      if (orders.length > 4000) orders.splice(0, orders.length - 4000)
    },
  }
}
