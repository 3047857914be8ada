/* local [SECONDS]
 * local pool SECONDS DEPTH
 *
 * Runs ioctl(2) in a loop, and the ring and a worker at batch 1, 8, 32 and 256, in five rounds, so that a slow
 * moment of the machine meets all of them; or the worker alone, once. Prints one line of JSON a run; exits with 1 when a
 * command failed. */
#include "local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, DEPTH_LIMIT = 4096 };

static const double second_ns = 1e9, seconds_limit = 60;

uint64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void report(const char *series, unsigned batch, int round, const struct local_result *result) {
    double seconds = (double)result->nanoseconds / second_ns;
    printf("{\"series\": \"%s\", \"batch\": %u, \"round\": %d, \"commands\": %llu, \"seconds\": %.6f, "
           "\"commands_per_second\": %.1f}\n",
           series, batch, round, (unsigned long long)result->commands, seconds,
           (double)result->commands / seconds);
}

/* 0 when the text is no number of seconds that is taken. */
static double seconds_of(const char *text) {
    char *end = NULL;
    double seconds = strtod(text, &end);
    return *end == '\0' && seconds > 0 && seconds <= seconds_limit ? seconds : 0;
}

static int usage(void) {
    fprintf(stderr, "usage: local [SECONDS]\n       local pool SECONDS DEPTH\nup to %.0f seconds for each run, depth up to %d\n",
            seconds_limit, DEPTH_LIMIT);
    return 2;
}

static int run_pool_alone(const char *seconds_text, const char *depth_text) {
    char *end = NULL;
    double seconds = seconds_of(seconds_text);
    long depth = strtol(depth_text, &end, 10);
    if (seconds == 0 || *end != '\0' || depth < 1 || depth > DEPTH_LIMIT) return usage();
    struct local_result result;
    if (!run_pool((uint64_t)(seconds * second_ns), (unsigned)depth, &result)) return 1;
    report("pool", (unsigned)depth, 1, &result);
    return 0;
}

int main(int count, char **arguments) {
    static const unsigned batches[] = {1, 8, 32, 256};
    if (count == 4 && strcmp(arguments[1], "pool") == 0) return run_pool_alone(arguments[2], arguments[3]);
    double seconds = count == 2 ? seconds_of(arguments[1]) : 0.5;
    if (count > 2 || seconds == 0) return usage();
    uint64_t length_ns = (uint64_t)(seconds * second_ns);
    for (int round = 1; round <= ROUNDS; round++) {
        struct local_result result;
        if (!run_ioctl(length_ns, &result)) return 1;
        report("ioctl", 1, round, &result);
        for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++) {
            if (!run_ring(length_ns, batches[i], &result)) return 1;
            report("ring", batches[i], round, &result);
            if (!run_pool(length_ns, batches[i], &result)) return 1;
            report("pool", batches[i], round, &result);
        }
    }
    return 0;
}
