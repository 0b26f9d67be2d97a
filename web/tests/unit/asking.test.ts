import { expect, test } from 'vitest'
import { Asking, type Answer } from '../../src/state/asking'

interface Asked {
  signal: AbortSignal
  answer(value: number): void
  fail(error: unknown): void
}

function setUp() {
  const told: Answer<number>[] = []
  const asked: Asked[] = []
  const asking = new Asking<number>((answer) => told.push(answer))
  const ask = (signal: AbortSignal) =>
    new Promise<number>((answer, fail) => {
      signal.addEventListener('abort', () => fail(new DOMException('stopped', 'AbortError')))
      asked.push({ signal, answer, fail })
    })
  return { told, asked, asking, ask, settled: () => new Promise((resolve) => setTimeout(resolve)) }
}

test('the same question is asked once', async () => {
  const { asked, asking, ask } = setUp()
  asking.put('a', ask)
  asking.put('a', ask)
  expect(asked).toHaveLength(1)
})

test('a new question cancels the one under way, whose answer is not shown', async () => {
  const { told, asked, asking, ask, settled } = setUp()
  asking.put('a', ask)
  asking.put('b', ask)
  expect(asked[0]?.signal.aborted).toBe(true)
  asked[0]?.answer(1)
  asked[1]?.answer(2)
  await settled()
  expect(told[told.length - 1]).toEqual({ value: 2, error: null, loading: false, renewed: false })
  expect(told.some((answer) => answer.value === 1)).toBe(false)
})

test('news while asking do not cancel: they ask once more afterwards, however many they are', async () => {
  const { asked, asking, ask, settled } = setUp()
  asking.put('a', ask)
  asking.again()
  asking.again()
  expect(asked).toHaveLength(1)
  expect(asked[0]?.signal.aborted).toBe(false)
  asked[0]?.answer(1)
  await settled()
  expect(asked).toHaveLength(2)
  asked[1]?.answer(2)
  await settled()
  expect(asked).toHaveLength(2)
})

test('the old answer stays while the new one is on its way, and beside an error', async () => {
  const { told, asked, asking, ask, settled } = setUp()
  asking.put('a', ask)
  asked[0]?.answer(1)
  await settled()
  asking.again()
  expect(told[told.length - 1]).toEqual({ value: 1, error: null, loading: true, renewed: false })
  asked[1]?.fail(new Error('away'))
  await settled()
  expect(told[told.length - 1]).toMatchObject({ value: 1, loading: false, error: { message: 'away' } })
})

test('after its end nothing is asked or told', async () => {
  const { told, asked, asking, ask, settled } = setUp()
  asking.put('a', ask)
  const before = told.length
  asking.end()
  asking.again()
  asked[0]?.answer(1)
  await settled()
  expect(told).toHaveLength(before)
  expect(asked[0]?.signal.aborted).toBe(true)
})

test('an answer says whether the question was answered before', async () => {
  const { told, asked, asking, ask, settled } = setUp()
  asking.put('a', ask)
  asked[0]?.answer(1)
  await settled()
  asking.again()
  asked[1]?.answer(2)
  await settled()
  expect(told[told.length - 1]).toMatchObject({ value: 2, renewed: true })
  asking.put('b', ask)
  asked[2]?.answer(3)
  await settled()
  expect(told[told.length - 1]).toMatchObject({ value: 3, renewed: false })
})
