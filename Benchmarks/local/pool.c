#define _GNU_SOURCE /* posix_openpt */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "local.h"

/* A worker takes all commands that wait at once and answers them together, which is what a good pool does. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t given, answered;
    uint64_t given_count, answered_count;
    bool ending, failed;
    int pty;
};

static void *work(void *argument) {
    struct pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->given_count == pool->answered_count && !pool->ending)
            pthread_cond_wait(&pool->given, &pool->lock);
        uint64_t count = pool->given_count - pool->answered_count;
        if (count == 0) break;
        pthread_mutex_unlock(&pool->lock);
        struct winsize size;
        bool good = true;
        for (uint64_t i = 0; i < count; i++) good = ioctl(pool->pty, TIOCGWINSZ, &size) == 0 && good;
        pthread_mutex_lock(&pool->lock);
        pool->failed = pool->failed || !good;
        pool->answered_count += count;
        pthread_cond_signal(&pool->answered);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* Gives as many commands as there is room for, once there is room; the result is how many were answered. */
static uint64_t give(struct pool *pool, unsigned depth) {
    pthread_mutex_lock(&pool->lock);
    while (pool->given_count - pool->answered_count == depth) pthread_cond_wait(&pool->answered, &pool->lock);
    pool->given_count = pool->answered_count + depth;
    uint64_t answered = pool->answered_count;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->lock);
    return answered;
}

bool run_pool(uint64_t length_ns, unsigned depth, struct local_result *result) {
    struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
                        .given = PTHREAD_COND_INITIALIZER,
                        .answered = PTHREAD_COND_INITIALIZER,
                        .pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    pthread_t worker;
    if (pool.pty < 0 || pthread_create(&worker, NULL, work, &pool) != 0) {
        perror("local: pool");
        if (pool.pty >= 0) close(pool.pty);
        return false;
    }
    uint64_t began = monotonic_ns();
    *result = (struct local_result){0};
    while (result->nanoseconds < length_ns) {
        result->commands = give(&pool, depth);
        result->nanoseconds = monotonic_ns() - began;
    }
    pthread_mutex_lock(&pool.lock);
    pool.ending = true;
    pthread_cond_signal(&pool.given);
    pthread_mutex_unlock(&pool.lock);
    pthread_join(worker, NULL);
    close(pool.pty);
    if (pool.failed) fprintf(stderr, "local: TIOCGWINSZ failed\n");
    return !pool.failed;
}
