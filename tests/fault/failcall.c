/*
 * failcall: preloaded into jobd and so into its pool processes, it makes calls of one class fail: the N-th, or from there on
 * a number of them. What is to fail stands in a file that $FAILCALL names, mapped and shared with failcall.py, which
 * writes it and reads there what happened. Calls fail with the errno given; or they are cut short to one byte; or they are
 * held until they are let go. Without the file it does nothing. Calls that the C library makes of itself are not seen.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* In failcall.py in this order. */
enum calls {
	CALLS_NONE,
	CALLS_ALLOC, CALLS_MAP, CALLS_STORE_OPEN, CALLS_STORE_READ, CALLS_STORE_WRITE, CALLS_STORE_SYNC, CALLS_STORE_SIZE,
	CALLS_READ, CALLS_WRITE, CALLS_ACCEPT, CALLS_SOCKET, CALLS_POLL, CALLS_SPAWN, CALLS_FRAME_READ, CALLS_FRAME_WRITE,
	CALLS_OF_POOL = 32	/* added for those of pool processes */
};

enum manner { MANNER_ERROR, MANNER_SHORT, MANNER_HOLD };

/* In failcall.py in this layout. */
struct control {
	_Atomic int32_t armed;		/* enum calls */
	int32_t manner, error;
	_Atomic int32_t held, go;	/* calls that wait, and whether they may go on */
	int32_t pad;
	uint64_t from, to;		/* the first and the last that fail, counted from 1 */
	_Atomic uint64_t calls, hits;	/* of the class armed: how many there were, and failed */
	_Atomic uint64_t totals[2 * CALLS_OF_POOL];	/* of every class, armed or not */
};

enum { FDS = 1 << 16, LOOK = 1000 * 1000, LOOKS = 60 * 1000, POOL_SOCKET = 3 };

/* What a descriptor is, where that matters. */
enum file { FILE_OTHER, FILE_STORE, FILE_FRAMES, FILE_SOCKET };

static struct control *control;
static int of_pool;
static _Atomic unsigned char files[FDS];

#define REAL(name) __typeof__(name) *name
static struct {
	REAL(mmap);
	REAL(mprotect);
	REAL(open);
	REAL(close);
	REAL(read);
	REAL(pread);
	REAL(write);
	REAL(pwrite);
	REAL(fsync);
	REAL(fdatasync);
	REAL(ftruncate);
	REAL(posix_fallocate);
	REAL(recv);
	REAL(send);
	REAL(accept4);
	REAL(socket);
	REAL(socketpair);
	REAL(epoll_ctl);
	REAL(posix_spawn);
	REAL(pipe2);
	REAL(execve);
	REAL(pidfd_open);
	void *vfork;
} real;

static void find(void *to, const char *name)
{
	void *at = dlsym(RTLD_NEXT, name);

	memcpy(to, &at, sizeof(at));
}

#define FIND(name) find(&real.name, #name)

static void find_all(void)
{
	FIND(mmap);
	FIND(mprotect);
	FIND(open);
	FIND(close);
	FIND(read);
	FIND(pread);
	FIND(write);
	FIND(pwrite);
	FIND(fsync);
	FIND(fdatasync);
	FIND(ftruncate);
	FIND(posix_fallocate);
	FIND(recv);
	FIND(send);
	FIND(accept4);
	FIND(socket);
	FIND(socketpair);
	FIND(epoll_ctl);
	FIND(posix_spawn);
	FIND(pipe2);
	FIND(execve);
	FIND(pidfd_open);
	FIND(vfork);
}

/* What comes before this, or in a process without it, is left alone: the loader calls it before main(). */
static void __attribute__((constructor)) failcall_open(int argc, char **argv)
{
	const char *path = getenv("FAILCALL");
	void *at;
	int fd;

	find_all();
	fd = path != NULL ? real.open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	at = real.mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	real.close(fd);
	if (argc > 1 && strcmp(argv[1], "--worker") == 0) {
		of_pool = CALLS_OF_POOL;
		files[POOL_SOCKET] = FILE_FRAMES;
	}
	if (at != MAP_FAILED)
		control = at;
}

/* ---- which call is it, and what becomes of it ---- */

static void hold(void)
{
	const struct timespec look = { 0, LOOK };

	control->held++;
	for (int i = 0; control->go == 0 && i < LOOKS; i++)
		nanosleep(&look, NULL);
	control->held--;
}

/* Counts it. Is its turn to be struck? */
static bool struck(enum calls class)
{
	uint64_t n;

	if (control == NULL || class == CALLS_NONE)
		return false;
	control->totals[(int)class + of_pool]++;
	if (control->armed != (int32_t)class + of_pool)
		return false;
	n = ++control->calls;
	if (n < control->from || n > control->to)
		return false;
	control->hits++;
	if (control->manner == MANNER_HOLD)
		hold();
	return control->manner != MANNER_HOLD;
}

static bool fails(enum calls class)
{
	bool yes = struck(class) && control->manner == MANNER_ERROR;

	if (yes)
		errno = control->error;
	return yes;
}

/* As fails(); what is cut short goes on with one byte. */
static bool fails_or_cut(enum calls class, size_t *n)
{
	if (*n == 0 || !struck(class))
		return false;
	if (control->manner == MANNER_SHORT) {
		*n = 1;
		return false;
	}
	errno = control->error;
	return true;
}

static enum file file_of(int fd)
{
	return fd >= 0 && fd < FDS ? (enum file)files[fd] : FILE_OTHER;
}

static int mark(int fd, enum file file)
{
	if (fd >= 0 && fd < FDS)
		files[fd] = (unsigned char)file;
	return fd;
}

/* In the daemon, sockets: what else it reads are its own clocks and bells. In a pool process, whatever is no frame. */
static enum calls reading(int fd)
{
	static const enum calls of[] = { CALLS_NONE, CALLS_STORE_READ, CALLS_FRAME_READ, CALLS_READ };
	enum calls class = of[file_of(fd)];

	return class == CALLS_NONE && of_pool != 0 ? CALLS_READ : class;
}

static enum calls writing(int fd)
{
	static const enum calls of[] = { CALLS_NONE, CALLS_STORE_WRITE, CALLS_FRAME_WRITE, CALLS_WRITE };
	enum calls class = of[file_of(fd)];

	return class == CALLS_NONE && of_pool != 0 ? CALLS_WRITE : class;
}

/* ---- memory: the sanitizers have an allocator of their own ---- */

#ifndef FAILCALL_NO_ALLOC
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
	return fails(CALLS_ALLOC) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails(CALLS_ALLOC) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails(CALLS_ALLOC) ? NULL : __libc_realloc(p, n);
}
#endif

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	if (real.mmap == NULL)
		find_all();
	return fails(CALLS_MAP) ? MAP_FAILED : real.mmap(addr, len, prot, flags, fd, offset);
}

void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	return mmap(addr, len, prot, flags, fd, offset);
}

int mprotect(void *addr, size_t len, int prot)
{
	if (real.mprotect == NULL)
		find_all();
	return fails(CALLS_MAP) ? -1 : real.mprotect(addr, len, prot);
}

/* ---- files ---- */

int open(const char *path, int flags, ...)
{
	bool store = strstr(path, "/jobd.db") != NULL;
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (real.open == NULL)
		find_all();
	if (store && fails(CALLS_STORE_OPEN))
		return -1;
	return mark(real.open(path, flags, mode), store ? FILE_STORE : FILE_OTHER);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int close(int fd)
{
	if (real.close == NULL)
		find_all();
	mark(fd, FILE_OTHER);
	return real.close(fd);
}

ssize_t read(int fd, void *to, size_t n)
{
	if (real.read == NULL)
		find_all();
	return fails_or_cut(reading(fd), &n) ? -1 : real.read(fd, to, n);
}

ssize_t __read_chk(int fd, void *to, size_t n, size_t room);

ssize_t __read_chk(int fd, void *to, size_t n, size_t room)
{
	if (n > room)
		abort();
	return read(fd, to, n);
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
	return fails_or_cut(reading(fd), &n) ? -1 : real.pread(fd, to, n, at);
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at) __attribute__((alias("pread")));

/* What it says on stderr is heard. */
ssize_t write(int fd, const void *from, size_t n)
{
	if (real.write == NULL)
		find_all();
	return fd != STDERR_FILENO && fails_or_cut(writing(fd), &n) ? -1 : real.write(fd, from, n);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	return fails_or_cut(writing(fd), &n) ? -1 : real.pwrite(fd, from, n, at);
}

ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) __attribute__((alias("pwrite")));

int fsync(int fd)
{
	return fails(CALLS_STORE_SYNC) ? -1 : real.fsync(fd);
}

int fdatasync(int fd)
{
	return fails(CALLS_STORE_SYNC) ? -1 : real.fdatasync(fd);
}

int ftruncate(int fd, off_t size)
{
	return file_of(fd) == FILE_STORE && fails(CALLS_STORE_SIZE) ? -1 : real.ftruncate(fd, size);
}

int ftruncate64(int fd, off64_t size) __attribute__((alias("ftruncate")));

int posix_fallocate(int fd, off_t at, off_t size)
{
	return fails(CALLS_STORE_SIZE) ? errno : real.posix_fallocate(fd, at, size);
}

/* ---- sockets ---- */

ssize_t recv(int fd, void *to, size_t n, int flags)
{
	return fails_or_cut(reading(fd), &n) ? -1 : real.recv(fd, to, n, flags);
}

ssize_t send(int fd, const void *from, size_t n, int flags)
{
	return fails_or_cut(writing(fd), &n) ? -1 : real.send(fd, from, n, flags);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return fails(CALLS_ACCEPT) ? -1 : mark(real.accept4(fd, addr, len, flags), FILE_SOCKET);
}

int socket(int domain, int type, int protocol)
{
	return fails(CALLS_SOCKET) ? -1 : mark(real.socket(domain, type, protocol), FILE_SOCKET);
}

int epoll_ctl(int poll, int op, int fd, struct epoll_event *event)
{
	return op != EPOLL_CTL_DEL && fails(CALLS_POLL) ? -1 : real.epoll_ctl(poll, op, fd, event);
}

/* ---- processes ---- */

/* Pairs are only made to talk to pool processes. */
int socketpair(int domain, int type, int protocol, int fds[2])
{
	int rc = fails(CALLS_SPAWN) ? -1 : real.socketpair(domain, type, protocol, fds);

	if (rc == 0)
		mark(fds[0], FILE_FRAMES);
	return rc;
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *files_of, const posix_spawnattr_t *attr,
		char *const argv[], char *const envp[])
{
	return fails(CALLS_SPAWN) ? errno : real.posix_spawn(pid, path, files_of, attr, argv, envp);
}

int pidfd_open(pid_t pid, unsigned flags)
{
	return fails(CALLS_SPAWN) ? -1 : real.pidfd_open(pid, flags);
}

int pipe2(int fds[2], int flags)
{
	return fails(CALLS_SPAWN) ? -1 : real.pipe2(fds, flags);
}

int execve(const char *path, char *const argv[], char *const envp[])
{
	return fails(CALLS_SPAWN) ? -1 : real.execve(path, argv, envp);
}

/* The real vfork(), which has to return to the caller's own frame: jumped to. NULL: it fails. */
void *failcall_vfork(void);

void *failcall_vfork(void)
{
	return fails(CALLS_SPAWN) ? NULL : real.vfork;
}

__asm__(".text\n.globl vfork\n.type vfork, %function\nvfork:\n"
#if defined(__x86_64__)
	"	sub $8, %rsp\n	call failcall_vfork@PLT\n	add $8, %rsp\n"
	"	test %rax, %rax\n	je 1f\n	jmp *%rax\n1:	mov $-1, %eax\n	ret\n"
#elif defined(__aarch64__)
	"	stp x29, x30, [sp, #-16]!\n	bl failcall_vfork\n	ldp x29, x30, [sp], #16\n"
	"	cbz x0, 1f\n	br x0\n1:	mov w0, #-1\n	ret\n"
#else
#error "which architecture is this?"
#endif
	".size vfork, .-vfork\n");
