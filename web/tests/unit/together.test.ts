import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Together } from '../../src/state/together'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function setUp() {
  const together = new Together()
  const [a, b] = [{}, {}]
  const shown: string[] = []
  return { together, a, b, shown, show: (what: string) => () => shown.push(what) }
}

test('who asked together is shown together', () => {
  const { together, a, b, shown, show } = setUp()
  together.asked(a)
  together.asked(b)
  together.put(a, show('a'))
  expect(shown).toEqual([])
  together.put(b, show('b'))
  expect(shown).toEqual(['a', 'b'])
})

test('nobody waits long for the others', () => {
  const { together, a, b, shown, show } = setUp()
  together.asked(a)
  together.asked(b)
  together.put(a, show('a'))
  vi.advanceTimersByTime(50)
  expect(shown).toEqual(['a'])
  together.put(b, show('b'))
  expect(shown).toEqual(['a', 'b'])
})

test('what is asked anew or gone is not shown, and keeps nobody waiting', () => {
  const { together, a, b, shown, show } = setUp()
  together.asked(a)
  together.asked(b)
  together.put(a, show('old'))
  together.asked(a)
  together.put(a, show('new'))
  together.end(b)
  expect(shown).toEqual(['new'])
  vi.advanceTimersByTime(100)
  expect(shown).toEqual(['new'])
})
