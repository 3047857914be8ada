#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire.h"

struct io_uring_sqe *server_sqe(struct server *server) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&server->ring);
    if (sqe != NULL) return sqe;
    int submitted = io_uring_submit(&server->ring);
    sqe = io_uring_get_sqe(&server->ring);
    if (sqe == NULL) fprintf(stderr, "limit-server: submit: %s\n", strerror(-submitted));
    return sqe;
}

static bool complain(const char *what, int error) {
    fprintf(stderr, "limit-server: %s: %s\n", what, strerror(error));
    return false;
}

static bool listen_on(struct server *server, uint16_t port) {
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener < 0) return complain("socket", errno);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0)
        return complain("bind", errno);
    if (listen(server->listener, CONNECTIONS_LIMIT) != 0) return complain("listen", errno);
    return true;
}

static bool open_ring(struct server *server) {
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL
            | IORING_SETUP_CQSIZE,
        .cq_entries = COMPLETION_ENTRIES,
    };
    int outcome = io_uring_queue_init_params(RING_ENTRIES, &server->ring, &parameters);
    if (outcome != 0) return complain("io_uring_setup", -outcome);
    outcome = io_uring_register_ring_fd(&server->ring);
    if (outcome < 0) return complain("register the ring", -outcome);

    server->device = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (server->device < 0) return complain("/dev/null", errno);
    outcome = io_uring_register_files(&server->ring, &server->device, 1);
    return outcome == 0 || complain("register /dev/null", -outcome);
}

static bool provide_buffers(struct server *server) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    server->buffers = aligned_alloc(page, page);
    server->buffer_bytes = aligned_alloc(page, (size_t)RECEIVE_BUFFERS * RECEIVE_BUFFER_BYTES);
    if (server->buffers == NULL || server->buffer_bytes == NULL) return complain("receive buffers", ENOMEM);
    _Static_assert(RECEIVE_BUFFERS * sizeof(struct io_uring_buf) <= 4096, "the buffer ring fits one page");

    struct io_uring_buf_reg registration = {
        .ring_addr = (uintptr_t)server->buffers, .ring_entries = RECEIVE_BUFFERS, .bgid = RECEIVE_GROUP};
    int outcome = io_uring_register_buf_ring(&server->ring, &registration, 0);
    if (outcome != 0) return complain("register receive buffers", -outcome);
    io_uring_buf_ring_init(server->buffers);
    for (int i = 0; i < RECEIVE_BUFFERS; i++) {
        uint8_t *bytes = server->buffer_bytes + (size_t)i * RECEIVE_BUFFER_BYTES;
        io_uring_buf_ring_add(server->buffers, bytes, RECEIVE_BUFFER_BYTES, (unsigned short)i,
                              io_uring_buf_ring_mask(RECEIVE_BUFFERS), i);
    }
    io_uring_buf_ring_advance(server->buffers, RECEIVE_BUFFERS);
    return true;
}

static void arm_accept(struct server *server) {
    struct io_uring_sqe *sqe = server_sqe(server);
    if (sqe == NULL) return;
    io_uring_prep_multishot_accept(sqe, server->listener, NULL, NULL, SOCK_CLOEXEC);
    sqe->user_data = tag(TAG_ACCEPT, 0, 0);
}

/* A signal that came between two looks at a flag would be slept through; a descriptor wakes the ring. */
static bool watch_signals(struct server *server) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    server->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (server->signals < 0) return complain("signalfd", errno);
    struct io_uring_sqe *sqe = server_sqe(server);
    if (sqe == NULL) return false;
    io_uring_prep_poll_add(sqe, server->signals, POLLIN);
    sqe->user_data = tag(TAG_SIGNAL, 0, 0);
    return true;
}

bool server_start(struct server *server, const struct tls_files *files, uint16_t port) {
    for (size_t i = 0; i < CONNECTIONS_LIMIT; i++) server->connections[i].fd = -1;
    server->listener = server->signals = server->device = -1;
    server->ring.ring_fd = -1;
    server->tls = tls_server_context(files);
    if (server->tls == NULL || !listen_on(server, port)) return false;
    if (!open_ring(server) || !provide_buffers(server) || !watch_signals(server)) return false;
    arm_accept(server);
    return true;
}

static void command_done(struct server *server, struct connection *connection,
                         const struct io_uring_cqe *cqe) {
    connection->in_flight -= 1;
    connection_mark(server, connection);
    if (!session_complete(connection, tag_request(cqe->user_data), cqe->res, FLAG_ENGINE_RING))
        connection->dead = true;
}

static void handle(struct server *server, const struct io_uring_cqe *cqe) {
    struct connection *connection = &server->connections[tag_connection(cqe->user_data) % CONNECTIONS_LIMIT];
    switch (tag_kind(cqe->user_data)) {
    case TAG_COMMAND: command_done(server, connection, cqe); break;
    case TAG_RECEIVE: connection_received(server, connection, cqe); break;
    case TAG_SEND: connection_sent(server, connection, cqe->res); break;
    case TAG_ACCEPT:
        if (cqe->res >= 0) connection_accept(server, cqe->res);
        if ((cqe->flags & IORING_CQE_F_MORE) == 0) arm_accept(server);
        break;
    case TAG_SIGNAL: server->stopping = true; break;
    }
}

bool server_run(struct server *server) {
    while (!server->stopping) {
        int outcome = io_uring_submit_and_wait(&server->ring, 1);
        if (outcome < 0 && outcome != -EINTR) return complain("io_uring_enter", -outcome);
        unsigned head, count = 0;
        struct io_uring_cqe *cqe;
        io_uring_for_each_cqe(&server->ring, head, cqe) {
            handle(server, cqe);
            count += 1;
        }
        io_uring_cq_advance(&server->ring, count);
        for (size_t i = 0; i < server->dirty_count; i++)
            connection_end_turn(server, &server->connections[server->dirty[i]]);
        server->dirty_count = 0;
    }
    return true;
}

void server_stop(struct server *server) {
    if (server->ring.ring_fd >= 0) io_uring_queue_exit(&server->ring);
    for (size_t i = 0; i < CONNECTIONS_LIMIT; i++) connection_release(&server->connections[i]);
    if (server->listener >= 0) close(server->listener);
    if (server->signals >= 0) close(server->signals);
    if (server->device >= 0) close(server->device);
    SSL_CTX_free(server->tls);
    free(server->buffers);
    free(server->buffer_bytes);
}
