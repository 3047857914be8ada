#include "latency.h"

#include <stddef.h>

/* Below 32 every value has its own bucket; above, each doubling is cut into 32 equal steps. */
static size_t bucket_of(uint64_t value) {
    if (value < LATENCY_STEPS) return value;
    unsigned shift = 58u - (unsigned)__builtin_clzll(value);
    return (size_t)(shift + 1) * LATENCY_STEPS + (value >> shift) % LATENCY_STEPS;
}

static double upper_bound(size_t bucket) {
    if (bucket < LATENCY_STEPS) return (double)bucket;
    unsigned shift = (unsigned)(bucket / LATENCY_STEPS - 1);
    uint64_t step = LATENCY_STEPS + bucket % LATENCY_STEPS + 1;
    return (double)step * (double)(1ull << shift);
}

void latency_add(struct latency *latency, uint64_t nanoseconds) {
    latency->buckets[bucket_of(nanoseconds)] += 1;
    latency->count += 1;
}

double latency_quantile(const struct latency *latency, double share) {
    double wanted = share * (double)latency->count;
    uint64_t seen = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        seen += latency->buckets[i];
        if (seen > 0 && (double)seen >= wanted) return upper_bound(i);
    }
    return 0;
}
