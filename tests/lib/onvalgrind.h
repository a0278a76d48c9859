/* onvalgrind: RUNNING_ON_VALGRIND, for what would be too much for it; 0 where it is not installed. */
#ifndef JOBD_TEST_ONVALGRIND_H
#define JOBD_TEST_ONVALGRIND_H

#include "config.h"

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif

#endif
