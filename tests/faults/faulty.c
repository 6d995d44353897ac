/* Preloaded into a database server of the tests: fails fsync or writes of the write-ahead log while a file says so. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static int told(const char *word, int fd)
{
    const char *flag = getenv("FAULTY_FLAG");
    char said[16] = "", link[64], path[1024];
    ssize_t n;
    FILE *file;

    if (flag == NULL || access(flag, F_OK) != 0)
        return 0;
    file = fopen(flag, "r");
    if (file == NULL)
        return 0;
    if (fgets(said, sizeof said, file) == NULL)
        said[0] = 0;
    fclose(file);
    if (strcmp(said, word) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n < 0)
        return 0;
    path[n] = 0;
    return strstr(path, "/pg_wal/") != NULL;
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

int fsync(int fd)
{
    if (told("sync", fd)) { errno = EIO; return -1; }
    return REAL("fsync", int (*)(int))(fd);
}

int fdatasync(int fd)
{
    if (told("sync", fd)) { errno = EIO; return -1; }
    return REAL("fdatasync", int (*)(int))(fd);
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at)
{
    if (told("full", fd)) { errno = ENOSPC; return -1; }
    return REAL("pwrite", ssize_t (*)(int, const void *, size_t, off_t))(fd, from, size, at);
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at)
{
    if (told("full", fd)) { errno = ENOSPC; return -1; }
    return REAL("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t))(fd, from, size, at);
}
