/* File operations that finish what they start. Which files there are is for src/store to know. */
#include "tintype/file.h"

#include <errno.h>
#include <unistd.h>

enum tt_err tt_file_write(int fd, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0) {
        ssize_t written = write(fd, next, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return tt_err_fail_errno(TT_ERR_STORAGE, "write");
        next += written;
        length -= (size_t)written;
    }
    return TT_OK;
}

enum tt_err tt_file_read_at(int fd, off_t offset, void *bytes, size_t length, size_t *got) {
    char *next = bytes;
    *got = 0;
    while (*got < length) {
        ssize_t count = pread(fd, next + *got, length - *got, offset + (off_t)*got);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return tt_err_fail_errno(TT_ERR_STORAGE, "pread");
        if (count == 0)
            break;
        *got += (size_t)count;
    }
    return TT_OK;
}

static enum tt_err sync_with(int (*sync_fd)(int fd), int fd, const char *name) {
    int result;
    do {
        result = sync_fd(fd);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? TT_OK : tt_err_fail_errno(TT_ERR_STORAGE, "%s", name);
}

enum tt_err tt_file_sync(int fd) {
    return sync_with(fdatasync, fd, "fdatasync");
}

enum tt_err tt_file_sync_dir(int dir_fd) {
    return sync_with(fsync, dir_fd, "fsync of a directory");
}

void tt_file_close(int *fd) {
    if (*fd < 0)
        return;
    /* Linux frees the descriptor whatever close(2) returns, and a failed write-back was seen by the
     * sync before it, so the result says nothing new. */
    close(*fd);
    *fd = -1;
}
