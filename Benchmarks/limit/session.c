#include <time.h>

#include "server.h"
#include "wire.h"

static uint8_t *reserve(struct connection *connection, size_t bytes) {
    if (OUTPUT_BYTES - connection->output_length < bytes) return NULL;
    uint8_t *at = connection->output + connection->output_length;
    connection->output_length += bytes;
    return at;
}

/* The count of a complete frame is known only when the turn ends: all completions of a turn share one. */
void session_seal(struct connection *connection) {
    if (connection->open_frame == OUTPUT_BYTES) return;
    size_t length = connection->output_length - connection->open_frame - FRAME_HEADER_BYTES;
    store_frame_header(connection->output + connection->open_frame, FRAME_COMPLETE, length,
                       length / COMPLETION_BYTES);
    connection->open_frame = OUTPUT_BYTES;
}

/* A client that overruns its credit finds no room here: the buffer is the only bound this server needs. */
bool session_complete(struct connection *connection, uint64_t request_id, int32_t result, uint16_t flags) {
    if (connection->open_frame == OUTPUT_BYTES) {
        size_t start = connection->output_length;
        if (reserve(connection, FRAME_HEADER_BYTES) == NULL) return false;
        connection->open_frame = start;
    }
    uint8_t *at = reserve(connection, COMPLETION_BYTES);
    if (at == NULL) return false;
    store_completion(at, request_id, result, flags);
    return true;
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool welcome(struct connection *connection) {
    session_seal(connection);
    uint8_t *at = reserve(connection, FRAME_HEADER_BYTES + WELCOME_BYTES);
    if (at == NULL) return false;
    memset(at, 0, FRAME_HEADER_BYTES + WELCOME_BYTES);
    store_frame_header(at, FRAME_WELCOME, WELCOME_BYTES, 0);
    at += FRAME_HEADER_BYTES;
    store_u16(at, PROTOCOL_VERSION);
    store_u16(at + 2, 1);
    store_u32(at + 4, FRAME_BYTES_LIMIT);
    store_u64(at + 32, nanoseconds(CLOCK_MONOTONIC));
    store_u64(at + 40, nanoseconds(CLOCK_REALTIME));
    store_u32(at + 48, IN_FLIGHT_LIMIT);
    store_u32(at + 52, PAYLOAD_BYTES_LIMIT);
    store_u32(at + 56, 4 * PAYLOAD_BYTES_LIMIT);
    store_u16(at + 60, ENTRIES_LIMIT);
    store_u16(at + 62, 1);
    return true;
}

static bool start_command(struct server *server, struct connection *connection, uint32_t code, uint64_t id) {
    if (id >> 48 != 0) return false;
    struct io_uring_sqe *sqe = server_sqe(server);
    if (sqe == NULL) return false;
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = IORING_OP_URING_CMD;
    sqe->flags = IOSQE_FIXED_FILE;
    sqe->fd = DEVICE_FILE;
    /* cmd_op lies in the low half of off; liburing 2.3's name for it is newer than some kernels' headers. */
    sqe->off = code;
    sqe->user_data = tag(TAG_COMMAND, (size_t)(connection - server->connections), id);
    connection->in_flight += 1;
    return true;
}

static bool submit(struct server *server, struct connection *connection, const uint8_t *payload,
                   size_t length, uint16_t count) {
    size_t at = 0;
    for (uint16_t i = 0; i < count; i++) {
        if (length - at < ENTRY_BYTES) return false;
        const uint8_t *entry = payload + at;
        uint64_t id = load_u64(entry + 8);
        size_t argument = padded(load_u32(entry + 28));
        if (length - at - ENTRY_BYTES < argument) return false;
        at += ENTRY_BYTES + argument;

        bool taken = false;
        if (entry[0] == OPERATION_COMMAND) taken = start_command(server, connection, load_u32(entry + 4), id);
        /* Every slot is the one device, open since the start. */
        if (entry[0] == OPERATION_OPEN) taken = session_complete(connection, id, 0, 0);
        if (!taken) return false;
    }
    return true;
}

static bool take_frame(struct server *server, struct connection *connection, struct frame_header header,
                       const uint8_t *payload) {
    switch (header.type) {
    case FRAME_HELLO: return welcome(connection);
    case FRAME_SUBMIT: return submit(server, connection, payload, header.length, header.count);
    case FRAME_GOODBYE: connection->goodbye = true; return true;
    default: return false;
    }
}

bool session_take_frames(struct server *server, struct connection *connection) {
    size_t at = 0;
    while (connection->input_length - at >= FRAME_HEADER_BYTES) {
        const uint8_t *start = connection->input + at;
        struct frame_header header = load_frame_header(start);
        if (header.length > FRAME_BYTES_LIMIT) return false;
        if (connection->input_length - at - FRAME_HEADER_BYTES < header.length) break;
        if (!take_frame(server, connection, header, start + FRAME_HEADER_BYTES)) return false;
        at += FRAME_HEADER_BYTES + header.length;
    }
    connection->input_length -= at;
    if (at > 0) memmove(connection->input, connection->input + at, connection->input_length);
    return true;
}
