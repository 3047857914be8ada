/* One session of the load generator: says hello, opens the device in slot 0, then keeps `depth` commands
 * unanswered, each batch as large as the completions that made room for it. */
#ifndef RINGGATE_BENCH_LOAD_H
#define RINGGATE_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "latency.h"
#include "tls.h"

struct load_plan {
    const char *device;
    uint32_t code;
    uint32_t depth;
    uint32_t read_bytes;  /* not 0: reads of so many bytes from the start of the file, instead of commands */
    bool waits;           /* a command refused as busy is counted, and another tried when the refusal says */
    uint32_t reply_bytes; /* of a command that ioctl(2) runs; 0 means a ring command, which has none */
};

/* Shared by all sessions of the thread. */
struct load_counters {
    uint64_t commands;     /* answered while measuring */
    uint64_t all_commands; /* answered at any time */
    uint64_t busy;         /* refused as busy while measuring */
    bool measuring; /* false in the warm-up: nothing is counted */
    bool finishing; /* no new commands; goodbye when the last is answered */
    struct latency latency;
};

enum load_state {
    LOAD_GREETING, /* TLS is not done, or the welcome has not come */
    LOAD_OPENING,
    LOAD_READY,    /* the device is open, nothing is sent yet */
    LOAD_RUNNING,
    LOAD_LEAVING,  /* goodbye is sent */
    LOAD_LEFT,     /* goodbye has come */
    LOAD_ENDED,    /* and TLS is closed */
};

/* An unanswered command, found by the low bits of its id. */
struct pending {
    uint64_t request_id; /* 0 while free */
    uint64_t sent_ns;
};

struct load {
    int fd;
    size_t number;
    enum load_state state;
    bool greeted; /* the hello is sent */
    struct channel channel;
    uint64_t next_id, open_id;
    uint64_t now_ns; /* when this turn's bytes were read */
    uint64_t resume_ns; /* nothing is submitted before */
    uint32_t owed;      /* commands to submit */
    struct pending *pending;
    size_t pending_mask;
    uint32_t unanswered;
    uint8_t *input; /* plaintext not yet a whole frame */
    size_t input_length;
    uint8_t *frame; /* the submit frame being written */
    uint8_t *wire;  /* ciphertext the socket did not take yet */
    size_t wire_length, wire_sent;
};

uint64_t monotonic_ns(void);

/* `fd` is connected and non-blocking and is owned by the session from here on. */
bool load_open(struct load *load, size_t number, int fd, SSL_CTX *tls, const struct load_plan *plan);
void load_close(struct load *load);

/* The following print why and return false when the peer broke the protocol or answered otherwise than
 * with success. */

/* load.c: reads what has come, answers it and sends what the socket takes. */
bool load_turn(struct load *load, const struct load_plan *plan, struct load_counters *counters);
/* load.c: submits what is owed, if it is time; to be flushed. */
bool load_resume(struct load *load, const struct load_plan *plan, const struct load_counters *counters);
/* load.c: sends what the socket takes. */
bool load_flush(struct load *load);
bool load_fail(const struct load *load, const char *what);

/* load-session.c: the frames. */
bool load_hello(struct load *load);
bool load_submit(struct load *load, const struct load_plan *plan, uint32_t count);
bool load_goodbye(struct load *load);
/* Takes all whole frames; `answered` is the number of commands they completed. */
bool load_take_frames(struct load *load, const struct load_plan *plan, struct load_counters *counters,
                      uint32_t *answered);

#endif
