/* handover: what a pool process finds when it begins: descriptors by number, the rest as arguments. */
#ifndef JOBD_HANDOVER_H
#define JOBD_HANDOVER_H

enum {
	HANDOVER_SOCKET = 3,
	HANDOVER_GROUPS,		/* the table of groups */
	HANDOVER_RING,			/* memory of its own and the pool's */
	HANDOVER_LOCK,			/* pool.lock: held as long as it is open anywhere */
	HANDOVER_END
};

/* PROGRAM --worker INDEX NICE OUTPUT_BYTES RESULT_BYTES OPEN_FILES LOG, the last of which is "text" or "json". */
enum { HANDOVER_ARGS = 8 };

/* Sent to a pool process when its daemon dies, by the kernel. */
#define HANDOVER_ORPHANED SIGUSR2

/* The exit status of a pool process that ended in the midst of a function, which was to be stopped. */
enum { HANDOVER_STOPPED = 3 };

#endif
