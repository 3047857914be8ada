/*
 * A keyboard of the lab, made by uinput: each line on standard input presses and releases the key A.
 */
#include <linux/uinput.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int emit(int device, int type, int code, int value)
{
	struct input_event event = { .type = type, .code = code, .value = value };

	return write(device, &event, sizeof event) == sizeof event ? 0 : -1;
}

static int press(int device, int value)
{
	return emit(device, EV_KEY, KEY_A, value) || emit(device, EV_SYN, SYN_REPORT, 0);
}

int main(void)
{
	struct uinput_setup setup = { .id = { .bustype = BUS_USB, .vendor = 0x1209, .product = 1 } };
	int device = open("/dev/uinput", O_WRONLY | O_CLOEXEC);
	int byte;

	strcpy(setup.name, "lab-keys");
	if (device < 0 || ioctl(device, UI_SET_EVBIT, EV_KEY) || ioctl(device, UI_SET_KEYBIT, KEY_A) ||
	    ioctl(device, UI_DEV_SETUP, &setup) || ioctl(device, UI_DEV_CREATE)) {
		perror("keys");
		return 1;
	}
	while ((byte = getchar()) != EOF) {
		if (byte == '\n' && (press(device, 1) || press(device, 0))) {
			perror("keys");
			return 1;
		}
	}
	return 0;
}
