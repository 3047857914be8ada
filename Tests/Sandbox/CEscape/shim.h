/* syscall(2), which is variadic; the result is >= 0 or a negated errno. */
#ifndef RINGGATE_CESCAPE_SHIM_H
#define RINGGATE_CESCAPE_SHIM_H

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long rg_call(long number, intptr_t a, intptr_t b, intptr_t c, intptr_t d, intptr_t e, intptr_t f) {
	long result = syscall(number, a, b, c, d, e, f);
	return result < 0 ? -errno : result;
}

/* A child that ends at once; the raw call, so that no library's handlers run. */
static inline long rg_child(void) {
	long child = syscall(SYS_clone, 17 /* SIGCHLD */, 0, 0, 0, 0);
	if (child == 0) syscall(SYS_exit_group, 0);
	return child < 0 ? -errno : child;
}

#endif
