/* Node: `peer_node.js URL COUNT AT_ONCE WARM` prints seconds, and bytes for each in flight. As curl_loop.c does. */
'use strict'
const fs = require('node:fs')
const http = require('node:http')

const url = process.argv[2]
/* Its own client with connections kept, which is faster than its fetch(). */
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity })

const now = () => Number(process.hrtime.bigint()) / 1e9

function statusBytes(name) {
	const status = fs.readFileSync('/proc/self/status', 'ascii')
	return Number(status.match(new RegExp(name + ':\\s+(\\d+)'))[1]) * 1024
}

function fetchAll(count, atOnce) {
	return new Promise((resolve, reject) => {
		let begun = 0, ended = 0
		function next() {
			if (begun++ >= count)
				return
			http.get(url, { agent }, response => {
				response.resume()
				response.on('end', () => {
					if (++ended === count)
						resolve()
					next()
				})
			}).on('error', reject)
		}
		for (let i = 0; i < atOnce; i++)
			next()
	})
}

async function main() {
	const [count, atOnce, warm] = process.argv.slice(3).map(Number)
	await fetchAll(warm, Math.min(warm, atOnce))
	const before = statusBytes('VmRSS')
	const begin = now()
	await fetchAll(count, atOnce)
	const took = now() - begin
	console.log(took, (statusBytes('VmHWM') - before) / atOnce)
	process.exit(0)
}

main()
