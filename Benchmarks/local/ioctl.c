#define _GNU_SOURCE /* posix_openpt */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "local.h"

/* Reading the clock costs about as much as a command, so it is read once for this many. */
enum { COMMANDS_PER_CLOCK = 256 };

bool run_ioctl(uint64_t length_ns, struct local_result *result) {
    int pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (pty < 0) {
        perror("local: posix_openpt");
        return false;
    }
    uint64_t began = monotonic_ns();
    bool good = true;
    *result = (struct local_result){0};
    while (good && result->nanoseconds < length_ns) {
        struct winsize size;
        for (int i = 0; good && i < COMMANDS_PER_CLOCK; i++) good = ioctl(pty, TIOCGWINSZ, &size) == 0;
        result->commands += COMMANDS_PER_CLOCK;
        result->nanoseconds = monotonic_ns() - began;
    }
    if (!good) perror("local: TIOCGWINSZ");
    close(pty);
    return good;
}
