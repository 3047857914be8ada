#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "local.h"

/* By number where liburing 2.3 does not know them yet. */
static const unsigned single_issuer = 1u << 12, defer_taskrun = 1u << 13;
static const uint8_t uring_cmd = 46;

static bool fail(const char *what, int error) {
    fprintf(stderr, "local: %s: %s\n", what, strerror(error));
    return false;
}

static bool run_batch(struct io_uring *ring, unsigned batch) {
    for (unsigned i = 0; i < batch; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
        if (sqe == NULL) return fail("submission queue", ENOSPC);
        memset(sqe, 0, sizeof *sqe);
        sqe->opcode = uring_cmd;
        sqe->flags = IOSQE_FIXED_FILE;
    }
    int submitted = io_uring_submit_and_wait(ring, batch);
    if (submitted < 0) return fail("io_uring_enter", -submitted);

    struct io_uring_cqe *cqe;
    unsigned head, answered = 0;
    int error = 0;
    io_uring_for_each_cqe(ring, head, cqe) {
        if (cqe->res != 0) error = cqe->res < 0 ? -cqe->res : EPROTO;
        answered++;
    }
    io_uring_cq_advance(ring, answered);
    if (error != 0) return fail("URING_CMD", error);
    return answered == batch || fail("completions are missing", EPROTO);
}

bool run_ring(uint64_t length_ns, unsigned batch, struct local_result *result) {
    int device = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (device < 0) return fail("/dev/null", errno);
    struct io_uring ring;
    int status = io_uring_queue_init(batch, &ring, single_issuer | defer_taskrun);
    if (status != 0) {
        close(device);
        return fail("io_uring_setup", -status);
    }
    status = io_uring_register_files(&ring, &device, 1);
    bool good = status == 0 || fail("register files", -status);

    uint64_t began = monotonic_ns();
    *result = (struct local_result){0};
    while (good && result->nanoseconds < length_ns) {
        good = run_batch(&ring, batch);
        result->commands += batch;
        result->nanoseconds = monotonic_ns() - began;
    }
    io_uring_queue_exit(&ring);
    close(device);
    return good;
}
