/* The local series: each runs commands until its time is over, on one thread but for the pool. */
#ifndef RINGGATE_BENCH_LOCAL_H
#define RINGGATE_BENCH_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

struct local_result {
    uint64_t commands;
    uint64_t nanoseconds; /* what the measurement really took */
};

uint64_t monotonic_ns(void);

/* The following print why and return false when a command answered otherwise than with success. */

/* ioctl.c: ioctl(2) with TIOCGWINSZ on a pty, one after the other. */
bool run_ioctl(uint64_t length_ns, struct local_result *result);
/* pool.c: the same on a thread of its own, `depth` commands unanswered at most. */
bool run_pool(uint64_t length_ns, unsigned depth, struct local_result *result);
/* ring.c: URING_CMD on /dev/null, `batch` commands for each io_uring_enter(2). */
bool run_ring(uint64_t length_ns, unsigned batch, struct local_result *result);

#endif
