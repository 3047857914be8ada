/* request-server DEVICE --port-file FILE
 *
 * Answers one client at a time on 127.0.0.1, without TLS: each request is one ioctl(2) with eight bytes of reply.
 * Ends with SIGTERM. */
#define _GNU_SOURCE /* accept4 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "request.h"

static void serve(int client, int device) {
    struct request request;
    while (receive_all(client, &request, sizeof request)) {
        struct response response = {0};
        if (request.code != TIOCGWINSZ) response.result = -EINVAL;
        else if (ioctl(device, TIOCGWINSZ, response.reply) != 0) response.result = -errno;
        if (!send_all(client, &response, sizeof response)) return;
    }
}

/* The file is there only when its content is. */
static bool write_port(const char *path, uint16_t port) {
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary) return false;
    FILE *file = fopen(temporary, "w");
    if (file == NULL) return false;
    fprintf(file, "%u\n", port);
    return fclose(file) == 0 && rename(temporary, path) == 0;
}

int main(int count, char **arguments) {
    if (count != 4 || strcmp(arguments[2], "--port-file") != 0) {
        fprintf(stderr, "usage: request-server DEVICE --port-file FILE\n");
        return 64;
    }
    int device = open(arguments[1], O_RDWR | O_NOCTTY | O_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (device < 0 || listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0
        || listen(listener, 8) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0
        || !write_port(arguments[3], ntohs(address.sin_port))) {
        perror("request-server");
        return 1;
    }
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        serve(client, device);
        close(client);
    }
}
