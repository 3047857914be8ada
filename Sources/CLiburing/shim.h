/* What Swift cannot import from liburing and the kernel headers by itself: variadic ioctl(2), macros,
 * anonymous enums, flexible arrays, and numbers newer than the oldest headers we build with. Nothing else. */
#ifndef RINGGATE_CLIBURING_SHIM_H
#define RINGGATE_CLIBURING_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/stat.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* io_uring_setup(2) flags */
static const uint32_t RG_SETUP_CQSIZE = 1u << 3;
static const uint32_t RG_SETUP_CLAMP = 1u << 4;
static const uint32_t RG_SETUP_R_DISABLED = 1u << 6;
static const uint32_t RG_SETUP_SUBMIT_ALL = 1u << 7;
static const uint32_t RG_SETUP_SQE128 = 1u << 10;
static const uint32_t RG_SETUP_CQE32 = 1u << 11;
static const uint32_t RG_SETUP_SINGLE_ISSUER = 1u << 12;
static const uint32_t RG_SETUP_DEFER_TASKRUN = 1u << 13;

/* io_uring_register(2) opcodes; the restriction calls are not exported by liburing 2.3's shared object */
static const uint32_t RG_REGISTER_RESTRICTIONS = 11;
static const uint32_t RG_REGISTER_ENABLE_RINGS = 12;
static const uint32_t RG_REGISTER_FILES_UPDATE2 = 14;
static const uint32_t RG_UNREGISTER_RING_FDS = 21;

/* operations */
static const uint8_t RG_OP_FSYNC = IORING_OP_FSYNC;
static const uint8_t RG_OP_POLL_ADD = IORING_OP_POLL_ADD;
static const uint8_t RG_OP_TIMEOUT = IORING_OP_TIMEOUT;
static const uint8_t RG_OP_ACCEPT = IORING_OP_ACCEPT;
static const uint8_t RG_OP_ASYNC_CANCEL = IORING_OP_ASYNC_CANCEL;
static const uint8_t RG_OP_READ = IORING_OP_READ;
static const uint8_t RG_OP_WRITE = IORING_OP_WRITE;
static const uint8_t RG_OP_SEND = IORING_OP_SEND;
static const uint8_t RG_OP_RECV = IORING_OP_RECV;
static const uint8_t RG_OP_SHUTDOWN = IORING_OP_SHUTDOWN;
static const uint8_t RG_OP_OPENAT = IORING_OP_OPENAT;
static const uint8_t RG_OP_NOP = IORING_OP_NOP;
static const uint8_t RG_OP_URING_CMD = 46;

/* entry flags */
static const uint8_t RG_SQE_FIXED_FILE = 1u << 0;
static const uint8_t RG_SQE_LINK = 1u << 2;
static const uint8_t RG_SQE_ASYNC = 1u << 4;
static const uint8_t RG_SQE_BUFFER_SELECT = 1u << 5;

/* cancel flags; FD_FIXED came with Linux 6.0 */
static const uint32_t RG_CANCEL_ALL = 1u << 0;
static const uint32_t RG_CANCEL_FD_FIXED = 1u << 3;

/* timeout flags */
static const uint32_t RG_TIMEOUT_ABS = 1u << 0;

/* completion flags */
static const uint32_t RG_CQE_BUFFER = 1u << 0;
static const uint32_t RG_CQE_MORE = 1u << 1;
static const uint32_t RG_CQE_BUFFER_SHIFT = 16;

/* restriction kinds, linux/io_uring.h enum io_uring_register_restriction_op */
static const uint16_t RG_RESTRICT_REGISTER_OP = 0;
static const uint16_t RG_RESTRICT_SQE_OP = 1;
static const uint16_t RG_RESTRICT_FLAGS_ALLOWED = 2;
static const uint16_t RG_RESTRICT_FLAGS_REQUIRED = 3;

static inline void rg_restriction_set(struct io_uring_restriction *restriction, uint16_t kind, uint8_t value) {
	*restriction = (struct io_uring_restriction){.opcode = kind};
	restriction->register_op = value; /* a union: register_op, sqe_op or sqe_flags */
}

/* The index-th completion that waits; the caller knows that it is there. */
static inline const struct io_uring_cqe *rg_cqe_at(const struct io_uring *ring, uint32_t index) {
	uint32_t shift = (ring->flags & IORING_SETUP_CQE32) ? 1 : 0;
	return &ring->cq.cqes[((*ring->cq.khead + index) & *ring->cq.kring_mask) << shift];
}

/* How many completions lie in a row from the index-th on, before the queue begins anew at its start. */
static inline uint32_t rg_cq_before_wrap(const struct io_uring *ring, uint32_t index) {
	return *ring->cq.kring_mask + 1 - ((*ring->cq.khead + index) & *ring->cq.kring_mask);
}

/* The entry with that number of those that were prepared and not submitted. */
static inline struct io_uring_sqe *rg_sqe_at(const struct io_uring *ring, uint32_t number) {
	uint32_t shift = (ring->flags & IORING_SETUP_SQE128) ? 1 : 0;
	return &ring->sq.sqes[(number & *ring->sq.kring_mask) << shift];
}

static inline void rg_cq_advance(struct io_uring *ring, uint32_t count) {
	io_uring_cq_advance(ring, count);
}

/* Zeroes the whole entry, 128 bytes of it on a wide ring, so that nothing old is ever sent. */
static inline void rg_sqe_clear(const struct io_uring *ring, struct io_uring_sqe *sqe) {
	__builtin_memset(sqe, 0, 64); /* of known length, so no call */
	if (ring->flags & IORING_SETUP_SQE128) __builtin_memset((char *)sqe + 64, 0, 64);
}

/* IORING_OP_URING_CMD; addr and addr3 are a byte range for block devices, else 0. */
static inline void rg_prep_uring_cmd(
	struct io_uring_sqe *sqe, int32_t file, uint32_t cmd_op, uint64_t addr, uint64_t addr3) {
	sqe->opcode = 46;
	sqe->fd = file;
	sqe->off = cmd_op; /* cmd_op shares the low half of off, the high half is padding that must be 0 */
	sqe->addr = addr;
	*(uint64_t *)((char *)sqe + 48) = addr3;
}

/* Where a URING_CMD's inline bytes lie: 16, or 80 on a wide ring. */
static inline void *rg_sqe_command(struct io_uring_sqe *sqe) { return (char *)sqe + 48; }

/* A socket's option, as SOCKET_URING_OP_GETSOCKOPT and _SETSOCKOPT take it (linux/io_uring.h since 6.7). */
static inline void rg_sqe_set_option(
	struct io_uring_sqe *sqe, uint32_t level, uint32_t optname, uint32_t optlen, uint64_t optval) {
	*(uint32_t *)((char *)sqe + 16) = level;
	*(uint32_t *)((char *)sqe + 20) = optname;
	*(uint32_t *)((char *)sqe + 44) = optlen;
	*(uint64_t *)((char *)sqe + 48) = optval;
}

static inline void rg_sqe_set_flags(struct io_uring_sqe *sqe, uint8_t flags) { sqe->flags = flags; }
static inline void rg_sqe_set_user_data(struct io_uring_sqe *sqe, uint64_t data) { sqe->user_data = data; }
static inline void rg_sqe_set_buffer_group(struct io_uring_sqe *sqe, uint16_t group) { sqe->buf_group = group; }
static inline void rg_sqe_set_ioprio(struct io_uring_sqe *sqe, uint16_t priority) { sqe->ioprio = priority; }

/* ioctl(2) with a pointer and with a number; the result is >= 0 or a negated errno. */
static inline int32_t rg_ioctl_pointer(int32_t fd, uint32_t code, void *block) {
	int result = ioctl(fd, (unsigned long)code, block);
	return result < 0 ? -errno : result;
}

static inline int32_t rg_ioctl_value(int32_t fd, uint32_t code, uint64_t value) {
	int result = ioctl(fd, (unsigned long)code, (unsigned long)value);
	return result < 0 ? -errno : result;
}

static inline int32_t rg_open(const char *path, int32_t flags) {
	int fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

/* Keeps a descriptor that a driver gave from the programs the gateway starts. */
static inline int32_t rg_set_close_on_exec(int32_t fd) { return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -errno : 0; }

/* Takes O_NONBLOCK off again: with it, a ring read would fail with EAGAIN instead of waiting. */
static inline int32_t rg_set_blocking(int32_t fd) {
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) return -errno;
	return 0;
}

static inline uint32_t rg_major(uint64_t device) { return major(device); }
static inline uint32_t rg_minor(uint64_t device) { return minor(device); }

/* What lies at a path, as far as two looks tell one node from another: numbers of inodes and devices are given out
 * again, but not at the same time. `birth` is 0 where the file system does not keep it. */
struct rg_node {
	uint32_t mode;
	uint64_t file_system, inode, device;
	int64_t birth;
};

/* statx(2), which opens nothing; 0 or a negated errno. */
static inline int32_t rg_node_at(const char *path, int32_t follows_link, struct rg_node *node) {
	struct statx status;
	const int no_automount = 0x800; /* AT_NO_AUTOMOUNT, which glibc shows with _GNU_SOURCE only */
	int flags = no_automount | (follows_link ? 0 : AT_SYMLINK_NOFOLLOW);
	if (syscall(SYS_statx, AT_FDCWD, path, flags, STATX_BASIC_STATS | STATX_BTIME, &status) < 0) return -errno;
	node->mode = status.stx_mode;
	node->file_system = makedev(status.stx_dev_major, status.stx_dev_minor);
	node->inode = status.stx_ino;
	node->device = makedev(status.stx_rdev_major, status.stx_rdev_minor);
	node->birth = status.stx_mask & STATX_BTIME ? status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec : 0;
	return 0;
}

/* The real-time signal that ends a blocked ioctl(2), with a handler that does nothing and no SA_RESTART. */
static inline int32_t rg_interrupt_signal(void) { return SIGRTMIN + 6; }
static inline void rg_interrupt_handler(int signal) { (void)signal; }
static inline int32_t rg_interrupt_install(void) {
	struct sigaction action = {0};
	action.sa_handler = rg_interrupt_handler;
	sigemptyset(&action.sa_mask);
	return sigaction(rg_interrupt_signal(), &action, 0) < 0 ? -errno : 0;
}

#endif
