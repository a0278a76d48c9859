/* sqlitetables: do the tables of a closed SQLite store agree with each other? */
#ifndef JOBD_TEST_SQLITETABLES_H
#define JOBD_TEST_SQLITETABLES_H

void sqlitetables_check(const char *directory);

#endif
