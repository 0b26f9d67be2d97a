import { describe, expect, test } from 'vitest'
import { layout, type Link } from '../../src/graph/layout'

const box = (id: string, height = 40) => ({ id, width: 100, height })
const link = (text: string): Link => {
  const [from = '', to = ''] = text.split('>')
  return { from, to }
}
const of = (names: string, links: string) => layout(names.split(' ').map((name) => box(name)), links === '' ? [] : links.split(' ').map(link))

describe('layers', () => {
  test('every link leads to the right', () => {
    const { boxes } = of('d c b a e', 'a>b b>c a>c c>d a>e')
    for (const [from, to] of ['ab', 'bc', 'ac', 'cd', 'ae'].map((two) => [...two])) {
      expect(boxes.get(from ?? '')?.x).toBeLessThan(boxes.get(to ?? '')?.x ?? 0)
    }
  })

  test('what nothing leads to stands before what it leads to', () => {
    const { boxes } = of('a b c late', 'a>b b>c late>c')
    expect(boxes.get('late')?.layer).toBe(1)
  })

  test('a circle, a loop and an unknown end do no harm', () => {
    const drawn = of('a b c', 'a>b b>c c>a a>a b>nobody')
    expect(drawn.boxes.size).toBe(3)
    expect(drawn.links).toHaveLength(3)
    expect(drawn.links.every(({ path }) => /^M[\d. HC-]+$/.test(path))).toBe(true)
  })

  test('nothing, and one alone', () => {
    expect(of('a', '')).toMatchObject({ width: 100, height: 40 })
    expect(layout([], [])).toMatchObject({ width: 0, height: 0 })
  })
})

describe('places', () => {
  test('no box lies on another, whatever the graph', () => {
    let seed = 7
    const dice = (sides: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % sides
    for (let round = 0; round < 40; round += 1) {
      const names = Array.from({ length: 2 + dice(30) }, (_, index) => `n${index}`)
      const links = Array.from({ length: dice(60) }, () => ({ from: `n${dice(names.length)}`, to: `n${dice(names.length)}` }))
      const { boxes, width, height } = layout(names.map((name) => box(name, 20 + dice(80))), links)
      const all = [...boxes.values()]
      expect(all).toHaveLength(names.length)
      for (const a of all) {
        expect(a.y).toBeGreaterThanOrEqual(-0.001)
        expect(a.y + a.height).toBeLessThanOrEqual(height + 0.001)
        expect(a.x + a.width).toBeLessThanOrEqual(width)
        for (const b of all) if (a !== b && a.x === b.x) expect(a.y + a.height <= b.y - 13.9 || b.y + b.height <= a.y - 13.9).toBe(true)
      }
    }
  })

  test('two lines that need not cross do not', () => {
    const { boxes } = of('a b x y', 'a>y b>x')
    expect((boxes.get('a')?.y ?? 0) < (boxes.get('b')?.y ?? 0)).toBe((boxes.get('y')?.y ?? 0) < (boxes.get('x')?.y ?? 0))
  })

  test('a line of boxes is straight', () => {
    const { boxes } = of('a b c', 'a>b b>c')
    expect(new Set([...boxes.values()].map((one) => one.y)).size).toBe(1)
  })

  test('a link begins and ends where it is said', () => {
    const { links } = layout([box('a', 100), box('b', 100)], [{ from: 'a', to: 'b', fromAt: 10, toAt: 90 }])
    expect(links[0]?.path).toMatch(/^M100 10C.* 164 90$/)
  })

  test('a thousand boxes do not keep anybody waiting', () => {
    const names = Array.from({ length: 1000 }, (_, index) => `n${index}`)
    const links = names.flatMap((name, index) => [1, 2, 7].map((step) => ({ from: name, to: `n${index + step * 40}` })))
    const began = performance.now()
    layout(names.map((name) => box(name)), links)
    expect(performance.now() - began).toBeLessThan(3000)
  })

  test('the same graph stands the same', () => {
    const [one, two] = [of('a b c d', 'a>c b>c c>d'), of('a b c d', 'a>c b>c c>d')]
    expect([...one.boxes.values()]).toEqual([...two.boxes.values()])
  })
})
