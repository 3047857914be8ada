#include <stdio.h>

#include "load.h"
#include "wire.h"

/* With many commands a batch, one sample in sixteen: more would be a visible part of the load itself. */
enum { SAMPLE_ALL_BELOW_DEPTH = 16, SAMPLE_MASK = 15 };

static bool send_frame(struct load *load, enum frame_type type, size_t length, size_t count) {
    store_frame_header(load->frame, type, length, count);
    if (channel_write(&load->channel, load->frame, FRAME_HEADER_BYTES + length)) return true;
    tls_report("loadgen: cannot write");
    return load_fail(load, "no session");
}

bool load_hello(struct load *load) {
    uint8_t *hello = load->frame + FRAME_HEADER_BYTES;
    memset(hello, 0, HELLO_BYTES);
    store_u16(hello, PROTOCOL_VERSION);
    store_u16(hello + 2, PROTOCOL_VERSION);
    load->greeted = true;
    return send_frame(load, FRAME_HELLO, HELLO_BYTES, 0);
}

bool load_goodbye(struct load *load) {
    memset(load->frame + FRAME_HEADER_BYTES, 0, GOODBYE_BYTES);
    load->state = LOAD_LEAVING;
    return send_frame(load, FRAME_GOODBYE, GOODBYE_BYTES, 0);
}

static bool open_device(struct load *load, const struct load_plan *plan) {
    uint8_t *entry = load->frame + FRAME_HEADER_BYTES;
    size_t name_bytes = strlen(plan->device);
    load->open_id = load->next_id++;
    load->state = LOAD_OPENING;
    store_entry(entry, OPERATION_OPEN, 0, load->open_id, (uint32_t)name_bytes);
    memset(entry + ENTRY_BYTES, 0, padded(name_bytes));
    memcpy(entry + ENTRY_BYTES, plan->device, name_bytes);
    return send_frame(load, FRAME_SUBMIT, ENTRY_BYTES + padded(name_bytes), 1);
}

/* The result is the length of the entry. */
static size_t store_request(uint8_t *at, const struct load_plan *plan, uint64_t id) {
    if (plan->read_bytes == 0) {
        store_entry(at, OPERATION_COMMAND, plan->code, id, 0);
        return ENTRY_BYTES;
    }
    store_entry(at, OPERATION_READ, 0, id, READ_ARGUMENT_BYTES);
    store_u32(at + ENTRY_BYTES, plan->read_bytes);
    store_u32(at + ENTRY_BYTES + 4, 0);
    return ENTRY_BYTES + READ_ARGUMENT_BYTES;
}

bool load_submit(struct load *load, const struct load_plan *plan, uint32_t count) {
    uint64_t now = monotonic_ns();
    uint64_t id = load->next_id;
    uint8_t *at = load->frame + FRAME_HEADER_BYTES;
    for (uint32_t i = 0; i < count; i++) {
        /* Ids need only rise: one whose place an unanswered older command still holds is left out. */
        while (load->pending[id & load->pending_mask].request_id != 0) id++;
        load->pending[id & load->pending_mask] = (struct pending){.request_id = id, .sent_ns = now};
        at += store_request(at, plan, id);
        id++;
    }
    load->next_id = id;
    load->unanswered += count;
    load->state = LOAD_RUNNING;
    return send_frame(load, FRAME_SUBMIT, (size_t)(at - load->frame) - FRAME_HEADER_BYTES, count);
}

static bool take_welcome(struct load *load, const struct load_plan *plan, struct frame_header header,
                         const uint8_t *payload) {
    if (load->state != LOAD_GREETING || header.length != WELCOME_BYTES || header.count != 0)
        return load_fail(load, "a welcome out of place or of the wrong length");
    if (load_u16(payload) != PROTOCOL_VERSION) return load_fail(load, "another protocol version");
    if (load_u64(payload + 8) != 0) return load_fail(load, "a feature nobody asked for");
    if (load_u16(payload + 2) == 0) return load_fail(load, "no file slot");
    if (load_u32(payload + 48) < plan->depth || load_u16(payload + 60) < plan->depth)
        return load_fail(load, "the depth is more than the gateway takes");
    return open_device(load, plan);
}

static bool wrong_completion(const struct load *load, const uint8_t *at, uint16_t flags, uint32_t payload) {
    fprintf(stderr, "loadgen: connection %zu: request %llu: result %d, flags 0x%04x, payload of %u bytes\n",
            load->number, (unsigned long long)load_u64(at), (int32_t)load_u32(at + 8), flags, payload);
    const uint8_t *refusal = at + COMPLETION_BYTES;
    if ((flags & FLAG_REFUSED) != 0 && payload >= REFUSAL_BYTES
        && REFUSAL_BYTES + (uint64_t)load_u16(refusal + 2) + load_u32(refusal + 4) == payload) {
        int rule_bytes = load_u16(refusal + 2);
        fprintf(stderr, "loadgen: refused, reason %u, rule '%.*s': %.*s\n", load_u16(refusal), rule_bytes,
                (const char *)refusal + REFUSAL_BYTES, (int)load_u32(refusal + 4),
                (const char *)refusal + REFUSAL_BYTES + rule_bytes);
    }
    return false;
}

/* The low bits of a completion's last word; the rest are its flags. */
static const uint64_t device_time_mask = (1ull << 48) - 1;

/* A refusal as busy, with when to try again in the completion's time. */
static bool is_busy(const struct load_plan *plan, uint16_t flags, const uint8_t *payload, uint32_t payload_bytes) {
    return plan->waits && (flags & FLAG_REFUSED) != 0 && payload_bytes >= REFUSAL_BYTES
        && load_u16(payload) == REASON_BUSY;
}

static bool take_busy(struct load *load, struct load_counters *counters, uint64_t id, uint64_t after_ns) {
    struct pending *pending = &load->pending[id & load->pending_mask];
    if (id == 0 || pending->request_id != id) return load_fail(load, "a refusal nobody waits for");
    pending->request_id = 0;
    load->unanswered -= 1;
    if (counters->measuring) counters->busy += 1;
    uint64_t resume = load->now_ns + after_ns;
    if (resume > load->resume_ns) load->resume_ns = resume;
    return true;
}

static bool take_command(struct load *load, const struct load_plan *plan, struct load_counters *counters,
                         uint64_t id) {
    struct pending *pending = &load->pending[id & load->pending_mask];
    if (id == 0 || pending->request_id != id) return load_fail(load, "a completion nobody waits for");
    pending->request_id = 0;
    load->unanswered -= 1;
    counters->all_commands += 1;
    if (!counters->measuring) return true;
    counters->commands += 1;
    if (plan->depth < SAMPLE_ALL_BELOW_DEPTH || (id & SAMPLE_MASK) == 0)
        latency_add(&counters->latency, load->now_ns - pending->sent_ns);
    return true;
}

static bool take_completions(struct load *load, const struct load_plan *plan, struct load_counters *counters,
                             struct frame_header header, const uint8_t *payload, uint32_t *answered) {
    if (header.count == 0) return load_fail(load, "a complete frame without a completion");
    size_t at = 0;
    for (uint16_t i = 0; i < header.count; i++) {
        if (header.length - at < COMPLETION_BYTES) return load_fail(load, "a completion is cut off");
        const uint8_t *start = payload + at;
        uint64_t id = load_u64(start);
        uint32_t payload_bytes = load_u32(start + 12);
        uint16_t flags = load_u16(start + 22);
        if (header.length - at - COMPLETION_BYTES < payload_bytes)
            return load_fail(load, "a completion's payload is cut off");
        at += COMPLETION_BYTES;
        bool opens = load->state == LOAD_OPENING;
        if (!opens && is_busy(plan, flags, payload + at, payload_bytes)) {
            at += padded(payload_bytes);
            if (!take_busy(load, counters, id, load_u64(start + 16) & device_time_mask)) return false;
            *answered += 1;
            continue;
        }
        /* A read's result is the number of bytes, all other results are 0. */
        uint32_t expected_result = opens ? 0 : plan->read_bytes;
        uint32_t expected_bytes = opens ? 0 : plan->read_bytes + plan->reply_bytes;
        uint16_t expected_flags = plan->reply_bytes == 0 ? FLAG_ENGINE_RING : FLAG_ENGINE_CALL;
        bool as_planned = opens ? (flags & FLAG_REFUSED) == 0 : flags == expected_flags;
        if (load_u32(start + 8) != expected_result || payload_bytes != expected_bytes || !as_planned)
            return wrong_completion(load, start, flags, payload_bytes);
        if (header.length - at < padded(payload_bytes)) return load_fail(load, "a payload's padding is cut off");
        at += padded(payload_bytes);
        if (opens) {
            if (id != load->open_id) return load_fail(load, "a completion nobody waits for");
            load->state = LOAD_READY;
        } else {
            if (!take_command(load, plan, counters, id)) return false;
            *answered += 1;
        }
    }
    return at == header.length || load_fail(load, "a complete frame is longer than its completions");
}

static bool take_error(const struct load *load, struct frame_header header, const uint8_t *payload) {
    if (header.length < 8) return load_fail(load, "an error frame is cut off");
    fprintf(stderr, "loadgen: connection %zu: the gateway's error %u, rule R-%u, entry %u: %.*s\n",
            load->number, load_u16(payload), load_u16(payload + 2), load_u32(payload + 4),
            (int)(header.length - 8), (const char *)payload + 8);
    return false;
}

static bool take_goodbye(struct load *load, struct frame_header header, const uint8_t *payload) {
    if (header.length != GOODBYE_BYTES || header.count != 0) return load_fail(load, "a malformed goodbye");
    if (load->state != LOAD_LEAVING || load_u16(payload) != 0)
        return load_fail(load, "the gateway is stopping");
    load->state = LOAD_LEFT;
    return true;
}

static bool take_frame(struct load *load, const struct load_plan *plan, struct load_counters *counters,
                       struct frame_header header, const uint8_t *payload, uint32_t *answered) {
    switch (header.type) {
    case FRAME_WELCOME: return take_welcome(load, plan, header, payload);
    case FRAME_COMPLETE: return take_completions(load, plan, counters, header, payload, answered);
    case FRAME_ERROR: return take_error(load, header, payload);
    case FRAME_GOODBYE: return take_goodbye(load, header, payload);
    default: return load_fail(load, "a frame of unknown type");
    }
}

bool load_take_frames(struct load *load, const struct load_plan *plan, struct load_counters *counters,
                      uint32_t *answered) {
    size_t at = 0;
    while (load->input_length - at >= FRAME_HEADER_BYTES) {
        const uint8_t *start = load->input + at;
        struct frame_header header = load_frame_header(start);
        if (header.length > FRAME_BYTES_LIMIT) return load_fail(load, "a frame longer than R-4 allows");
        if (start[5] != 0) return load_fail(load, "a reserved byte is not 0");
        if (load->input_length - at - FRAME_HEADER_BYTES < header.length) break;
        if (!take_frame(load, plan, counters, header, start + FRAME_HEADER_BYTES, answered)) return false;
        at += FRAME_HEADER_BYTES + header.length;
    }
    load->input_length -= at;
    if (at > 0) memmove(load->input, load->input + at, load->input_length);
    return true;
}
