/* A histogram of nanoseconds with a relative error below 1 in 32, so that millions of samples cost a few
 * kilobytes and one increment each. */
#ifndef RINGGATE_BENCH_LATENCY_H
#define RINGGATE_BENCH_LATENCY_H

#include <stdint.h>

enum { LATENCY_STEPS = 32, LATENCY_BUCKETS = 60 * LATENCY_STEPS };

struct latency {
    uint64_t count;
    uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t nanoseconds);

/* The least upper bound of `share` (0 to 1) of the samples, in nanoseconds; 0 without samples. */
double latency_quantile(const struct latency *latency, double share);

#endif
