/* BullMQ: `peer_bullmq.js PORT worker` is a worker, `peer_bullmq.js PORT` the client. As peer_talk.py talks. */
'use strict'
const readline = require('node:readline')
const { Queue, QueueEvents, Worker } = require('bullmq')

const connection = { host: '127.0.0.1', port: Number(process.argv[2]), db: 3, maxRetriesPerRequest: null }
const payload = 'x'.repeat(300)
const BATCH = 100
/* A worker waits for its redis between two steps of a job: it takes several, as its authors advise. */
const CONCURRENCY = 50

const now = () => Number(process.hrtime.bigint()) / 1e9
const pause = () => new Promise(resolve => setTimeout(resolve, 2))

async function noop(queue, count) {
	const wanted = await queue.getCompletedCount() + count
	const begin = now()
	for (let at = 0; at < count; at += BATCH) {
		const jobs = Array.from({ length: Math.min(BATCH, count - at) }, () => ({ name: 'noop', data: { payload } }))
		await queue.addBulk(jobs)
	}
	while (await queue.getCompletedCount() < wanted)
		await pause()
	return count / (now() - begin)
}

async function trip(queue, events, count) {
	const times = []
	for (let i = 0; i < count; i++) {
		const begin = now()
		const job = await queue.add('noop', { payload })
		await job.waitUntilFinished(events)
		times.push(now() - begin)
	}
	times.sort((a, b) => a - b)
	return times[Math.floor(count / 2)] * 1e6
}

async function talk() {
	const queue = new Queue('bench', { connection })
	const events = new QueueEvents('bench', { connection })
	await events.waitUntilReady()
	for await (const line of readline.createInterface({ input: process.stdin })) {
		const [work, count] = line.split(' ')
		console.log(await (work === 'noop' ? noop(queue, Number(count)) : trip(queue, events, Number(count))))
	}
	process.exit(0)
}

if (process.argv[3] === 'worker')
	new Worker('bench', async job => job.data, { connection, concurrency: CONCURRENCY })
else
	talk()
