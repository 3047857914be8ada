/* What Swift cannot import by itself: variadic system calls, and structures that are newer than the headers of
 * Debian 12 (landlock(7): ports came with Linux 6.7, scopes with 6.12). Every function returns >= 0 or a negated
 * errno. */
#ifndef RINGGATE_CSANDBOX_SHIM_H
#define RINGGATE_CSANDBOX_SHIM_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
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

#endif
