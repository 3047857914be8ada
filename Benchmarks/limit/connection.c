#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server.h"
#include "wire.h"

enum {
    RECORD_BYTES = 16 * 1024,
    INPUT_BYTES_FIRST = 64 * 1024,
    /* Whole frames are taken after every record, so this much is never exceeded. */
    INPUT_BYTES_LIMIT = FRAME_HEADER_BYTES + FRAME_BYTES_LIMIT + RECORD_BYTES,
};

static size_t place(struct server *server, struct connection *connection) {
    return (size_t)(connection - server->connections);
}

void connection_mark(struct server *server, struct connection *connection) {
    if (connection->dirty) return;
    connection->dirty = true;
    server->dirty[server->dirty_count++] = place(server, connection);
}

void connection_release(struct connection *connection) {
    if (connection->fd < 0) return;
    close(connection->fd);
    channel_close(&connection->channel);
    free(connection->input);
    free(connection->output);
    free(connection->wire);
    *connection = (struct connection){.fd = -1};
}

static bool prepare(struct connection *connection, SSL_CTX *tls, int fd) {
    *connection = (struct connection){
        .fd = fd,
        .open_frame = OUTPUT_BYTES,
        .input = malloc(INPUT_BYTES_FIRST),
        .input_room = INPUT_BYTES_FIRST,
        .output = malloc(OUTPUT_BYTES),
        .wire = malloc(WIRE_BYTES),
    };
    return connection->input != NULL && connection->output != NULL && connection->wire != NULL
        && channel_open(&connection->channel, tls, CHANNEL_SERVER, NULL);
}

void connection_accept(struct server *server, int fd) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    for (size_t i = 0; i < CONNECTIONS_LIMIT; i++) {
        struct connection *connection = &server->connections[i];
        if (connection->fd >= 0) continue;
        if (prepare(connection, server->tls, fd)) {
            connection_mark(server, connection);
        } else {
            connection_release(connection);
        }
        return;
    }
    fprintf(stderr, "limit-server: more than %d connections\n", CONNECTIONS_LIMIT);
    close(fd);
}

static bool ensure_room(struct connection *connection) {
    if (connection->input_room - connection->input_length >= RECORD_BYTES) return true;
    size_t room = connection->input_room * 2;
    if (room > INPUT_BYTES_LIMIT) room = INPUT_BYTES_LIMIT;
    uint8_t *grown = realloc(connection->input, room);
    if (grown == NULL) return false;
    connection->input = grown;
    connection->input_room = room;
    return true;
}

/* Takes every whole record that has arrived; what is left of the last one waits in the channel. */
static void take_plaintext(struct server *server, struct connection *connection) {
    while (!connection->closing && !connection->goodbye) {
        size_t count = 0;
        enum channel_state state = CHANNEL_FAILED;
        if (ensure_room(connection)) {
            state = channel_read(&connection->channel, connection->input + connection->input_length,
                                 connection->input_room - connection->input_length, &count);
        }
        if (state == CHANNEL_WAIT) return;
        if (state == CHANNEL_FAILED) tls_report("limit-server: a connection failed");
        connection->input_length += count;
        if (state != CHANNEL_DATA || !session_take_frames(server, connection)) connection->closing = true;
    }
}

static void return_buffer(struct server *server, uint16_t id) {
    uint8_t *bytes = server->buffer_bytes + (size_t)id * RECEIVE_BUFFER_BYTES;
    int mask = io_uring_buf_ring_mask(RECEIVE_BUFFERS);
    io_uring_buf_ring_add(server->buffers, bytes, RECEIVE_BUFFER_BYTES, id, mask, 0);
    io_uring_buf_ring_advance(server->buffers, 1);
}

void connection_received(struct server *server, struct connection *connection,
                         const struct io_uring_cqe *cqe) {
    connection_mark(server, connection);
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) connection->receiving = false;
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
        const uint8_t *bytes = server->buffer_bytes + (size_t)id * RECEIVE_BUFFER_BYTES;
        if (cqe->res > 0 && BIO_write(connection->channel.received, bytes, cqe->res) != cqe->res)
            connection->closing = true;
        return_buffer(server, id);
    }
    if (cqe->res > 0) {
        take_plaintext(server, connection);
    } else if (cqe->res != -ENOBUFS) {
        /* Nobody is left to answer. Out of buffers is no end: the turn's end arms the receive again. */
        connection->dead = true;
    }
}

void connection_sent(struct server *server, struct connection *connection, int result) {
    connection->sending = false;
    connection_mark(server, connection);
    if (result <= 0) connection->dead = true;
    else connection->wire_sent += (size_t)result;
}

static void arm_receive(struct server *server, struct connection *connection) {
    struct io_uring_sqe *sqe = server_sqe(server);
    if (sqe == NULL) return;
    io_uring_prep_recv_multishot(sqe, connection->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = RECEIVE_GROUP;
    sqe->user_data = tag(TAG_RECEIVE, place(server, connection), 0);
    connection->receiving = true;
}

/* Encrypts what the turn has gathered. Nothing is encrypted while a send is under way: what comes meanwhile
 * then leaves as one record instead of several. */
static void encrypt(struct connection *connection) {
    bool finished = connection->goodbye && connection->in_flight == 0 && !connection->closing;
    session_seal(connection);
    if (finished && OUTPUT_BYTES - connection->output_length >= FRAME_HEADER_BYTES + GOODBYE_BYTES) {
        uint8_t *at = connection->output + connection->output_length;
        memset(at, 0, FRAME_HEADER_BYTES + GOODBYE_BYTES);
        store_frame_header(at, FRAME_GOODBYE, GOODBYE_BYTES, 0);
        connection->output_length += FRAME_HEADER_BYTES + GOODBYE_BYTES;
        connection->closing = true;
    }
    if (connection->output_length > 0
        && !channel_write(&connection->channel, connection->output, connection->output_length))
        connection->dead = true;
    connection->output_length = 0;
    if (finished) SSL_shutdown(connection->channel.ssl);
}

static void start_send(struct server *server, struct connection *connection) {
    if (connection->wire_sent == connection->wire_length) {
        int count = BIO_read(connection->channel.to_send, connection->wire, WIRE_BYTES);
        connection->wire_sent = 0;
        connection->wire_length = count > 0 ? (size_t)count : 0;
    }
    size_t left = connection->wire_length - connection->wire_sent;
    if (left == 0) {
        if (connection->closing) connection->dead = true;
        return;
    }
    struct io_uring_sqe *sqe = server_sqe(server);
    if (sqe == NULL) return;
    io_uring_prep_send(sqe, connection->fd, connection->wire + connection->wire_sent, left, MSG_NOSIGNAL);
    sqe->user_data = tag(TAG_SEND, place(server, connection), 0);
    connection->sending = true;
}

void connection_end_turn(struct server *server, struct connection *connection) {
    connection->dirty = false;
    if (!connection->dead && !connection->sending) {
        if (connection->wire_sent == connection->wire_length) encrypt(connection);
        start_send(server, connection);
    }
    if (!connection->dead && !connection->receiving) arm_receive(server, connection);
    if (!connection->dead) return;
    /* Ends the receive and the send, whose CQEs bring this connection here again until none is left. */
    shutdown(connection->fd, SHUT_RDWR);
    if (!connection->receiving && !connection->sending && connection->in_flight == 0)
        connection_release(connection);
}
