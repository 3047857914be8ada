/* loadgen --port P --cert F --key F --ca F --connections C --depth D --seconds S [--device NAME] [--code N]
 *         [--reply BYTES | --read BYTES]
 *
 * A closed loop against a limit server or a gateway on this machine. Prints one line of JSON; exits with 1
 * and no JSON when anything but success came back, so a broken run can never look like a fast one. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "wire.h"

enum { CONNECTIONS_LIMIT = 1024, SETUP_SECONDS = 10, LEAVE_SECONDS = 5 };

/* Connections that come up at once: a gateway takes 48 of one source that have not said hello (docs/protocol.md,
 * section 7). */
enum { OPENING_LIMIT = 32 };

static const double seconds_limit = 3600;
static const uint64_t second_ns = 1000000000u;
static const uint64_t warm_up_ns = 300000000u;

struct options {
    struct tls_files files;
    struct load_plan plan;
    uint16_t port;
    uint32_t connections;
    double seconds;
};

struct generator {
    const struct options *options;
    int epoll;
    struct load *loads;
    uint32_t opened; /* of the loads, from the first */
    struct load_counters counters;
};

static bool number(const char *text, unsigned long least, unsigned long greatest, unsigned long *value) {
    char *end = NULL;
    errno = 0;
    *value = strtoul(text, &end, 0);
    bool digits = text[0] >= '0' && text[0] <= '9' && *end == '\0';
    return digits && errno == 0 && *value >= least && *value <= greatest;
}

static bool take_option(struct options *options, int option, const char *text) {
    unsigned long value = 0;
    bool good = true;
    char *end = NULL;
    switch (option) {
    case 'c': options->files.certificate = text; break;
    case 'k': options->files.key = text; break;
    case 'a': options->files.authority = text; break;
    case 'n':
        options->plan.device = text;
        good = strlen(text) >= 1 && strlen(text) <= DEVICE_NAME_BYTES_LIMIT;
        break;
    case 'p': good = number(text, 1, 65535, &value); options->port = (uint16_t)value; break;
    case 'C':
        good = number(text, 1, CONNECTIONS_LIMIT, &value);
        options->connections = (uint32_t)value;
        break;
    case 'd': good = number(text, 1, IN_FLIGHT_LIMIT, &value); options->plan.depth = (uint32_t)value; break;
    case 'o': good = number(text, 0, UINT32_MAX, &value); options->plan.code = (uint32_t)value; break;
    case 'r':
        good = number(text, 0, PAYLOAD_BYTES_LIMIT, &value);
        options->plan.reply_bytes = (uint32_t)value;
        break;
    case 'R':
        good = number(text, 1, PAYLOAD_BYTES_LIMIT, &value);
        options->plan.read_bytes = (uint32_t)value;
        break;
    case 'w': options->plan.waits = true; break;
    case 's':
        options->seconds = strtod(text, &end);
        good = *text != '\0' && *end == '\0' && options->seconds > 0 && options->seconds <= seconds_limit;
        break;
    default: good = false;
    }
    return good;
}

static bool parse(int count, char **arguments, struct options *options) {
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},    {"cert", required_argument, NULL, 'c'},
        {"key", required_argument, NULL, 'k'},     {"ca", required_argument, NULL, 'a'},
        {"depth", required_argument, NULL, 'd'},   {"connections", required_argument, NULL, 'C'},
        {"seconds", required_argument, NULL, 's'}, {"device", required_argument, NULL, 'n'},
        {"code", required_argument, NULL, 'o'},    {"reply", required_argument, NULL, 'r'},
        {"read", required_argument, NULL, 'R'},    {"waits", no_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    *options = (struct options){.plan = {.device = "null"}};
    int option;
    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1)
        if (!take_option(options, option, optarg)) return false;
    return optind == count && options->files.certificate != NULL && options->files.key != NULL
        && options->files.authority != NULL && options->port != 0 && options->connections != 0
        && options->plan.depth != 0 && options->seconds > 0
        && (options->plan.reply_bytes == 0 || options->plan.read_bytes == 0);
}

/* Connects while blocking, which on loopback is at once, and only then leaves it to the loop. */
static int connect_to(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0
        || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Serves the sockets until `deadline`, or until all opened sessions are at least as far as `goal`. */
static bool run_until(struct generator *generator, uint64_t deadline, enum load_state goal) {
    struct epoll_event events[64];
    uint32_t connections = generator->opened;
    for (;;) {
        uint32_t arrived = 0;
        while (arrived < connections && generator->loads[arrived].state >= goal) arrived++;
        uint64_t now = monotonic_ns();
        if (arrived == connections || now >= deadline) return true;
        int wait = (int)((deadline - now) / 1000000 + 1);
        for (uint32_t i = 0; generator->options->plan.waits && i < connections; i++) {
            struct load *load = &generator->loads[i];
            if (!load_resume(load, &generator->options->plan, &generator->counters) || !load_flush(load)) return false;
            if (load->owed > 0) wait = 1;
        }
        int count = epoll_wait(generator->epoll, events, 64, wait);
        if (count < 0 && errno != EINTR) {
            perror("loadgen: epoll_wait");
            return false;
        }
        for (int i = 0; i < count; i++)
            if (!load_turn(events[i].data.ptr, &generator->options->plan, &generator->counters)) return false;
    }
}

static bool open_all(struct generator *generator, SSL_CTX *tls) {
    uint64_t deadline = monotonic_ns() + SETUP_SECONDS * second_ns;
    for (uint32_t i = 0; i < generator->options->connections; i++) {
        struct load *load = &generator->loads[i];
        int fd = connect_to(generator->options->port);
        if (fd < 0) {
            fprintf(stderr, "loadgen: connect: %s\n", strerror(errno));
            return false;
        }
        if (!load_open(load, i, fd, tls, &generator->options->plan)) return false;
        struct epoll_event event = {
            .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = load};
        if (epoll_ctl(generator->epoll, EPOLL_CTL_ADD, fd, &event) != 0) return false;
        generator->opened = i + 1;
        if (generator->opened % OPENING_LIMIT == 0 && !run_until(generator, deadline, LOAD_READY)) return false;
    }
    return true;
}

static bool all_at(const struct generator *generator, enum load_state goal, const char *what) {
    for (uint32_t i = 0; i < generator->options->connections; i++)
        if (generator->loads[i].state < goal) return load_fail(&generator->loads[i], what);
    return true;
}

/* Sets `seconds` to what the measurement really took. */
static bool measure(struct generator *generator, double *seconds) {
    struct load_counters *counters = &generator->counters;
    const struct options *options = generator->options;
    if (!run_until(generator, monotonic_ns() + SETUP_SECONDS * second_ns, LOAD_READY)) return false;
    if (!all_at(generator, LOAD_READY, "the device is not open in time")) return false;
    for (uint32_t i = 0; i < options->connections; i++) {
        struct load *load = &generator->loads[i];
        if (!load_submit(load, &options->plan, options->plan.depth) || !load_flush(load)) return false;
    }
    if (!run_until(generator, monotonic_ns() + warm_up_ns, LOAD_ENDED)) return false;

    uint64_t began = monotonic_ns();
    counters->measuring = true;
    uint64_t length = (uint64_t)(options->seconds * (double)second_ns);
    if (!run_until(generator, began + length, LOAD_ENDED)) return false;
    *seconds = (double)(monotonic_ns() - began) / (double)second_ns;
    counters->measuring = false;

    /* Every session still has commands out, and the last answer finds `finishing` set and says goodbye. */
    counters->finishing = true;
    if (!run_until(generator, monotonic_ns() + LEAVE_SECONDS * second_ns, LOAD_ENDED)) return false;
    return all_at(generator, LOAD_ENDED, "no orderly end in time");
}

static void report(const struct generator *generator, double seconds) {
    const struct load_counters *counters = &generator->counters;
    printf("{\"connections\": %u, \"depth\": %u, \"commands\": %llu, \"all_commands\": %llu, \"busy\": %llu, \"seconds\": %.6f, "
           "\"commands_per_second\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"cipher\": \"%s\"}\n",
           generator->options->connections, generator->options->plan.depth,
           (unsigned long long)counters->commands, (unsigned long long)counters->all_commands,
           (unsigned long long)counters->busy, seconds,
           (double)counters->commands / seconds,
           latency_quantile(&counters->latency, 0.50) / 1000,
           latency_quantile(&counters->latency, 0.99) / 1000,
           SSL_get_cipher_name(generator->loads[0].channel.ssl));
}

int main(int count, char **arguments) {
    struct options options;
    if (!parse(count, arguments, &options)) {
        fprintf(stderr, "usage: loadgen --port P --cert F --key F --ca F --connections 1..%d --depth 1..%d "
                        "--seconds S [--device NAME] [--code N] [--reply BYTES | --read BYTES] [--waits]\n",
                CONNECTIONS_LIMIT, IN_FLIGHT_LIMIT);
        return 2;
    }
    /* The loop's own deadlines end it in time; this ends it if the loop itself is stuck. */
    alarm((unsigned)options.seconds + SETUP_SECONDS + LEAVE_SECONDS + 5);

    static struct generator generator;
    static struct load loads[CONNECTIONS_LIMIT];
    for (size_t i = 0; i < CONNECTIONS_LIMIT; i++) loads[i].fd = -1;
    generator.options = &options;
    generator.loads = loads;
    generator.epoll = epoll_create1(EPOLL_CLOEXEC);
    SSL_CTX *tls = tls_client_context(&options.files);
    double seconds = 0;
    bool good = tls != NULL && generator.epoll >= 0 && open_all(&generator, tls)
        && measure(&generator, &seconds);
    if (good && generator.counters.commands == 0) {
        fprintf(stderr, "loadgen: no command was answered in time\n");
        good = false;
    }
    if (good) report(&generator, seconds);

    for (size_t i = 0; i < CONNECTIONS_LIMIT; i++) load_close(&loads[i]);
    SSL_CTX_free(tls);
    close(generator.epoll);
    return good ? 0 : 1;
}
