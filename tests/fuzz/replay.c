/*
 * replay: what libFuzzer does, in small, for any compiler.
 *
 * Runs the fuzz target over every file of the directories given, then for
 * FUZZ_SECONDS (3) over random changes of them. The changes follow from
 * FUZZ_SEED alone, so a failure comes again; its input is printed in hex.
 */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SEEDS_MAX = 256, INPUT_MAX = 8192 };

struct input {
	size_t len;
	uint8_t bytes[INPUT_MAX];
};

static struct input *seeds[SEEDS_MAX];
static size_t seeds_len;
static struct input current;
static uint64_t state;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

/* ---- failing ---- */

static void replay_show(void)
{
	static const char hex[] = "0123456789abcdef";
	static const char head[] = "# the input, in hex (xxd -r -p makes it bytes): ";
	static char text[2 * INPUT_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < current.len; i++) {
		text[n++] = hex[current.bytes[i] >> 4];
		text[n++] = hex[current.bytes[i] & 15];
	}
	text[n++] = '\n';
	if (write(STDERR_FILENO, head, sizeof(head) - 1) < 0 || write(STDERR_FILENO, text, n) < 0)
		_exit(EXIT_FAILURE);
}

static void replay_crashed(int sig)
{
	replay_show();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void replay_run(void)
{
	/* a block of its own length, so that a sanitizer sees a read past its end */
	uint8_t *copy = malloc(current.len > 0 ? current.len : 1);

	if (copy == NULL)
		exit(EXIT_FAILURE);
	memcpy(copy, current.bytes, current.len);
	LLVMFuzzerTestOneInput(copy, current.len);
	free(copy);
}

/* ---- the seeds ---- */

static void replay_load(const char *dir, const char *name)
{
	struct input *seed = calloc(1, sizeof(*seed));
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (seed == NULL || f == NULL || seeds_len == SEEDS_MAX) {
		printf("Bail out! cannot load %s\n", path);
		exit(EXIT_FAILURE);
	}
	seed->len = fread(seed->bytes, 1, INPUT_MAX, f);
	fclose(f);
	seeds[seeds_len++] = seed;
}

static int replay_wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_load_all(const char *dir)
{
	struct dirent **entries;
	int n = scandir(dir, &entries, replay_wanted, alphasort);

	for (int i = 0; i < n; i++) {
		replay_load(dir, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* ---- random changes ---- */

static size_t replay_random(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return below > 0 ? (size_t)(state >> 11) % below : 0;
}

/* Opens a gap of n bytes at `at`, as far as there is room: how many. */
static size_t replay_gap(size_t at, size_t n)
{
	if (n > INPUT_MAX - current.len)
		n = INPUT_MAX - current.len;
	memmove(current.bytes + at + n, current.bytes + at, current.len - at);
	current.len += n;
	return n;
}

static void replay_insert(size_t at, const void *from, size_t n)
{
	uint8_t piece[INPUT_MAX];

	memcpy(piece, from, n);		/* `from` may be what is moved */
	n = replay_gap(at, n);
	memcpy(current.bytes + at, piece, n);
}

static void replay_change(void)
{
	static const char *const tokens[] = { "{", "}", "[", "]", "\"", "\\", ",", ":", "\n", "\r\n", "null", "1e999", "-0.0", "\\u0000",
					      "\"jsonrpc\":\"2.0\"", "\"id\":", "\"params\":{", "9223372036854775807", "\xe2\x82\xac",
					      "\xff", "\"method\":\"m\"", "0.1", "[[[[[[[[[[[[[[[[[", " ", "\"retry\":{", "2026-11-20T18:00:00Z" };
	const char *token = tokens[replay_random(sizeof(tokens) / sizeof(tokens[0]))];
	const struct input *other = seeds[replay_random(seeds_len)];
	size_t at = replay_random(current.len), n = replay_random(current.len - at), from = replay_random(other->len);

	switch (replay_random(7)) {
	case 0:
		current.bytes[at] ^= (uint8_t)(1u << replay_random(8));
		break;
	case 1:
		current.bytes[at] = (uint8_t)replay_random(256);
		break;
	case 2:
	case 3:
		replay_insert(at, token, strlen(token));
		break;
	case 4:
		memmove(current.bytes + at, current.bytes + at + n, current.len - at - n);
		current.len -= n;
		break;
	case 5:
		replay_insert(at, current.bytes + at, n);
		break;
	default:
		replay_insert(at, other->bytes + from, replay_random(other->len - from));
	}
}

static uint64_t replay_mutate(double seconds)
{
	struct timespec start, now;
	uint64_t runs = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		current = *seeds[replay_random(seeds_len)];
		for (size_t changes = 1 + replay_random(8); changes > 0 && current.len > 0; changes--)
			replay_change();
		replay_run();
		runs++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9 < seconds);
	return runs;
}

static const char *replay_setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : otherwise;
}

int main(int argc, char **argv)
{
	double seconds = strtod(replay_setting("FUZZ_SECONDS", "3"), NULL);

	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(replay_show);
	signal(SIGABRT, replay_crashed);
	signal(SIGSEGV, replay_crashed);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		replay_load_all(argv[i]);
	printf("1..2\n%s 1 - there are %zu seeds\n", seeds_len > 0 ? "ok" : "not ok", seeds_len);
	if (seeds_len == 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < seeds_len; i++) {
		current = *seeds[i];
		replay_run();
	}
	state = strtoull(replay_setting("FUZZ_SEED", "88172645463325252"), NULL, 0) | 1;
	printf("# FUZZ_SEED=%llu\n", (unsigned long long)state);
	printf("ok 2 - %llu random changes held\n", (unsigned long long)replay_mutate(seconds));
	for (size_t i = 0; i < seeds_len; i++)
		free(seeds[i]);
	return EXIT_SUCCESS;
}
