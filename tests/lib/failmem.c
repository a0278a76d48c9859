#include "tests/lib/failmem.h"

#include <stddef.h>

#include "tests/lib/chance.h"

static long left;		/* until allocations fail; 0 = not counted */
static bool once;
static unsigned one_in;
static long failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);

void failmem_from(long n)
{
	left = n;
	once = false;
	one_in = 0;
	failed = 0;
}

void failmem_only(long n)
{
	failmem_from(n);
	once = true;
}

void failmem_one_in(unsigned n)
{
	left = 0;
	one_in = n;
	failed = 0;
}

long failmem_off(void)
{
	left = 0;
	one_in = 0;
	return failed;
}

static bool fails(void)
{
	bool now = one_in > 0 && chance_below(one_in) == 0;

	if (left > 1)
		left--;
	else if (left == 1)
		now = true;
	if (now && once)
		left = 0;
	failed += now;
	return now;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}
