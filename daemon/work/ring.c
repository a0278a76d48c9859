#include "work/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring *ring_map(int fd)
{
	void *at = mmap(NULL, sizeof(struct ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return at != MAP_FAILED ? at : NULL;
}

void ring_unmap(struct ring **ring)
{
	if (*ring != NULL)
		munmap(*ring, sizeof(**ring));
	*ring = NULL;
}

void ring_reset(struct ring *ring)
{
	for (unsigned i = 0; i < RING_PLACES; i++)
		ring_set(ring, i, PLACE_FREE);
	atomic_store(&ring->stop, 0);
	ring->spawn_step = ring->spawn_error = 0;
}

int ring_open(struct ring **out, int *fd)
{
	int rc;

	*fd = memfd_create("jobd-ring", MFD_CLOEXEC);
	if (*fd < 0)
		return -errno;
	if (ftruncate(*fd, sizeof(struct ring)) != 0)
		rc = -errno;
	else
		rc = (*out = ring_map(*fd)) != NULL ? 0 : -errno;
	if (rc != 0) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}
