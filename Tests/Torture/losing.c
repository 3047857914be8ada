/* Preloaded into the gateway: what was written to its audit log and not synchronized is lost when it is killed, as the page
 * cache is when a machine loses its power. write(2) keeps the bytes in memory; fdatasync(2) and fsync(2) put them into the
 * file. Now and then half of what is kept is put there, as a kernel writes back when it likes: a torn record. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILES 1024
static char *kept[FILES];
static size_t sizes[FILES];

static int is_log(int fd) {
	char link[64], path[4096];
	if (fd < 0 || fd >= FILES) return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length <= 0) return 0;
	path[length] = 0;
	return strstr(path, "/audit/audit-") != NULL;
}

static ssize_t real_write(int fd, const void *bytes, size_t count) {
	static ssize_t (*real)(int, const void *, size_t);
	if (!real) real = dlsym(RTLD_NEXT, "write");
	return real(fd, bytes, count);
}

static void put(int fd, size_t count) {
	if (count == 0 || real_write(fd, kept[fd], count) != (ssize_t)count) return;
	memmove(kept[fd], kept[fd] + count, sizes[fd] - count);
	sizes[fd] -= count;
}

ssize_t write(int fd, const void *bytes, size_t count) {
	if (!is_log(fd)) return real_write(fd, bytes, count);
	kept[fd] = realloc(kept[fd], sizes[fd] + count);
	memcpy(kept[fd] + sizes[fd], bytes, count);
	sizes[fd] += count;
	if (rand() % 512 == 0) put(fd, sizes[fd] / 2);
	return count;
}

int fdatasync(int fd) {
	static int (*real)(int);
	if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
	if (is_log(fd)) put(fd, sizes[fd]);
	return real(fd);
}

int fsync(int fd) {
	static int (*real)(int);
	if (!real) real = dlsym(RTLD_NEXT, "fsync");
	if (is_log(fd)) put(fd, sizes[fd]);
	return real(fd);
}
