/* The adaptor to libfcgi. Nothing here knows HTTP beyond "variables, a body, an answer".
 *
 * libfcgi waits without an end for whatever a peer leaves out. So connections are accepted and
 * closed here, and given time-outs that end each of its reads and writes; a timer shuts the
 * connection down under a peer that keeps every time-out and still never comes to an end. */
#include "web/fcgi.h"

#include <errno.h>
#include <fcgiapp.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "tintype/log.h"

#define CUT_SIGNAL SIGRTMIN
/* A web server that has the whole answer closes the connection, at the latest after what it was
 * about to send. */
#define LAST_SILENCE_MS 2000
/* A client that is faster than this (1 MiB/s) is not slow, and has its worker back to work soon.
 * Web servers under load are faster too, and are not to be taken for slow clients. */
#define SLOW_BYTES_PER_MS 1024

struct tt_fcgi {
    struct tt_fcgi_plan plan;
    int epoll_fd;
    timer_t timer;
    bool has_timer;
    int64_t leave_at_ms; /* monotonic, as all times here; 0 until SIGTERM was seen */
    int64_t give_up_ms;  /* when the request at hand has to be read */
    int64_t wait_began_ms;
    int64_t waited_ms; /* for the peer of the request at hand, beyond what its bytes may take */
    FCGX_Request request;
    bool is_late; /* the request was not read in time */
    bool write_failed;
};

static volatile sig_atomic_t leave_asked;

/* The connection that is being read, for the timer's handler. */
static volatile sig_atomic_t cut_fd = -1;
static volatile sig_atomic_t cut_how; /* of shutdown(2) */
static volatile sig_atomic_t was_cut;

static void ask_to_leave(int signal_number) {
    (void)signal_number;
    leave_asked = 1;
}

/* The read in progress ends, and so does every later one: a mere interruption would be lost on a
 * reader that is just between two of them. */
static void cut_connection(int signal_number) {
    int saved_errno = errno;
    (void)signal_number;
    was_cut = 1;
    shutdown(cut_fd, cut_how);
    errno = saved_errno;
}

static bool open_timer(struct tt_fcgi *fcgi) {
    struct sigaction action = {.sa_handler = cut_connection, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = CUT_SIGNAL};
    sigset_t cut_only;
    sigemptyset(&cut_only);
    sigaddset(&cut_only, CUT_SIGNAL);
    fcgi->has_timer = sigaction(CUT_SIGNAL, &action, NULL) == 0 &&
                      sigprocmask(SIG_UNBLOCK, &cut_only, NULL) == 0 &&
                      timer_create(CLOCK_MONOTONIC, &event, &fcgi->timer) == 0;
    return fcgi->has_timer;
}

/* An at_ms of 0 disarms the timer. */
static void set_timer(struct tt_fcgi *fcgi, int64_t at_ms) {
    struct itimerspec at = {.it_value = {at_ms / 1000, at_ms % 1000 * 1000000}};
    timer_settime(fcgi->timer, TIMER_ABSTIME, &at, NULL);
}

/* Between these two the worker does nothing but wait for its peer, which sends or takes so many
 * bytes meanwhile. */
static void waiting_begins(struct tt_fcgi *fcgi) {
    fcgi->wait_began_ms = tt_clock_monotonic_ms();
    tt_post_wait(fcgi->plan.post, fcgi->wait_began_ms - fcgi->waited_ms);
}

static void waiting_ended(struct tt_fcgi *fcgi, size_t bytes) {
    fcgi->waited_ms += tt_clock_monotonic_ms() - fcgi->wait_began_ms;
    fcgi->waited_ms -= (int64_t)bytes / SLOW_BYTES_PER_MS;
    if (fcgi->waited_ms < 0)
        fcgi->waited_ms = 0;
    tt_post_wait(fcgi->plan.post, 0);
}

/* From here to reading_ended the connection is shut down (how is that of shutdown(2)) when the
 * request is late. */
static void reading_begins(struct tt_fcgi *fcgi, int how) {
    was_cut = 0;
    cut_how = how;
    cut_fd = fcgi->request.ipcFd;
    set_timer(fcgi, fcgi->give_up_ms);
    waiting_begins(fcgi);
}

/* Returns whether it ended in time. */
static bool reading_ended(struct tt_fcgi *fcgi, size_t bytes) {
    waiting_ended(fcgi, bytes);
    set_timer(fcgi, 0);
    cut_fd = -1;
    return !was_cut;
}

/* With EPOLLEXCLUSIVE a connection wakes one idle worker and not all of them. */
static bool watch(struct tt_fcgi *fcgi, int listen_fd) {
    fcgi->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (fcgi->epoll_fd < 0)
        return false;
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE};
    return epoll_ctl(fcgi->epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) == 0;
}

struct tt_fcgi *tt_fcgi_new(const struct tt_fcgi_plan *plan) {
    struct sigaction action = {.sa_handler = ask_to_leave};
    struct tt_fcgi *fcgi = calloc(1, sizeof *fcgi);
    if (!fcgi) {
        tt_err_fail_errno(TT_ERR_SYSTEM, "FastCGI adaptor");
        return NULL;
    }
    fcgi->plan = *plan;
    fcgi->epoll_fd = -1;
    fcgi->request.ipcFd = -1; /* FCGX_Free closes it, whatever it is */
    /* Without a listening socket libfcgi cannot accept a connection of its own, which would have no
     * time-outs, when one that it was given ends. */
    if (sigaction(SIGTERM, &action, NULL) != 0 || !watch(fcgi, plan->listen_fd) ||
        !open_timer(fcgi) || FCGX_Init() != 0 || FCGX_InitRequest(&fcgi->request, -1, 0) != 0) {
        tt_err_fail_errno(TT_ERR_SYSTEM, "cannot listen on descriptor %d", plan->listen_fd);
        tt_fcgi_free(fcgi);
        return NULL;
    }
    return fcgi;
}

void tt_fcgi_free(struct tt_fcgi *fcgi) {
    if (!fcgi)
        return;
    FCGX_Free(&fcgi->request, 1);
    if (fcgi->has_timer)
        timer_delete(fcgi->timer);
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
        fcgi->leave_at_ms = now_ms + fcgi->plan.linger_ms;
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
    return fcgi->plan.latecomer_ms > 0 && !is_linger_over(fcgi) &&
           epoll_wait(fcgi->epoll_fd, &event, 1, fcgi->plan.latecomer_ms) == 1;
}

static bool set_timeouts(int fd, int64_t idle_ms) {
    const struct timeval idle = {.tv_sec = idle_ms / 1000, .tv_usec = idle_ms % 1000 * 1000};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &idle, sizeof idle) == 0;
}

/* Sets *fd to -1 where there is nothing to accept any more: another worker was faster, or the peer
 * went away. */
static enum tt_err accept_connection(struct tt_fcgi *fcgi, int *fd) {
    const int on = 1;
    *fd = accept4(fcgi->plan.listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (*fd < 0 && (errno == EBADF || errno == ENOTSOCK || errno == EINVAL))
        return tt_err_fail_errno(TT_ERR_SYSTEM, "accept");
    if (*fd < 0)
        return TT_OK;
    tt_post_busy(fcgi->plan.post);
    /* An answer over TCP is not held back for more of it; on a Unix socket this call has no
     * effect. */
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!set_timeouts(*fd, fcgi->plan.idle_ms)) {
        close(*fd);
        *fd = -1;
    }
    return TT_OK;
}

/* Reads the variables of a request from a new connection; false when that brought none, and is
 * closed. */
static bool read_variables(struct tt_fcgi *fcgi, int fd) {
    int64_t began_ms = tt_clock_monotonic_ms();
    fcgi->give_up_ms = began_ms + fcgi->plan.request_ms;
    fcgi->waited_ms = 0;
    fcgi->is_late = false;
    fcgi->write_failed = false;
    fcgi->request.ipcFd = fd;
    fcgi->request.keepConnection = 1; /* else FCGX_Accept_r begins by closing it */
    FCGX_Detach(&fcgi->request);      /* libfcgi's own close waits for a peer that trickles */
    reading_begins(fcgi, SHUT_RDWR);
    int accepted = FCGX_Accept_r(&fcgi->request);
    bool in_time = reading_ended(fcgi, 0);
    /* libfcgi takes variables that broke off for all of them. */
    if (accepted == 0 && in_time && FCGX_GetError(fcgi->request.in) == 0)
        return true;
    FCGX_Free(&fcgi->request, 1);
    int64_t took_ms = tt_clock_monotonic_ms() - began_ms;
    if (took_ms >= fcgi->plan.idle_ms)
        tt_log(TT_LOG_WARNING, "a connection was closed that brought no whole request in %lld ms",
               (long long)took_ms);
    return false;
}

enum tt_err tt_fcgi_accept(struct tt_fcgi *fcgi, bool *leave) {
    for (;;) {
        int fd = -1;
        tt_post_idle(fcgi->plan.post);
        *leave = is_time_to_leave(fcgi);
        if (*leave)
            return TT_OK;
        enum tt_err err = leave_asked ? TT_OK : wait_for_connection(fcgi);
        *leave = leave_asked && !has_latecomer(fcgi);
        if (err != TT_OK || *leave)
            return err;
        err = accept_connection(fcgi, &fd);
        if (err != TT_OK || (fd >= 0 && read_variables(fcgi, fd)))
            return err;
    }
}

const char *tt_fcgi_param(struct tt_fcgi *fcgi, const char *name) {
    return FCGX_GetParam(name, fcgi->request.envp);
}

enum tt_err tt_fcgi_read(struct tt_fcgi *fcgi, uint8_t *bytes, size_t size, size_t *got) {
    int wanted = size > INT_MAX ? INT_MAX : (int)size;
    reading_begins(fcgi, SHUT_RD); /* an answer can still be sent */
    int count = FCGX_GetStr((char *)bytes, wanted, fcgi->request.in);
    *got = count > 0 ? (size_t)count : 0;
    bool in_time = reading_ended(fcgi, *got);
    int error = count < wanted ? FCGX_GetError(fcgi->request.in) : 0;
    if (error == 0)
        return TT_OK;
    fcgi->is_late = !in_time || error == EAGAIN;
    if (!in_time)
        return tt_err_refuse(TT_ERR_REQUEST_TIMEOUT,
                             "The request had not come whole after %lld seconds. Send it over a "
                             "faster connection, or send a smaller file.",
                             (long long)fcgi->plan.request_ms / 1000);
    if (fcgi->is_late)
        return tt_err_refuse(TT_ERR_REQUEST_TIMEOUT,
                             "No more of the body came for %lld seconds. Send the request again.",
                             (long long)fcgi->plan.idle_ms / 1000);
    return tt_err_fail(TT_ERR_BODY_INCOMPLETE, "the web server ended the body early (%d)", error);
}

/* The connection is shut down at once, so that none of the writes by which libfcgi ends a request
 * waits for that peer again. */
static void fail_to_write(struct tt_fcgi *fcgi) {
    fcgi->write_failed = true;
    shutdown(fcgi->request.ipcFd, SHUT_RDWR);
}

void tt_fcgi_write(struct tt_fcgi *fcgi, const void *bytes, size_t length) {
    const char *next = bytes;
    size_t left = length;
    waiting_begins(fcgi);
    while (left > 0 && !fcgi->write_failed) {
        int piece = left > INT_MAX ? INT_MAX : (int)left;
        if (FCGX_PutStr(next, piece, fcgi->request.out) != piece)
            fail_to_write(fcgi);
        next += piece;
        left -= (size_t)piece;
    }
    waiting_ended(fcgi, length);
}

/* Reads what a web server still sends of a body that was not asked for: a close before that would
 * break its write, and with it its reading of the answer. */
static void await_close(struct tt_fcgi *fcgi) {
    char ignored[16384];
    struct pollfd peer = {.fd = fcgi->request.ipcFd, .events = POLLIN};
    int64_t end_ms = tt_clock_monotonic_ms() + fcgi->plan.idle_ms;
    shutdown(peer.fd, SHUT_WR);
    for (;;) {
        int64_t left_ms = end_ms - tt_clock_monotonic_ms();
        int wait_ms = left_ms < LAST_SILENCE_MS ? (int)left_ms : LAST_SILENCE_MS;
        if (left_ms <= 0 || poll(&peer, 1, wait_ms) <= 0 ||
            read(peer.fd, ignored, sizeof ignored) <= 0)
            return;
    }
}

bool tt_fcgi_finish(struct tt_fcgi *fcgi) {
    waiting_begins(fcgi);
    if (!fcgi->write_failed && FCGX_FFlush(fcgi->request.out) != 0)
        fail_to_write(fcgi);
    /* Only the records that end the request are left. */
    FCGX_FClose(fcgi->request.err);
    if (FCGX_FClose(fcgi->request.out) != 0)
        fcgi->write_failed = true;
    if (!fcgi->write_failed && !fcgi->is_late)
        await_close(fcgi);
    waiting_ended(fcgi, 0);
    FCGX_Detach(&fcgi->request);
    FCGX_Free(&fcgi->request, 1);
    return !fcgi->write_failed;
}
