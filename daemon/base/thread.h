/* thread: threads beside the loop's own. No signal reaches them: all are the loop's. */
#ifndef JOBD_THREAD_H
#define JOBD_THREAD_H

#include <pthread.h>

/* As pthread_create; 0 or -errno. */
int thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg);

#endif
