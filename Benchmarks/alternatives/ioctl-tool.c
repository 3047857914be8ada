/* ioctl-tool DEVICE: one TIOCGWINSZ, as a program that is run over ssh for each call. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

int main(int count, char **arguments) {
    struct winsize size;
    int device = count == 2 ? open(arguments[1], O_RDWR | O_NOCTTY) : -1;
    if (device < 0 || ioctl(device, TIOCGWINSZ, &size) != 0) {
        perror("ioctl-tool");
        return 1;
    }
    printf("%u %u\n", size.ws_row, size.ws_col);
    return 0;
}
