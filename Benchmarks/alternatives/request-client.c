/* request-client PORT SECONDS
 *
 * One request after the other against request-server; one line of JSON. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#include "request.h"

enum { TIMES_LIMIT = 1 << 22 };
static const double warm_up_seconds = 0.3;
static double times[TIMES_LIMIT];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(int count, char **arguments) {
    double seconds = count == 3 ? atof(arguments[2]) : 0;
    if (seconds <= 0 || seconds > 3600) {
        fprintf(stderr, "usage: request-client PORT SECONDS\n");
        return 64;
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("request-client");
        return 1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    double begin = now() + warm_up_seconds, end = begin + seconds;
    size_t calls = 0;
    for (double sent = now(); sent < end && calls < TIMES_LIMIT;) {
        struct request request = {.code = TIOCGWINSZ};
        struct response response;
        if (!send_all(fd, &request, sizeof request) || !receive_all(fd, &response, sizeof response)
            || response.result != 0) {
            fprintf(stderr, "request-client: a request failed\n");
            return 1;
        }
        double answered = now();
        if (sent >= begin) times[calls++] = answered - sent;
        sent = answered;
    }
    if (calls == 0) return 1;
    qsort(times, calls, sizeof times[0], ascending);
    printf("{\"connections\": 1, \"depth\": 1, \"commands\": %zu, \"seconds\": %.6f, \"commands_per_second\": %.1f, "
           "\"p50_us\": %.2f, \"p99_us\": %.2f}\n",
           calls, now() - begin, (double)calls / (now() - begin), times[calls / 2] * 1e6,
           times[calls * 99 / 100] * 1e6);
    return 0;
}
