/* sqlitetables: do the tables of a closed SQLite store agree with each other? */
#ifndef JOBD_TEST_SQLITETABLES_H
#define JOBD_TEST_SQLITETABLES_H

#include <stdint.h>

void sqlitetables_check(const char *directory);
/* The one number that a query of them gives, also while the store is open. */
int64_t sqlitetables_number(const char *directory, const char *sql);

#endif
