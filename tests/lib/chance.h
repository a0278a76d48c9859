/* chance: repeatable random numbers for tests (xorshift64*). */
#ifndef JOBD_TEST_CHANCE_H
#define JOBD_TEST_CHANCE_H

#include <stdint.h>

static uint64_t chance_state = 1;

static inline void chance_seed(uint64_t seed)
{
	chance_state = seed * 2 + 1;
}

static inline uint64_t chance_bits(void)
{
	chance_state ^= chance_state >> 12;
	chance_state ^= chance_state << 25;
	chance_state ^= chance_state >> 27;
	return chance_state * 0x2545f4914f6cdd1dULL;
}

/* 0 .. n - 1 */
static inline unsigned chance_below(unsigned n)
{
	return (unsigned)((chance_bits() >> 33) % n);
}

#endif
