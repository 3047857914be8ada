/* The numbers of docs/protocol.md that the limit server and the load generator need, written from that
 * page alone: sharing them with the gateway's sources would let one mistake hide in both ends. */
#ifndef RINGGATE_BENCH_WIRE_H
#define RINGGATE_BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire is little-endian and these programs copy it as it is"
#endif

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_WELCOME = 2,
    FRAME_SUBMIT = 3,
    FRAME_COMPLETE = 4,
    FRAME_ERROR = 5,
    FRAME_GOODBYE = 6,
};

enum operation { OPERATION_OPEN = 2, OPERATION_READ = 4, OPERATION_COMMAND = 8 };

enum {
    FRAME_HEADER_BYTES = 8,
    HELLO_BYTES = 16,
    WELCOME_BYTES = 96,
    ENTRY_BYTES = 32,
    READ_ARGUMENT_BYTES = 8,
    COMPLETION_BYTES = 24,
    GOODBYE_BYTES = 8,
    REFUSAL_BYTES = 8,

    PROTOCOL_VERSION = 1,
    IN_FLIGHT_LIMIT = 1024,
    ENTRIES_LIMIT = 1024,
    DEVICE_NAME_BYTES_LIMIT = 64,
    PAYLOAD_BYTES_LIMIT = 1 << 20,
    FRAME_BYTES_LIMIT = 1114112,
};

/* Completion flags, as they stand in the high 16 bits of the u64 at byte 16. */
enum completion_flag {
    FLAG_DENIED = 1 << 1,
    FLAG_REFUSED = 1 << 2,
    /* Why, in the first two bytes of the payload. */
    REASON_BUSY = 8,
    FLAG_ENGINE_RING = 1 << 3,
    FLAG_ENGINE_CALL = 1 << 4, /* ioctl(2) on a thread of its own */
};

/* Fields lie at any address, so every access is a copy; the compiler makes one move of it. */
static inline uint16_t load_u16(const uint8_t *at) { uint16_t v; memcpy(&v, at, sizeof v); return v; }
static inline uint32_t load_u32(const uint8_t *at) { uint32_t v; memcpy(&v, at, sizeof v); return v; }
static inline uint64_t load_u64(const uint8_t *at) { uint64_t v; memcpy(&v, at, sizeof v); return v; }
static inline void store_u16(uint8_t *at, uint16_t v) { memcpy(at, &v, sizeof v); }
static inline void store_u32(uint8_t *at, uint32_t v) { memcpy(at, &v, sizeof v); }
static inline void store_u64(uint8_t *at, uint64_t v) { memcpy(at, &v, sizeof v); }

static inline size_t padded(size_t bytes) { return (bytes + 7) & ~(size_t)7; }

struct frame_header {
    uint32_t length;
    uint8_t type;
    uint16_t count;
};

static inline struct frame_header load_frame_header(const uint8_t *at) {
    return (struct frame_header){.length = load_u32(at), .type = at[4], .count = load_u16(at + 6)};
}

static inline void store_frame_header(uint8_t *at, enum frame_type type, size_t length, size_t count) {
    store_u32(at, (uint32_t)length);
    at[4] = (uint8_t)type;
    at[5] = 0;
    store_u16(at + 6, (uint16_t)count);
}

/* An entry's fixed part with offset, timeout and flags 0, which is all that open and command need. */
static inline void store_entry(uint8_t *at, enum operation operation, uint32_t sub_opcode,
                               uint64_t request_id, uint32_t argument_length) {
    store_u64(at, (uint64_t)operation | (uint64_t)sub_opcode << 32);
    store_u64(at + 8, request_id);
    store_u64(at + 16, 0);
    store_u64(at + 24, (uint64_t)argument_length << 32);
}

static inline void store_completion(uint8_t *at, uint64_t request_id, int32_t result, uint16_t flags) {
    store_u64(at, request_id);
    store_u64(at + 8, (uint32_t)result);
    store_u64(at + 16, (uint64_t)flags << 48);
}

#endif
