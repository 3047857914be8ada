/* The limit server: what one thread of C gets out of TLS, io_uring and these wire bytes when it enforces
 * nothing. It is a yardstick, never a gateway: no policy, no credit, no request ids kept, no deadlines. */
#ifndef RINGGATE_BENCH_SERVER_H
#define RINGGATE_BENCH_SERVER_H

#include <liburing.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls.h"

enum {
    /* Fits the 12 bits of a tag; the bench needs 16. */
    CONNECTIONS_LIMIT = 1024,
    /* A full submission queue is handed over early, so this bounds the batch, not the depth. */
    RING_ENTRIES = 1024,
    /* Every command in flight may complete before one CQE is looked at: 16 sessions of 1,024. */
    COMPLETION_ENTRIES = 32768,
    RECEIVE_BUFFERS = 64,
    RECEIVE_BUFFER_BYTES = 32 * 1024,
    RECEIVE_GROUP = 0,
    /* The completions of all 1,024 entries one session may have unanswered, and the other frames. */
    OUTPUT_BYTES = 32 * 1024,
    WIRE_BYTES = 64 * 1024,
    DEVICE_FILE = 0,
};

/* A tag is a CQE's user_data: 4 bits of kind, 12 of connection, 48 of request id. Carrying the id itself is
 * why nothing need be kept per command; a client that counts past 2^48 is dropped. */
enum tag_kind { TAG_COMMAND, TAG_RECEIVE, TAG_SEND, TAG_ACCEPT, TAG_SIGNAL };

static inline uint64_t tag(enum tag_kind kind, size_t connection, uint64_t request_id) {
    return (uint64_t)kind << 60 | (uint64_t)connection << 48 | request_id;
}
static inline enum tag_kind tag_kind(uint64_t tag) { return (enum tag_kind)(tag >> 60); }
static inline size_t tag_connection(uint64_t tag) { return tag >> 48 & 0xfff; }
static inline uint64_t tag_request(uint64_t tag) { return tag & 0xffffffffffff; }

struct connection {
    int fd; /* -1 while the place is free */
    struct channel channel;
    bool dirty;     /* on the server's list for the end of this turn */
    bool receiving; /* the multishot receive is armed */
    bool sending;   /* one send is with the kernel, which reads `wire` */
    bool goodbye;   /* the client said it: close when nothing is owed */
    bool closing;   /* send what is left, then shut down */
    bool dead;      /* shut down; freed when the kernel has let go of it */
    uint32_t in_flight;
    uint8_t *input; /* plaintext that does not hold a whole frame yet */
    size_t input_length, input_room;
    uint8_t *output; /* frames to encrypt at the end of the turn */
    size_t output_length;
    size_t open_frame; /* where the complete frame being filled starts; OUTPUT_BYTES for none */
    uint8_t *wire;
    size_t wire_length, wire_sent;
};

struct server {
    struct io_uring ring;
    SSL_CTX *tls;
    int listener, signals, device;
    struct io_uring_buf_ring *buffers;
    uint8_t *buffer_bytes;
    struct connection connections[CONNECTIONS_LIMIT];
    size_t dirty[CONNECTIONS_LIMIT];
    size_t dirty_count;
    bool stopping;
};

/* server.c */
struct io_uring_sqe *server_sqe(struct server *server);
bool server_start(struct server *server, const struct tls_files *files, uint16_t port);
bool server_run(struct server *server);
void server_stop(struct server *server);

/* connection.c: a socket, its channel and its buffers. */
void connection_accept(struct server *server, int fd);
void connection_received(struct server *server, struct connection *connection,
                         const struct io_uring_cqe *cqe);
void connection_sent(struct server *server, struct connection *connection, int result);
void connection_mark(struct server *server, struct connection *connection);
void connection_end_turn(struct server *server, struct connection *connection);
void connection_release(struct connection *connection);

/* session.c: the frames. Both return false when the session must end. */
bool session_take_frames(struct server *server, struct connection *connection);
bool session_complete(struct connection *connection, uint64_t request_id, int32_t result, uint16_t flags);
void session_seal(struct connection *connection);

#endif
