#include "sqlitetables.h"

#include <check.h>
#include <stdio.h>

#include "store/audit.h"

static void found(void *arg, const char *what)
{
	(void)arg;
	fprintf(stderr, "# %s\n", what);
}

void sqlitetables_check(const char *directory)
{
	struct audit audit = { .found = found };
	char why[512] = "";

	ck_assert_msg(audit_state(directory, &audit, why, sizeof(why)) == STORE_OPEN_OK, "%s", why);
	ck_assert_uint_eq(audit.wrong, 0);
}
