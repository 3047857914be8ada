/* Messages of a daemon in the manner of pigpiod: a request and a response of fixed size over TCP, one at a time. */
#ifndef RINGGATE_BENCH_REQUEST_H
#define RINGGATE_BENCH_REQUEST_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

struct request {
    uint32_t code; /* of the ioctl */
    uint32_t zero[3];
};

struct response {
    int32_t result; /* 0 or -errno */
    uint32_t zero;
    uint8_t reply[8];
};

/* All of `size` bytes; false at the end of the stream or with an error. */
static inline bool receive_all(int fd, void *bytes, size_t size) {
    return recv(fd, bytes, size, MSG_WAITALL) == (ssize_t)size;
}

static inline bool send_all(int fd, const void *bytes, size_t size) {
    return send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

#endif
