/* The adaptor to libfcgi. Nothing here knows HTTP beyond "variables, a body, an answer". */
#include "web/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tintype/clock.h"

struct tt_fcgi {
    int epoll_fd;
    int64_t linger_ms;
    int latecomer_ms;
    int64_t leave_at_ms; /* monotonic; 0 until SIGTERM was seen */
    FCGX_Request request;
    bool write_failed;
};

static volatile sig_atomic_t leave_asked;

static void ask_to_leave(int signal_number) {
    (void)signal_number;
    leave_asked = 1;
}

/* With EPOLLEXCLUSIVE a connection wakes one idle worker and not all of them. */
static bool watch(struct tt_fcgi *fcgi, int listen_fd) {
    fcgi->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fcgi->epoll_fd < 0)
        return false;
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    return epoll_ctl(fcgi->epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) == 0;
}

struct tt_fcgi *tt_fcgi_new(int listen_fd, int64_t linger_ms, int latecomer_ms) {
    struct sigaction action = {.sa_handler = ask_to_leave};
    struct tt_fcgi *fcgi = calloc(1, sizeof *fcgi);
    if (!fcgi) {
        tt_err_fail_errno(TT_ERR_SYSTEM, "FastCGI adaptor");
        return NULL;
    }
    fcgi->epoll_fd = -1;
    fcgi->linger_ms = linger_ms;
    fcgi->latecomer_ms = latecomer_ms;
    fcgi->request.ipcFd = -1; /* FCGX_Free closes it, whatever it is */
    if (sigaction(SIGTERM, &action, NULL) != 0 || !watch(fcgi, listen_fd) || FCGX_Init() != 0 ||
        FCGX_InitRequest(&fcgi->request, listen_fd, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
        tt_err_fail_errno(TT_ERR_SYSTEM, "cannot listen on descriptor %d", listen_fd);
        tt_fcgi_free(fcgi);
        return NULL;
    }
    return fcgi;
}

void tt_fcgi_free(struct tt_fcgi *fcgi) {
    if (!fcgi)
        return;
    FCGX_Free(&fcgi->request, 1);
    if (fcgi->epoll_fd >= 0)
        close(fcgi->epoll_fd);
    free(fcgi);
}

/* SIGTERM is let in here alone, so it never meets a request in progress. */
static enum tt_err wait_for_connection(struct tt_fcgi *fcgi) {
    sigset_t without_term;
    struct epoll_event event;
    sigprocmask(SIG_SETMASK, NULL, &without_term);
    sigdelset(&without_term, SIGTERM);
    if (epoll_pwait(fcgi->epoll_fd, &event, 1, -1, &without_term) < 0 && errno != EINTR)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "waiting for a connection");
    return TT_OK;
}

static bool is_linger_over(struct tt_fcgi *fcgi) {
    int64_t now_ms = tt_clock_monotonic_ms();
    if (fcgi->leave_at_ms == 0)
        fcgi->leave_at_ms = now_ms + fcgi->linger_ms;
    return now_ms >= fcgi->leave_at_ms;
}

/* While connections wait, epoll_pwait does not sleep and SIGTERM stays pending. Those connections
 * are not to be lost, but under load there would be no end of them: so they are served for
 * linger_ms. This is asked before the wait: leaving after it would lose the wake-up that no other
 * worker got. */
static bool is_time_to_leave(struct tt_fcgi *fcgi) {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGTERM) == 1 && is_linger_over(fcgi);
}

/* A web server may have chosen this process and be connecting to it while SIGTERM comes. Where no
 * other process accepts on the socket, it would be left without an answer. */
static bool has_latecomer(struct tt_fcgi *fcgi) {
    struct epoll_event event;
    return fcgi->latecomer_ms > 0 && !is_linger_over(fcgi) &&
           epoll_wait(fcgi->epoll_fd, &event, 1, fcgi->latecomer_ms) == 1;
}

enum tt_err tt_fcgi_accept(struct tt_fcgi *fcgi, bool *leave) {
    fcgi->write_failed = false;
    for (;;) {
        *leave = is_time_to_leave(fcgi);
        if (*leave)
            return TT_OK;
        enum tt_err err = leave_asked ? TT_OK : wait_for_connection(fcgi);
        *leave = leave_asked && !has_latecomer(fcgi);
        if (err != TT_OK || *leave)
            return err;
        int accepted = FCGX_Accept_r(&fcgi->request);
        if (accepted == 0)
            return TT_OK;
        /* Another worker was faster, or the peer went away, so the wait begins again. libfcgi gives
         * -errno for a failed accept and -1 for a connection that broke. */
        if (accepted == -EBADF || accepted == -ENOTSOCK || accepted == -EINVAL) {
            errno = -accepted;
            return tt_err_fail_errno(TT_ERR_SYSTEM, "accept");
        }
    }
}

const char *tt_fcgi_param(struct tt_fcgi *fcgi, const char *name) {
    return FCGX_GetParam(name, fcgi->request.envp);
}

enum tt_err tt_fcgi_read(struct tt_fcgi *fcgi, uint8_t *bytes, size_t size, size_t *got) {
    int wanted = size > INT_MAX ? INT_MAX : (int)size;
    int count = FCGX_GetStr((char *)bytes, wanted, fcgi->request.in);
    *got = count > 0 ? (size_t)count : 0;
    if (count < wanted && FCGX_GetError(fcgi->request.in) != 0)
        return tt_err_fail(TT_ERR_BODY_INCOMPLETE, "the web server ended the body early (%d)",
                           FCGX_GetError(fcgi->request.in));
    return TT_OK;
}

void tt_fcgi_write(struct tt_fcgi *fcgi, const void *bytes, size_t length) {
    const char *next = bytes;
    while (length > 0 && !fcgi->write_failed) {
        int piece = length > INT_MAX ? INT_MAX : (int)length;
        if (FCGX_PutStr(next, piece, fcgi->request.out) != piece)
            fcgi->write_failed = true;
        next += piece;
        length -= (size_t)piece;
    }
}

bool tt_fcgi_finish(struct tt_fcgi *fcgi) {
    if (FCGX_FFlush(fcgi->request.out) != 0)
        fcgi->write_failed = true;
    fcgi->request.keepConnection = 0;
    FCGX_Finish_r(&fcgi->request);
    return !fcgi->write_failed;
}
