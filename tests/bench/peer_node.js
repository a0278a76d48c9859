/* Node: `peer_node.js URL COUNT AT_ONCE WARM` prints seconds. As curl_loop.c does. */
'use strict'
const http = require('node:http')

const url = process.argv[2]
/* Its own client with connections kept, which is faster than its fetch(). */
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity })

const now = () => Number(process.hrtime.bigint()) / 1e9

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
	if (warm > 0)
		await fetchAll(warm, Math.min(warm, atOnce))
	const begin = now()
	await fetchAll(count, atOnce)
	console.log(now() - begin)
	process.exit(0)
}

main()
