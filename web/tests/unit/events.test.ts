import { expect, test } from 'vitest'
import { FIRST_WAIT, listen, LONGEST_WAIT, panelsOf, SILENCE, wait, type Source, type Surroundings } from '../../src/api/events'

class Fake implements Source {
  listeners: Record<string, (event: { data?: unknown }) => void> = {}
  closed = false
  addEventListener(name: string, listener: (event: { data?: unknown }) => void) {
    this.listeners[name] = listener
  }
  close() {
    this.closed = true
  }
  say(name: string, data?: unknown) {
    this.listeners[name]?.({ data })
  }
}

function setUp() {
  const sources: Fake[] = []
  const timers = new Map<number, { run: () => void; at: number }>()
  let count = 0
  const around: Surroundings = {
    open: () => {
      const source = new Fake()
      sources.push(source)
      return source
    },
    later: (run, at) => {
      timers.set((count += 1), { run, at })
      return count
    },
    forget: (timer) => timers.delete(timer),
    random: () => 1,
  }
  const heard: string[] = []
  const end = listen(
    '/api/events',
    {
      changed: (panels) => heard.push(`changed ${panels.join()}`),
      reload: () => heard.push('reload'),
      resumed: () => heard.push('resumed'),
      connected: (yes) => heard.push(yes ? 'on' : 'off'),
    },
    around,
  )
  const run = (at: number) => {
    const [timer, found] = [...timers].find(([, one]) => one.at === at) ?? []
    if (timer === undefined || found === undefined) throw new Error(`no timer of ${at} ms, but ${[...timers.values()].map((one) => one.at).join()}`)
    timers.delete(timer)
    found.run()
  }
  return { sources, timers, heard, end, run }
}

test('what is said is passed on', () => {
  const { sources, heard } = setUp()
  sources[0]?.say('open')
  sources[0]?.say('changed', '{"panels":["0","3"]}')
  sources[0]?.say('changed', 'nonsense')
  sources[0]?.say('reload', '{}')
  expect(heard).toEqual(['on', 'changed 0,3', 'reload'])
})

test('a broken connection is opened again, slower each time, and then everything is asked anew', () => {
  const { sources, heard, run } = setUp()
  sources[0]?.say('open')
  sources[0]?.say('error')
  run(FIRST_WAIT)
  sources[1]?.say('error')
  run(FIRST_WAIT * 2)
  sources[2]?.say('open')
  expect(heard).toEqual(['on', 'off', 'off', 'on', 'resumed'])
  expect(sources[0]?.closed).toBe(true)
  // Once it held, the next break begins with the short wait again.
  sources[2]?.say('error')
  run(FIRST_WAIT)
  expect(sources).toHaveLength(4)
})

test('silence is a break, and a ping ends it', () => {
  const { sources, timers, heard, run } = setUp()
  sources[0]?.say('open')
  sources[0]?.say('ping', '{}')
  expect([...timers.values()].filter((timer) => timer.at === SILENCE)).toHaveLength(1)
  run(SILENCE)
  expect(heard).toEqual(['on', 'off'])
})

test('last words of a connection that was given up count for nothing', () => {
  const { sources, heard, run } = setUp()
  sources[0]?.say('error')
  run(FIRST_WAIT)
  sources[0]?.say('changed', '{"panels":["0"]}')
  sources[0]?.say('error')
  expect(heard).toEqual(['off'])
})

test('the end closes it, and leaves no timer', () => {
  const { sources, timers, end } = setUp()
  sources[0]?.say('open')
  end()
  expect(sources[0]?.closed).toBe(true)
  expect(timers.size).toBe(0)
})

test('waits grow to a limit and are spread', () => {
  expect(wait(0, 0)).toBe(FIRST_WAIT / 2)
  expect(wait(30, 1)).toBe(LONGEST_WAIT)
  expect(panelsOf('{"panels":7}')).toEqual([])
})
