/* Records what a process asks of the disk below one folder, in order: preloaded into the process under
 * test, it writes one record for each call to the file that POWER_CUT_LOG names, and passes the call on.
 * A lock is held over both, so that the order of the records is the order of the calls.
 *
 * A record: kind (1 byte), inode (8), a (8), b (8), length of name (4), name, length of data (4), data;
 * little endian. sync_file_range is recorded but is no sync: it does not reach the platter. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static char root[PATH_MAX];
static size_t root_length;
static unsigned char watched[FDS];

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("POWER_CUT_ROOT"), *path = getenv("POWER_CUT_LOG");
    if (!folder || !path || !realpath(folder, root)) return;
    root_length = strlen(root);
    out = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void put(const void *bytes, size_t length) {
    const char *at = bytes;
    while (length > 0) {
        long n = syscall(SYS_write, out, at, length);
        if (n <= 0) _exit(99);
        at += n;
        length -= n;
    }
}

static void record(char kind, uint64_t inode, uint64_t a, uint64_t b, const char *name,
                   const void *data, uint32_t length) {
    static char head[PATH_MAX + 64];
    uint32_t named = name ? strlen(name) : 0;
    char *at = head;
    *at++ = kind;
    memcpy(at, &inode, 8), at += 8;
    memcpy(at, &a, 8), at += 8;
    memcpy(at, &b, 8), at += 8;
    memcpy(at, &named, 4), at += 4;
    memcpy(at, name, named), at += named;
    memcpy(at, &length, 4), at += 4;
    put(head, at - head);
    put(data, length);
}

/* The path below the root, or nothing. */
static const char *below(int folder, const char *path, char *space) {
    char full[PATH_MAX * 2], link[64];
    if (out < 0) return NULL;
    if (path[0] == '/') {
        snprintf(full, sizeof full, "%s", path);
    } else if (folder == AT_FDCWD) {
        if (!getcwd(full, PATH_MAX)) return NULL;
        strncat(full, "/", 2), strncat(full, path, PATH_MAX - 1);
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t n = readlink(link, full, PATH_MAX);
        if (n <= 0) return NULL;
        full[n] = 0;
        strncat(full, "/", 2), strncat(full, path, PATH_MAX - 1);
    }
    if (strncmp(full, root, root_length) || full[root_length] != '/') return NULL;
    snprintf(space, PATH_MAX, "%s", full + root_length + 1);
    return space;
}

static uint64_t inode_of(int fd) {
    struct stat s;
    return fstat(fd, &s) == 0 ? s.st_ino : 0;
}

static int is_watched(int fd) { return out >= 0 && fd >= 0 && fd < FDS && watched[fd]; }

static int opened(int fd, int folder, const char *path, int flags) {
    char space[PATH_MAX];
    const char *name = below(folder, path, space);
    if (fd >= 0 && fd < FDS) {
        watched[fd] = name != NULL;
        struct stat s;
        if (name && fstat(fd, &s) == 0) {
            record(S_ISDIR(s.st_mode) ? 'D' : 'O', s.st_ino, flags & O_TRUNC ? 1 : 0, s.st_size,
                   name, NULL, 0);
        }
    }
    return fd;
}

#define LOCKED(expression) \
    pthread_mutex_lock(&lock); \
    expression; \
    int kept = errno; \
    pthread_mutex_unlock(&lock); \
    errno = kept

static int open_at(int folder, const char *path, int flags, mode_t mode) {
    LOCKED(int fd = opened(syscall(SYS_openat, folder, path, flags, mode), folder, path, flags));
    return fd;
}
#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
        va_list rest; \
        va_start(rest, flags); \
        mode = va_arg(rest, mode_t); \
        va_end(rest); \
    }
int open(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE return open_at(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE return open_at(folder, path, flags | O_LARGEFILE, mode); }

int close(int fd) {
    if (fd >= 0 && fd < FDS) watched[fd] = 0;
    return syscall(SYS_close, fd);
}

static ssize_t written(int fd, off_t at, const void *data, ssize_t n) {
    if (n > 0 && is_watched(fd)) record('W', inode_of(fd), at, 0, NULL, data, n);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off_t at) {
    LOCKED(ssize_t n = written(fd, at, data, syscall(SYS_pwrite64, fd, data, length, at)));
    return n;
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return pwrite64(fd, data, length, at); }

ssize_t write(int fd, const void *data, size_t length) {
    if (!is_watched(fd)) return syscall(SYS_write, fd, data, length);
    LOCKED(ssize_t n = syscall(SYS_write, fd, data, length);
           if (n > 0) written(fd, syscall(SYS_lseek, fd, 0, SEEK_CUR) - n, data, n));
    return n;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_watched(fd)) return syscall(SYS_writev, fd, parts, count);
    return count > 0 ? write(fd, parts[0].iov_base, parts[0].iov_len) : 0;
}

/* Copies that the kernel makes would not be seen: callers fall back to reading and writing. */
ssize_t copy_file_range(int in, off64_t *in_at, int to, off64_t *to_at, size_t n, unsigned flags) {
    if (is_watched(to)) return errno = ENOSYS, -1;
    return syscall(SYS_copy_file_range, in, in_at, to, to_at, n, flags);
}
ssize_t sendfile64(int to, int in, off64_t *at, size_t n) {
    if (is_watched(to)) return errno = EINVAL, -1;
    return syscall(SYS_sendfile, to, in, at, n);
}
ssize_t sendfile(int to, int in, off_t *at, size_t n) { return sendfile64(to, in, at, n); }

int ftruncate64(int fd, off64_t length) {
    LOCKED(int rc = syscall(SYS_ftruncate, fd, length);
           if (rc == 0 && is_watched(fd)) record('T', inode_of(fd), length, 0, NULL, NULL, 0));
    return rc;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

int fallocate64(int fd, int mode, off64_t at, off64_t length) {
    if (is_watched(fd)) return errno = EOPNOTSUPP, -1;
    return syscall(SYS_fallocate, fd, mode, at, length);
}
int fallocate(int fd, int mode, off_t at, off_t length) { return fallocate64(fd, mode, at, length); }

static int synced(int fd, long call, char kind) {
    LOCKED(int rc = syscall(call, fd);
           if (rc == 0 && is_watched(fd)) record(kind, inode_of(fd), 0, 0, NULL, NULL, 0));
    return rc;
}
int fsync(int fd) { return synced(fd, SYS_fsync, 'S'); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync, 'S'); }
int sync_file_range(int fd, off64_t at, off64_t length, unsigned flags) {
    LOCKED(int rc = syscall(SYS_sync_file_range, fd, at, length, flags);
           if (rc == 0 && is_watched(fd)) record('R', inode_of(fd), at, length, NULL, NULL, 0));
    return rc;
}

static void named(char kind, int folder, const char *path, const char *data) {
    char space[PATH_MAX];
    const char *name = below(folder, path, space);
    if (name) record(kind, 0, 0, 0, name, data, data ? strlen(data) : 0);
}

static int renamed(int from_folder, const char *from, int to_folder, const char *to) {
    char space[PATH_MAX];
    LOCKED(int rc = syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
           const char *new = below(to_folder, to, space);
           if (rc == 0 && new) named('N', from_folder, from, new));
    return rc;
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to); }
int renameat(int f, const char *from, int t, const char *to) { return renamed(f, from, t, to); }

int unlinkat(int folder, const char *path, int flags) {
    LOCKED(int rc = syscall(SYS_unlinkat, folder, path, flags);
           if (rc == 0) named(flags & AT_REMOVEDIR ? 'r' : 'U', folder, path, NULL));
    return rc;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int folder, const char *path, mode_t mode) {
    LOCKED(int rc = syscall(SYS_mkdirat, folder, path, mode);
           if (rc == 0) named('M', folder, path, NULL));
    return rc;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
