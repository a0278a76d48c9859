"""aiohttp: `peer_aiohttp.py URL COUNT AT_ONCE WARM` prints seconds. As curl_loop.c does."""
import asyncio
import sys
import time

import aiohttp


async def worker(session, url, numbers):
    for _ in numbers:
        async with session.get(url) as response:
            await response.read()


async def fetch(session, url, count, at_once):
    """So many tasks, which take the requests between them."""
    numbers = iter(range(count))
    await asyncio.gather(*(worker(session, url, numbers) for _ in range(min(at_once, count))))


async def main():
    url = sys.argv[1]
    count, at_once, warm = map(int, sys.argv[2:])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None)) as session:
        await fetch(session, url, warm, min(warm, at_once))
        begin = time.monotonic()
        await fetch(session, url, count, at_once)
        print(time.monotonic() - begin)


asyncio.run(main())
