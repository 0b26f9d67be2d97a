// So many viewers of one live page: each listens for changes and asks for the panels that changed, as the page does.
//
//   node bench/dashboard/viewers.mjs URL_WITH_TOKEN [VIEWERS] [SECONDS] [DASHBOARD] [PID]      50 viewers, 60 seconds, the live page
//
// Prints one JSON line: how long answers took in the first and the last quarter, how many came, and (with the server's PID) its memory.
import { readFileSync } from 'node:fs'
import http from 'node:http'

const [start, viewers = '50', seconds = '60', dashboard = 'live', pid] = process.argv.slice(2)
const { hostname, port, searchParams } = new URL(start)
const headers = { authorization: `Bearer ${searchParams.get('token')}` }
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity })
const began = performance.now()
const answers = []
let failed = 0
const length = Number(seconds) * 1000

const request = (path) =>
  new Promise((done, fail) => {
    http.get({ hostname, port, path, headers, agent }, done).on('error', fail)
  })

async function text(path) {
  const answer = await request(path)
  let body = ''
  for await (const chunk of answer) body += chunk
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${body}`)
  return body
}

async function panel(id) {
  const asked = performance.now()
  try {
    const answer = JSON.parse(await text(`/api/dashboards/${dashboard}/panels/${id}`))
    answers.push({ at: asked - began, ms: performance.now() - asked, age: Date.now() - Date.parse(answer.as_of) })
  } catch {
    failed += 1
  }
}

async function view() {
  const described = JSON.parse(await text(`/api/dashboards/${dashboard}`))
  await Promise.all(described.panels.map((p) => panel(p.id)))
  const events = await request(`/api/events?dashboard=${dashboard}`)
  // One question of a panel at a time, and one more when news came meanwhile: as the page does.
  const busy = new Map()
  const ask = (id) => {
    if (busy.has(id)) return busy.set(id, true)
    busy.set(id, false)
    panel(id).then(() => {
      const again = busy.get(id)
      busy.delete(id)
      if (again) ask(id)
    })
  }
  let rest = ''
  events.on('data', (chunk) => {
    const parts = (rest + chunk).split('\n\n')
    rest = parts.pop()
    for (const part of parts.filter((p) => p.startsWith('event: changed'))) JSON.parse(part.slice(part.indexOf('data:') + 5)).panels.forEach(ask)
  })
  return events
}

const memory = () => (pid === undefined ? null : Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024))
const behind = async () => Number(/tidemill_stream_behind_seconds\{[^}]*\} (\S+)/.exec(await text('/metrics'))?.[1] ?? NaN)
const quantile = (all, share) => (all.length === 0 ? null : Math.round([...all].sort((a, b) => a - b)[Math.ceil(all.length * share) - 1]))

const memories = [memory()]
const all = await Promise.all(Array.from({ length: Number(viewers) }, view))
const timer = setInterval(() => memories.push(memory()), length / 8)
await new Promise((done) => setTimeout(done, length))
clearInterval(timer)
const of = (from, to) => answers.filter((a) => a.at >= length * from && a.at < length * to)
const told = (part) => ({ answers: part.length, p50_ms: quantile(part.map((a) => a.ms), 0.5), p95_ms: quantile(part.map((a) => a.ms), 0.95), age_p95_ms: quantile(part.map((a) => a.age), 0.95) })
console.log(JSON.stringify({ viewers: all.length, seconds: Number(seconds), failed, second_quarter: told(of(0.25, 0.5)), last_quarter: told(of(0.75, 1)), behind_seconds: await behind(), memory_mb: memories }))
process.exit(0)
