/* Spawner: a process that forks children for another, and waits for them. How orders with their
 * descriptors reach it, and how outcomes come back, is here; what a child may and must do is in
 * child.c. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc/confine.h"
#include "tintype/file.h"
#include "tintype/log.h"
#include "tintype/process.h"

/* A spawner may take this long beyond its child's time, to end one that does not end by itself. */
#define PATIENCE_SECONDS 5

/* These go over the socket, each whole or not at all (SOCK_SEQPACKET). Both ends are one program.
 */
struct order {
    struct tt_child_limits limits;
};

/* This word ends the child. It is shorter than an order. */
#define END_WORD "."

struct outcome {
    enum tt_err err;
    struct tt_child_end end;
};

/* An order on its way has its descriptors beside it (unix(7), SCM_RIGHTS). */
struct parcel {
    struct msghdr message;
    struct iovec bytes;
    alignas(struct cmsghdr) char control[CMSG_SPACE(TT_CHILD_KEEP_MAX * sizeof(int))];
};

static void parcel_init(struct parcel *parcel, struct order *order) {
    memset(parcel, 0, sizeof *parcel);
    parcel->bytes = (struct iovec){order, sizeof *order};
    parcel->message.msg_iov = &parcel->bytes;
    parcel->message.msg_iovlen = 1;
    parcel->message.msg_control = parcel->control;
    parcel->message.msg_controllen = sizeof parcel->control;
}

/* ---- in the spawner ---- */

struct delivery {
    const struct tt_spawner_job *job;
    int fds[TT_CHILD_KEEP_MAX];
    int count;
};

static int run_in_child(void *context) {
    const struct delivery *delivery = context;
    return delivery->job->run(delivery->job->context, delivery->fds, delivery->count);
}

/* Returns false at the end of the orders, and where one came without all of its descriptors. What
 * was still to be told to the child before, which has ended, is left out. */
static bool receive(int fd, struct order *order, struct delivery *delivery) {
    struct parcel parcel;
    ssize_t got;
    do {
        parcel_init(&parcel, order);
        got = recvmsg(fd, &parcel.message, MSG_CMSG_CLOEXEC);
    } while ((got < 0 && errno == EINTR) || got == sizeof END_WORD - 1);
    if (got != sizeof *order)
        return false;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
    if (!header || header->cmsg_type != SCM_RIGHTS ||
        (parcel.message.msg_flags & MSG_CTRUNC) != 0) {
        tt_log(TT_LOG_ERROR, "an order for a child came without all of its descriptors");
        return false;
    }
    delivery->count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(delivery->fds, CMSG_DATA(header), (size_t)delivery->count * sizeof(int));
    return true;
}

/* The child has the descriptors then, and whoever waits for the end of one hears it in time. */
static void close_fds(struct delivery *delivery) {
    for (int i = 0; i < delivery->count; i++)
        tt_file_close(&delivery->fds[i]);
}

static struct outcome carry_out(int fd, const struct order *order, struct delivery *delivery) {
    const struct tt_spawner_job *job = delivery->job;
    struct tt_child child = {0};
    struct outcome outcome = {0};
    if (job->prepare)
        job->prepare(job->context, delivery->fds, delivery->count);
    outcome.err = tt_child_start(&child, &order->limits, delivery->fds, delivery->count,
                                 run_in_child, delivery);
    close_fds(delivery);
    if (outcome.err != TT_OK)
        outcome.err = TT_ERR_NO_MEMORY;
    else
        outcome.err = tt_child_wait(&child, fd, &outcome.end);
    if (outcome.err != TT_OK)
        tt_log(TT_LOG_ERROR, "a child process: %s", tt_err_take(outcome.err).cause);
    return outcome;
}

static int serve(int fd, const struct tt_spawner_job *job) {
    struct order order;
    struct delivery delivery = {.job = job};
    while (receive(fd, &order, &delivery)) {
        struct outcome outcome = carry_out(fd, &order, &delivery);
        if (send(fd, &outcome, sizeof outcome, MSG_NOSIGNAL) != sizeof outcome)
            break;
    }
    return 0;
}

/* ---- in the one it works for ---- */

enum tt_err tt_spawner_open(struct tt_spawner *spawner, const struct tt_spawner_job *job) {
    int fds[2];
    *spawner = (struct tt_spawner){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "socketpair");
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        enum tt_err err = tt_confine_join(parent, &fds[1], 1);
        if (err != TT_OK) {
            tt_log(TT_LOG_ERROR, "a spawner cannot start: %s", tt_err_take(err).cause);
            _exit(TT_CHILD_UNLIMITED);
        }
        _exit(serve(fds[1], job));
    }
    int fork_errno = errno;
    tt_file_close(&fds[1]);
    if (pid < 0) {
        tt_file_close(&fds[0]);
        errno = fork_errno;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "fork");
    }
    spawner->pid = pid;
    spawner->fd = fds[0];
    return TT_OK;
}

/* Returns the status as wait(2) has it: of this end, or of the one that the process had before. A
 * worker in its role may send no signal: the spawner then ends for want of orders, or with the
 * worker, and is waited for only where it has let go of its socket, which it does when it ends. */
static int end_process(struct tt_spawner *spawner, bool has_ended) {
    int status = 0;
    tt_file_close(&spawner->fd);
    bool ends = kill(spawner->pid, SIGKILL) == 0 || has_ended;
    while (ends && waitpid(spawner->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    spawner->pid = 0;
    return status;
}

void tt_spawner_close(struct tt_spawner *spawner) {
    if (spawner->pid > 0)
        end_process(spawner, false);
}

static enum tt_err send_order(struct tt_spawner *spawner, struct order *order, const int *fds,
                              int count) {
    struct parcel parcel;
    size_t fds_bytes = (size_t)count * sizeof *fds;
    parcel_init(&parcel, order);
    parcel.message.msg_controllen = CMSG_SPACE(fds_bytes);
    struct cmsghdr *header = CMSG_FIRSTHDR(&parcel.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds_bytes);
    memcpy(CMSG_DATA(header), fds, fds_bytes);
    if (sendmsg(spawner->fd, &parcel.message, MSG_NOSIGNAL) == sizeof *order)
        return TT_OK;
    /* EPIPE: nobody holds the other end any more. */
    return tt_err_fail_errno(errno == EPIPE || errno == ECONNRESET ? TT_ERR_KILLED : TT_ERR_SYSTEM,
                             "order a child of process %d", (int)spawner->pid);
}

/* Notes why a spawner told no outcome. It never ends with SIGKILL by its own fault. */
static enum tt_err note_loss(int status, bool is_stopped) {
    if (is_stopped)
        return tt_err_fail(TT_ERR_KILLED, "the process that starts children is stopped");
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return tt_err_fail(TT_ERR_KILLED,
                           "the process that starts children was killed from outside");
    return tt_err_fail(TT_ERR_KILLED, "the process that starts children has ended: status %#x",
                       (unsigned)status);
}

enum tt_err tt_spawner_start(struct tt_spawner *spawner, const struct tt_child_limits *limits,
                             const int *fds, int count) {
    struct order order;
    memset(&order, 0, sizeof order); /* its padding has no bytes of the stack */
    order.limits = *limits;
    if (count < 1 || count > TT_CHILD_KEEP_MAX)
        return tt_err_fail(TT_ERR_SYSTEM, "%d descriptors for a child", count);
    if (spawner->pid == 0)
        return tt_err_fail(TT_ERR_KILLED, "the process that starts children is gone");
    enum tt_err err = send_order(spawner, &order, fds, count);
    if (err != TT_ERR_KILLED)
        return err;
    tt_err_take(err);
    return note_loss(end_process(spawner, true), false);
}

void tt_spawner_end_child(struct tt_spawner *spawner) {
    /* A spawner that does not hear it is gone, which whoever waits will notice. */
    if (send(spawner->fd, END_WORD, 1, MSG_NOSIGNAL) < 0)
        return;
}

/* Waits until the outcome is there, or there can be none; false when the time is over. */
static bool is_told_in(const struct tt_spawner *spawner, int64_t wall_seconds) {
    struct pollfd told = {.fd = spawner->fd, .events = POLLIN};
    int64_t wait_ms = wall_seconds * 1000;
    int ready;
    do
        ready = poll(&told, 1, wait_ms < INT_MAX ? (int)wait_ms : INT_MAX);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* A child can stop its spawner (SIGSTOP, as the same user), which then ends nothing: so the wait
 * for an outcome has a limit of its own. */
static bool is_told(struct tt_spawner *spawner, int64_t wall_seconds) {
    if (is_told_in(spawner, wall_seconds))
        return true;
    tt_spawner_end_child(spawner);
    return is_told_in(spawner, PATIENCE_SECONDS);
}

enum tt_err tt_spawner_wait(struct tt_spawner *spawner, int64_t wall_seconds,
                            struct tt_child_end *end) {
    struct outcome outcome;
    if (!is_told(spawner, wall_seconds))
        return note_loss(end_process(spawner, false), true);
    ssize_t got;
    do
        got = recv(spawner->fd, &outcome, sizeof outcome, 0);
    while (got < 0 && errno == EINTR);
    if (got == sizeof outcome && outcome.err == TT_OK) {
        *end = outcome.end;
        return TT_OK;
    }
    if (got != sizeof outcome)
        return note_loss(end_process(spawner, true), false);
    /* A spawner that fails, and not for want of memory, will fail again. */
    if (outcome.err != TT_ERR_NO_MEMORY)
        end_process(spawner, false);
    return tt_err_fail(outcome.err, "no child process could be run: see the line before");
}
