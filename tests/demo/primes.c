/*
 * primes FROM COUNT: how many primes there are among COUNT numbers, by trial
 * division. Slow on purpose: something that counts, for the demo.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_prime(unsigned long n)
{
	if (n % 2 == 0)
		return n == 2;
	for (unsigned long d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return n > 1;
}

int main(int argc, char **argv)
{
	unsigned long from, count, primes = 0;

	if (argc != 3) {
		fputs("usage: primes FROM COUNT\n", stderr);
		return 2;
	}
	from = strtoul(argv[1], NULL, 10);
	count = strtoul(argv[2], NULL, 10);
	for (unsigned long i = 0; i < count; i++)
		primes += is_prime(from + i);
	printf("%lu\n", primes);
	return EXIT_SUCCESS;
}
