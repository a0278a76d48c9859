"""Python's own pool of processes: two, and every result taken."""
import multiprocessing

from peer_talk import PAYLOAD, rate, talk


def noop(payload):
    return payload


def run(pool, count):
    for result in [pool.apply_async(noop, (PAYLOAD,)) for _ in range(count)]:
        result.get()


def main():
    with multiprocessing.Pool(2) as pool:
        talk({"noop": lambda count: rate(count, lambda: run(pool, count))})


if __name__ == "__main__":
    main()
