/* limit-server --cert F --key F --ca F --port-file F [--port N] */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server.h"

struct options {
    struct tls_files files;
    const char *port_file;
    uint16_t port;
};

static bool parse(int count, char **arguments, struct options *options) {
    static const struct option known[] = {
        {"cert", required_argument, NULL, 'c'}, {"key", required_argument, NULL, 'k'},
        {"ca", required_argument, NULL, 'a'},   {"port-file", required_argument, NULL, 'f'},
        {"port", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(count, arguments, "", known, NULL)) != -1) {
        switch (option) {
        case 'c': options->files.certificate = optarg; break;
        case 'k': options->files.key = optarg; break;
        case 'a': options->files.authority = optarg; break;
        case 'f': options->port_file = optarg; break;
        case 'p': {
            char *end = NULL;
            unsigned long port = strtoul(optarg, &end, 10);
            if (*optarg == '\0' || *end != '\0' || port > 65535) return false;
            options->port = (uint16_t)port;
            break;
        }
        default: return false;
        }
    }
    return optind == count && options->files.certificate != NULL && options->files.key != NULL
        && options->files.authority != NULL && options->port_file != NULL;
}

/* By way of a second name, so that whoever waits for the file never reads half a number. */
static bool write_port(const char *path, int listener) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    char written[4096];
    if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) return false;
    int name_length = snprintf(written, sizeof written, "%s.new", path);
    if (name_length < 0 || (size_t)name_length >= sizeof written) return false;
    FILE *file = fopen(written, "w");
    if (file == NULL) return false;
    bool complete = fprintf(file, "%u\n", ntohs(address.sin_port)) > 0;
    complete = fclose(file) == 0 && complete;
    return complete && rename(written, path) == 0;
}

int main(int count, char **arguments) {
    struct options options = {0};
    if (!parse(count, arguments, &options)) {
        fprintf(stderr, "usage: limit-server --cert F --key F --ca F --port-file F [--port N]\n");
        return 2;
    }
    static struct server server;
    bool good = server_start(&server, &options.files, options.port);
    if (good && !write_port(options.port_file, server.listener)) {
        fprintf(stderr, "limit-server: %s: %s\n", options.port_file, strerror(errno));
        good = false;
    }
    if (good) {
        printf("ring flags: SINGLE_ISSUER|DEFER_TASKRUN|SUBMIT_ALL\n");
        fflush(stdout);
        good = server_run(&server);
    }
    server_stop(&server);
    return good ? 0 : 1;
}
