/* Listening socket: handed over by whoever started the process, or made. Accepting on it is not
 * done here. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tintype/file.h"
#include "tintype/log.h"
#include "tintype/process.h"
#include "tintype/text.h"

/* More than any web server opens at once; net.core.somaxconn caps it. */
#define BACKLOG 1024

#define SYSTEMD_FIRST_FD 3 /* sd_listen_fds(3), SD_LISTEN_FDS_START */

static bool is_listening(int fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

int tt_listen_passed_count(void) {
    const char *pid_text = getenv("LISTEN_PID");
    const char *count_text = getenv("LISTEN_FDS");
    int64_t pid, count;
    bool is_ours = pid_text && count_text && tt_text_parse_int(pid_text, 1, INT32_MAX, &pid) &&
                   tt_text_parse_int(count_text, 1, INT16_MAX, &count) && pid == getpid();
    return is_ours ? (int)count : 0;
}

bool tt_listen_is_given(void) {
    return is_listening(STDIN_FILENO) ||
           (tt_listen_passed_count() > 0 && is_listening(SYSTEMD_FIRST_FD));
}

/* Returns the first of the sockets that systemd has passed, else -1. The variables are removed, so
 * that no child takes the descriptors for its own. */
static int systemd_socket(void) {
    int count = tt_listen_passed_count();
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (count == 0 || !is_listening(SYSTEMD_FIRST_FD))
        return -1;
    if (count > 1)
        tt_log(TT_LOG_WARNING, "%d sockets were passed in; only the first is used", count);
    return SYSTEMD_FIRST_FD;
}

/* Makes way for a socket at address, or says why not: what is there may be in use, or no socket at
 * all (connect gives ECONNREFUSED for any file, so that is asked first). */
static enum tt_err clear_path(const struct sockaddr_un *address) {
    const char *path = address->sun_path;
    struct stat status;
    if (lstat(path, &status) < 0) {
        if (errno == ENOENT)
            return TT_OK;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "cannot listen on %s", path);
    }
    if (!S_ISSOCK(status.st_mode))
        return tt_err_fail(TT_ERR_SYSTEM, "cannot listen on %s: it exists and is no socket", path);

    /* The socket does not block, as a live server whose backlog is full must not hold this one up.
     */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "socket");
    int failed = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int connect_errno = errno;
    tt_file_close(&fd);
    if (!failed || connect_errno == EAGAIN)
        return tt_err_fail(TT_ERR_SYSTEM, "cannot listen on %s: it is in use", path);
    if (connect_errno != ECONNREFUSED && connect_errno != ENOENT) {
        errno = connect_errno;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "cannot tell whether %s is in use", path);
    }
    if (unlink(path) < 0 && errno != ENOENT)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "cannot replace the stale socket %s", path);
    return TT_OK;
}

static enum tt_err make_socket(int *made_fd, const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path)
        return tt_err_fail(TT_ERR_SYSTEM,
                           "cannot listen on '%s': a path of 1 to %zu bytes is needed", path,
                           sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, length + 1);
    enum tt_err err = clear_path(&address);
    if (err != TT_OK)
        return err;

    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "socket");
    /* The umask gives the file its mode from the first moment: owner and group may connect. */
    mode_t mask = umask(0117);
    int failed = bind(fd, (const struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (failed && errno == ENOENT)
        err = tt_err_fail(TT_ERR_SYSTEM, "cannot listen on %s: its directory does not exist", path);
    else if (failed)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "cannot listen on %s", path);
    else if (listen(fd, BACKLOG) < 0) {
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "listen on %s", path);
        unlink(path);
    }
    if (err != TT_OK)
        tt_file_close(&fd);
    *made_fd = fd;
    return err;
}

static enum tt_err set_flags(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "fcntl on the listening socket");
    return TT_OK;
}

enum tt_err tt_listen_open(int *fd, bool *made, const char *path) {
    *made = false;
    *fd = is_listening(STDIN_FILENO) ? STDIN_FILENO : systemd_socket();
    if (*fd < 0) {
        enum tt_err err = make_socket(fd, path);
        if (err != TT_OK)
            return err;
        *made = true;
    }
    enum tt_err err = set_flags(*fd);
    if (err != TT_OK && *made) {
        unlink(path);
        *made = false;
        tt_file_close(fd);
    }
    return err;
}
