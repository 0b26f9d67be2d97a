// Where the boxes of a graph stand: in layers from left to right, so that every link leads to the right, with few crossings
// and links as straight as they can be. Pure, and the same for the same graph.

export interface Box {
  id: string
  width: number
  height: number
}

export interface Link {
  from: string
  to: string
  /** How far below the upper edge of its box it begins and ends; the middle when absent. */
  fromAt?: number
  toAt?: number
}

export interface Placed extends Box {
  x: number
  y: number
  layer: number
}

export interface Layout<L extends Link> {
  boxes: Map<string, Placed>
  links: { link: L; path: string }[]
  width: number
  height: number
}

export interface Gaps {
  x: number
  y: number
}

/** A box, or the place where a long link passes a layer. */
interface Spot {
  id: string
  height: number
  layer: number
  passing: boolean
  /** Middle, from above. */
  at: number
  before: Spot[]
  after: Spot[]
}

const PASSING = 6
const SWEEPS = 12
const SETTLING = 10

export function layout<L extends Link>(boxes: Box[], links: L[], gaps: Gaps = { x: 64, y: 14 }): Layout<L> {
  const known = new Map(boxes.map((box) => [box.id, box]))
  const drawn = links.filter((link) => known.has(link.from) && known.has(link.to) && link.from !== link.to)
  const forward = withoutCircles(boxes, drawn)
  const layers = layersOf(boxes, forward)
  const { rows, chains } = spots(boxes, forward, layers)
  untangle(rows)
  settle(rows, gaps.y)

  const widths = rows.map((row) => Math.max(0, ...row.map((spot) => known.get(spot.id)?.width ?? 0)))
  const lefts: number[] = []
  let x = 0
  for (const width of widths) {
    lefts.push(x)
    x += width + gaps.x
  }
  const placed = new Map<string, Placed>()
  for (const row of rows) {
    for (const spot of row) {
      const box = spot.passing ? undefined : known.get(spot.id)
      if (box !== undefined) placed.set(box.id, { ...box, x: lefts[spot.layer] ?? 0, y: spot.at - box.height / 2, layer: spot.layer })
    }
  }
  const all = rows.flat()
  const height = all.reduce((most, spot) => Math.max(most, spot.at + spot.height / 2), 0)
  return {
    boxes: placed,
    links: drawn.map((link) => ({ link, path: pathOf(link, placed, chains.get(pair(link.from, link.to)) ?? [], lefts, widths) })),
    width: Math.max(0, x - gaps.x),
    height,
  }
}

const pair = (from: string, to: string) => `${JSON.stringify(from)}>${JSON.stringify(to)}`

/** One link for each pair, and those that close a circle turned round. */
function withoutCircles(boxes: Box[], links: Link[]): { from: string; to: string }[] {
  const next = new Map<string, Set<string>>(boxes.map((box) => [box.id, new Set()]))
  for (const link of links) next.get(link.from)?.add(link.to)
  const state = new Map<string, 'open' | 'done'>()
  const found = new Map<string, { from: string; to: string }>()
  for (const box of boxes) {
    if (state.has(box.id)) continue
    // A stack of its own: a chain of thousands would be too deep for calls.
    const stack = [{ id: box.id, left: [...(next.get(box.id) ?? [])] }]
    state.set(box.id, 'open')
    while (stack.length > 0) {
      const top = stack[stack.length - 1]
      if (top === undefined) break
      const to = top.left.shift()
      if (to === undefined) {
        state.set(top.id, 'done')
        stack.pop()
        continue
      }
      const [from, end] = state.get(to) === 'open' ? [to, top.id] : [top.id, to]
      found.set(pair(from, end), { from, to: end })
      if (!state.has(to)) {
        state.set(to, 'open')
        stack.push({ id: to, left: [...(next.get(to) ?? [])] })
      }
    }
  }
  return [...found.values()]
}

/** The longest way to each box; what nothing leads to stands just before what it leads to. */
function layersOf(boxes: Box[], links: { from: string; to: string }[]): Map<string, number> {
  const layer = new Map(boxes.map((box) => [box.id, 0]))
  const missing = new Map(boxes.map((box) => [box.id, 0]))
  const after = new Map<string, string[]>(boxes.map((box) => [box.id, []]))
  for (const { from, to } of links) {
    missing.set(to, (missing.get(to) ?? 0) + 1)
    after.get(from)?.push(to)
  }
  const ready = boxes.filter((box) => missing.get(box.id) === 0).map((box) => box.id)
  const first = [...ready]
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    for (const to of after.get(id) ?? []) {
      layer.set(to, Math.max(layer.get(to) ?? 0, (layer.get(id) ?? 0) + 1))
      const left = (missing.get(to) ?? 1) - 1
      missing.set(to, left)
      if (left === 0) ready.push(to)
    }
  }
  for (const id of first) {
    const targets = after.get(id) ?? []
    if (targets.length > 0) layer.set(id, Math.min(...targets.map((to) => layer.get(to) ?? 1)) - 1)
  }
  return layer
}

function spots(boxes: Box[], links: { from: string; to: string }[], layers: Map<string, number>) {
  const count = Math.max(0, ...layers.values()) + (boxes.length > 0 ? 1 : 0)
  const rows: Spot[][] = Array.from({ length: count }, () => [])
  const make = (id: string, height: number, layer: number, passing: boolean): Spot => {
    const spot: Spot = { id, height, layer, passing, at: 0, before: [], after: [] }
    rows[layer]?.push(spot)
    return spot
  }
  const of = new Map(boxes.map((box) => [box.id, make(box.id, box.height, layers.get(box.id) ?? 0, false)]))
  const chains = new Map<string, Spot[]>()
  for (const { from, to } of links) {
    const [start, end] = [of.get(from), of.get(to)]
    if (start === undefined || end === undefined) continue
    const chain: Spot[] = []
    let last = start
    for (let layer = start.layer + 1; layer < end.layer; layer += 1) {
      const spot = make('', PASSING, layer, true)
      join(last, spot)
      chain.push(spot)
      last = spot
    }
    join(last, end)
    chains.set(pair(from, to), chain)
    chains.set(pair(to, from), [...chain].reverse())
  }
  return { rows, chains }
}

function join(from: Spot, to: Spot) {
  from.after.push(to)
  to.before.push(from)
}

/** Each spot goes where its neighbours are on average, there and back; the order with the fewest crossings is kept. */
function untangle(rows: Spot[][]) {
  const place = new Map<Spot, number>()
  const number = () => rows.forEach((row) => row.forEach((spot, index) => place.set(spot, index)))
  number()
  let best = rows.map((row) => [...row])
  let least = crossings(rows, place)
  for (let sweep = 0; sweep < SWEEPS && least > 0; sweep += 1) {
    const down = sweep % 2 === 0
    const order = down ? rows.keys() : [...rows.keys()].reverse()
    for (const index of order) {
      const row = rows[index] ?? []
      const wanted = new Map(
        row.map((spot, at) => {
          const near = down ? spot.before : spot.after
          return [spot, near.length === 0 ? at : near.reduce((sum, one) => sum + (place.get(one) ?? 0), 0) / near.length]
        }),
      )
      row.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0))
      row.forEach((spot, at) => place.set(spot, at))
    }
    const now = crossings(rows, place)
    if (now < least) {
      least = now
      best = rows.map((row) => [...row])
    }
  }
  best.forEach((row, index) => rows.splice(index, 1, row))
}

function crossings(rows: Spot[][], place: Map<Spot, number>): number {
  let count = 0
  for (const row of rows) {
    const ends = row.flatMap((spot) => spot.after.map((to) => place.get(to) ?? 0).sort((a, b) => a - b))
    // Inversions, by insertion into a sorted list: layers are short.
    const sorted: number[] = []
    for (const end of ends) {
      let low = 0
      let high = sorted.length
      while (low < high) {
        const middle = (low + high) >> 1
        if ((sorted[middle] ?? 0) <= end) low = middle + 1
        else high = middle
      }
      count += sorted.length - low
      sorted.splice(low, 0, end)
    }
  }
  return count
}

/** Heights: each spot as near to its neighbours as those of its layer let it, in their order. */
function settle(rows: Spot[][], gap: number) {
  for (const row of rows) {
    let y = 0
    for (const spot of row) {
      spot.at = y + spot.height / 2
      y += spot.height + gap
    }
  }
  for (let pass = 0; pass < SETTLING; pass += 1) {
    const order = pass % 2 === 0 ? rows : [...rows].reverse()
    for (const row of order) {
      const wanted = row.map((spot) => {
        // The last passes see both sides, so that neither end of a link hangs.
        const near = pass >= SETTLING - 2 ? [...spot.before, ...spot.after] : pass % 2 === 0 ? spot.before : spot.after
        return near.length === 0 ? spot.at : near.reduce((sum, one) => sum + one.at, 0) / near.length
      })
      pack(row, wanted, gap).forEach((at, index) => {
        const spot = row[index]
        if (spot !== undefined) spot.at = at
      })
    }
  }
  const all = rows.flat()
  const top = all.reduce((least, spot) => Math.min(least, spot.at - spot.height / 2), Infinity)
  for (const spot of all) spot.at -= top
}

/** Least squares under the order and the distances: blocks that collide become one, at the mean of what their members want. */
function pack(row: Spot[], wanted: number[], gap: number): number[] {
  const offsets: number[] = []
  let sum = 0
  row.forEach((spot, index) => {
    const above = row[index - 1]
    if (above !== undefined) sum += (above.height + spot.height) / 2 + (above.passing && spot.passing ? gap / 2 : gap)
    offsets.push(sum)
  })
  const blocks: { value: number; weight: number; size: number }[] = []
  wanted.forEach((want, index) => {
    const weight = row[index]?.passing ? 2 : 1
    blocks.push({ value: want - (offsets[index] ?? 0), weight, size: 1 })
    for (;;) {
      const [above, last] = [blocks[blocks.length - 2], blocks[blocks.length - 1]]
      if (above === undefined || last === undefined || above.value <= last.value) break
      blocks.splice(-2, 2, {
        value: (above.value * above.weight + last.value * last.weight) / (above.weight + last.weight),
        weight: above.weight + last.weight,
        size: above.size + last.size,
      })
    }
  })
  return blocks.flatMap((block) => Array.from({ length: block.size }, () => block.value)).map((value, index) => value + (offsets[index] ?? 0))
}

const round = (value: number) => Math.round(value * 10) / 10

function pathOf(link: Link, placed: Map<string, Placed>, chain: Spot[], lefts: number[], widths: number[]): string {
  const [from, to] = [placed.get(link.from), placed.get(link.to)]
  if (from === undefined || to === undefined) return ''
  const start = from.y + (link.fromAt ?? from.height / 2)
  const end = to.y + (link.toAt ?? to.height / 2)
  // A link that was turned round leaves on the left and arrives on the right.
  const back = from.layer > to.layer
  let [x, y] = [back ? from.x : from.x + from.width, start]
  let path = `M${round(x)} ${round(y)}`
  const curve = (toX: number, toY: number) => {
    const middle = (x + toX) / 2
    path += `C${round(middle)} ${round(y)} ${round(middle)} ${round(toY)} ${round(toX)} ${round(toY)}`
    x = toX
    y = toY
  }
  for (const spot of chain) {
    const left = lefts[spot.layer] ?? 0
    const right = left + (widths[spot.layer] ?? 0)
    curve(back ? right : left, spot.at)
    x = back ? left : right
    path += `H${round(x)}`
  }
  curve(back ? to.x + to.width : to.x, end)
  return path
}
