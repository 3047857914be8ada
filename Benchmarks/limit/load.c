#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum {
    RECORD_BYTES = 16 * 1024,
    RECEIVE_BYTES = 64 * 1024,
    WIRE_BYTES = 64 * 1024,
    /* The longest frame a gateway sends, and the record that completes it. */
    INPUT_BYTES = FRAME_HEADER_BYTES + FRAME_BYTES_LIMIT + RECORD_BYTES,
    FRAME_BYTES = FRAME_HEADER_BYTES + ENTRIES_LIMIT * (ENTRY_BYTES + READ_ARGUMENT_BYTES),
};

uint64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

bool load_fail(const struct load *load, const char *what) {
    fprintf(stderr, "loadgen: connection %zu: %s\n", load->number, what);
    return false;
}

bool load_open(struct load *load, size_t number, int fd, SSL_CTX *tls, const struct load_plan *plan) {
    /* Twice the depth, so that an id whose place is still taken can be skipped and a free one is near. */
    size_t places = 2;
    while (places < 2 * (size_t)plan->depth) places *= 2;
    *load = (struct load){
        .fd = fd,
        .number = number,
        .next_id = 1,
        .pending = calloc(places, sizeof(struct pending)),
        .pending_mask = places - 1,
        .input = malloc(INPUT_BYTES),
        .frame = malloc(FRAME_BYTES),
        .wire = malloc(WIRE_BYTES),
    };
    bool opened = channel_open(&load->channel, tls, CHANNEL_CLIENT, "127.0.0.1");
    if (!opened || load->pending == NULL || load->input == NULL || load->frame == NULL || load->wire == NULL)
        return load_fail(load, "out of memory");
    return true;
}

void load_close(struct load *load) {
    if (load->fd < 0) return;
    close(load->fd);
    channel_close(&load->channel);
    free(load->pending);
    free(load->input);
    free(load->frame);
    free(load->wire);
    *load = (struct load){.fd = -1};
}

bool load_flush(struct load *load) {
    for (;;) {
        if (load->wire_sent == load->wire_length) {
            int count = BIO_read(load->channel.to_send, load->wire, WIRE_BYTES);
            load->wire_sent = 0;
            load->wire_length = count > 0 ? (size_t)count : 0;
            if (count <= 0) return true;
        }
        ssize_t sent = send(load->fd, load->wire + load->wire_sent, load->wire_length - load->wire_sent,
                            MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) return true;
            return load_fail(load, strerror(errno));
        }
        load->wire_sent += (size_t)sent;
    }
}

/* The socket is watched edge-triggered: a read that fills the buffer must be followed by another. */
static bool receive(struct load *load, bool *ended) {
    static uint8_t bytes[RECEIVE_BYTES];
    ssize_t count;
    do {
        count = recv(load->fd, bytes, sizeof bytes, 0);
        if (count == 0) *ended = true;
        if (count < 0 && errno != EAGAIN) return load_fail(load, strerror(errno));
        if (count > 0 && BIO_write(load->channel.received, bytes, (int)count) != count)
            return load_fail(load, "out of memory");
    } while (count == RECEIVE_BYTES);
    return true;
}

static bool take_plaintext(struct load *load, const struct load_plan *plan, struct load_counters *counters,
                           uint32_t *answered) {
    for (;;) {
        size_t count = 0;
        enum channel_state state = channel_read(&load->channel, load->input + load->input_length,
                                                INPUT_BYTES - load->input_length, &count);
        load->input_length += count;
        switch (state) {
        case CHANNEL_WAIT: return true;
        case CHANNEL_DATA:
            if (!load_take_frames(load, plan, counters, answered)) return false;
            break;
        case CHANNEL_END:
            if (load->state == LOAD_ENDED) return true;
            if (load->state != LOAD_LEFT) return load_fail(load, "TLS was closed before goodbye");
            load->state = LOAD_ENDED;
            return true;
        case CHANNEL_FAILED: tls_report("loadgen: TLS failed"); return load_fail(load, "no session");
        }
    }
}

bool load_resume(struct load *load, const struct load_plan *plan, const struct load_counters *counters) {
    if (load->state != LOAD_RUNNING) return true;
    if (counters->finishing) {
        if (load->unanswered == 0 && !load_goodbye(load)) return false;
    } else if (load->owed > 0 && monotonic_ns() >= load->resume_ns) {
        uint32_t count = load->owed;
        load->owed = 0;
        if (!load_submit(load, plan, count)) return false;
    }
    return true;
}

bool load_turn(struct load *load, const struct load_plan *plan, struct load_counters *counters) {
    bool ended = false;
    uint32_t answered = 0;
    if (!receive(load, &ended)) return false;
    load->now_ns = monotonic_ns();
    if (!take_plaintext(load, plan, counters, &answered)) return false;
    if (ended && load->state != LOAD_ENDED)
        return load_fail(load, "the connection was closed without close_notify");

    if (!load->greeted && SSL_is_init_finished(load->channel.ssl) && !load_hello(load)) return false;
    load->owed += answered;
    if (!load_resume(load, plan, counters)) return false;
    return load_flush(load);
}
