/* unit: runs one Check suite as TAP on stdout, so that every case is a line of its own. */
#ifndef JOBD_TEST_UNIT_H
#define JOBD_TEST_UNIT_H

#include <check.h>
#include <stdlib.h>

/* As ck_assert, but costs nothing and allocates nothing while it holds: for loops, and for tests without memory. */
#define hold(condition) \
	do { \
		if (!(condition)) \
			ck_abort_msg("it does not hold: %s", #condition); \
	} while (0)

static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
