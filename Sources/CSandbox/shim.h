/* What Swift cannot import by itself: variadic system calls, and structures that are newer than the headers of
 * Debian 12 (landlock(7): ports came with Linux 6.7, scopes with 6.12); fork(2), which Swift does not have, and the
 * macros of cmsg(3). Every function returns >= 0 or a negated errno. */
#ifndef RINGGATE_CSANDBOX_SHIM_H
#define RINGGATE_CSANDBOX_SHIM_H

#include <elf.h>
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int32_t rg_landlock_version(void) {
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
	return version < 0 ? -errno : (int32_t)version;
}

/* A kernel that knows less of the structure wants it shorter, or the rest zero. */
static inline int32_t rg_landlock_ruleset(uint64_t files, uint64_t ports, uint64_t scopes) {
	struct { uint64_t files, ports, scopes; } attributes = {files, ports, scopes};
	size_t size = scopes ? 24 : ports ? 16 : 8;
	long fd = syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
	return fd < 0 ? -errno : (int32_t)fd;
}

static inline int32_t rg_landlock_allow_beneath(int32_t ruleset, int32_t parent, uint64_t rights) {
	struct { uint64_t rights; int32_t parent; } __attribute__((packed)) rule = {rights, parent};
	return syscall(SYS_landlock_add_rule, ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0) < 0 ? -errno : 0;
}

static inline int32_t rg_landlock_allow_port(int32_t ruleset, uint16_t port, uint64_t rights) {
	struct { uint64_t rights, port; } rule = {rights, port};
	return syscall(SYS_landlock_add_rule, ruleset, 2 /* LANDLOCK_RULE_NET_PORT */, &rule, 0) < 0 ? -errno : 0;
}

/* For this thread and those it makes. */
static inline int32_t rg_landlock_restrict_self(int32_t ruleset) {
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}

static inline int32_t rg_no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0; }

/* For all threads. */
static inline int32_t rg_filter_calls(const struct sock_filter *code, uint16_t count) {
	struct sock_fprog program = {count, (struct sock_filter *)code};
	long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	return result < 0 ? -errno : result > 0 ? -ESRCH : 0;
}

/* EINVAL beyond the last capability the kernel knows. */
static inline int32_t rg_drop_from_bounding_set(int32_t capability) {
	return prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0 ? -errno : 0;
}

/* The permitted set of this thread. */
static inline int32_t rg_capabilities(uint64_t *permitted) {
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &header, data) < 0) return -errno;
	*permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

/* As the permitted and effective set of this thread; nothing is inheritable, so nothing is ambient. */
static inline int32_t rg_set_capabilities(uint64_t permitted) {
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {0};
	data[0].permitted = data[0].effective = (uint32_t)permitted;
	data[1].permitted = data[1].effective = (uint32_t)(permitted >> 32);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* Another user from here on, in that user's groups; permitted capabilities stay for rg_set_capabilities. */
static inline int32_t rg_become(const char *name, uint32_t user, uint32_t group) {
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
	return initgroups(name, group) < 0 || setgid(group) < 0 || setuid(user) < 0 ? -errno : 0;
}

/* Of a process with one thread: 0 in the new one, its number in the old. */
static inline int32_t rg_fork(void) {
	pid_t child = fork();
	return child < 0 ? -errno : child;
}

/* Closes all descriptors but the standard ones and this. */
static inline void rg_keep_only(int32_t descriptor) {
	if (descriptor > 3) syscall(SYS_close_range, 3, descriptor - 1, 0);
	syscall(SYS_close_range, descriptor + 1, ~0u, 0);
}

/* At most 15 bytes, for ps(1). */
static inline void rg_name_process(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

static inline int32_t rg_socket_pair(int32_t ends[2]) {
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0 ? -errno : 0;
}

/* One message, with a descriptor unless it is negative. No SIGPIPE. */
static inline int32_t rg_send(int32_t socket, const void *bytes, size_t size, int32_t descriptor, int32_t flags) {
	struct { struct cmsghdr header; int descriptor; } control = {
		{.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}, descriptor};
	struct iovec piece = {(void *)bytes, size};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	if (descriptor >= 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_LEN(sizeof(int));
	}
	return sendmsg(socket, &message, flags | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The bytes of one message, and the descriptor that came with it or -1; there is room for one, the kernel drops others.
 * 0 when there will be no more; EMSGSIZE when it was longer, descriptor or not. */
static inline int32_t rg_receive(int32_t socket, void *bytes, size_t capacity, int32_t *descriptor) {
	struct { struct cmsghdr header; int descriptor; } control;
	struct iovec piece = {bytes, capacity};
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
	*descriptor = -1;
	ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	if (count < 0) return -errno;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
		header->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(descriptor, CMSG_DATA(header), sizeof(int));
	return message.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int32_t)count;
}

#endif
