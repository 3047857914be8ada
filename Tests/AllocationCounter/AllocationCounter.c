#include "AllocationCounter.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

/* glibc's own entry points, exported for programs that replace the public ones. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static _Atomic uint64_t count;

uint64_t allocation_count(void) { return atomic_load(&count); }

static void note(void) { atomic_fetch_add_explicit(&count, 1, memory_order_relaxed); }

void *malloc(size_t size) {
	note();
	return __libc_malloc(size);
}

void *calloc(size_t items, size_t size) {
	note();
	return __libc_calloc(items, size);
}

void *realloc(void *block, size_t size) {
	note();
	return __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
	note();
	return __libc_memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
	note();
	*block = __libc_memalign(alignment, size);
	return *block ? 0 : ENOMEM;
}
