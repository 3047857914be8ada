/* Counts what the process allocates, by standing in front of glibc's allocator. For proofs, not for the product. */
#ifndef RINGGATE_ALLOCATION_COUNTER_H
#define RINGGATE_ALLOCATION_COUNTER_H

#include <stdint.h>

/* Calls of malloc, calloc, realloc and the aligned forms so far, by all threads. */
uint64_t allocation_count(void);

#endif
