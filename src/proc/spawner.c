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
/* A spawner is ready for orders within this, on a machine under load. */
#define START_SECONDS 30

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
    int64_t mapped_bytes; /* by the spawner */
    int fds[TT_CHILD_KEEP_MAX];
    int count;
};

/* A decoder that is held to its list of calls comes here with any other. */
static volatile int *refused_call;

static void note_refused_call(int signal_number, siginfo_t *info, void *context) {
    (void)signal_number;
    (void)context;
    *refused_call = info->si_syscall;
    _exit(TT_CHILD_CONFINED);
}

/* Enters the child's role last of all, as nothing may be done after it. Its filter is compiled
 * already, and what files it may reach is what its spawner may: none. */
static int run_in_child(void *context) {
    const struct delivery *delivery = context;
    if (delivery->job->reach && tt_reach_enter(delivery->job->reach, TT_ROLE_DECODER) != TT_OK)
        return TT_CHILD_UNLIMITED;
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

static struct outcome carry_out(int fd, struct order *order, struct delivery *delivery) {
    const struct tt_spawner_job *job = delivery->job;
    struct tt_child_limits *limits = &order->limits;
    struct tt_child child = {0};
    struct outcome outcome = {0};
    if (job->prepare)
        job->prepare(job->context, delivery->fds, delivery->count);
    limits->address_space_bytes += delivery->mapped_bytes;
    if (limits->first_address_space_bytes > 0)
        limits->first_address_space_bytes += delivery->mapped_bytes;
    outcome.err =
        tt_child_start(&child, limits, delivery->fds, delivery->count, run_in_child, delivery);
    close_fds(delivery);
    if (outcome.err != TT_OK)
        outcome.err = TT_ERR_NO_MEMORY;
    else
        outcome.err = tt_child_wait(&child, fd, &outcome.end);
    if (outcome.err != TT_OK)
        tt_log(TT_LOG_ERROR, "a child process: %s", tt_err_take(outcome.err).cause);
    return outcome;
}

static enum tt_err catch_refused_calls(volatile int *number) {
    struct sigaction action = {.sa_sigaction = note_refused_call, .sa_flags = SA_SIGINFO};
    refused_call = number;
    return sigaction(SIGSYS, &action, NULL) == 0
               ? TT_OK
               : tt_err_fail_errno(TT_ERR_SYSTEM, "sigaction SIGSYS");
}

/* All that takes a path is done here, before the role is entered. */
static enum tt_err settle(pid_t parent, int fd, struct delivery *delivery) {
    const struct tt_spawner_job *job = delivery->job;
    enum tt_err err = tt_confine_join(parent, &fd, 1);
    if (err == TT_OK)
        err = tt_confine_settle();
    if (err == TT_OK)
        err = tt_confine_measure(&delivery->mapped_bytes);
    if (err == TT_OK && job->reach)
        err = catch_refused_calls(job->refused_call);
    if (err == TT_OK && job->reach)
        err = tt_reach_enter(job->reach, TT_ROLE_SPAWNER);
    return err;
}

static bool tell(int fd, const struct outcome *outcome) {
    return send(fd, outcome, sizeof *outcome, MSG_NOSIGNAL) == sizeof *outcome;
}

/* The first outcome that is told is the spawner's own start. */
static int serve(pid_t parent, int fd, const struct tt_spawner_job *job) {
    struct order order;
    struct delivery delivery = {.job = job};
    struct outcome outcome = {.err = settle(parent, fd, &delivery)};
    if (outcome.err != TT_OK)
        tt_log(TT_LOG_ERROR, "a spawner cannot start: %s", tt_err_take(outcome.err).cause);
    while (tell(fd, &outcome) && outcome.err != TT_ERR_SYSTEM && receive(fd, &order, &delivery))
        outcome = carry_out(fd, &order, &delivery);
    return 0;
}

/* ---- in the one it works for ---- */

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

/* A spawner that did not leave in time is left behind, and dies with this process. */
static void forget(struct tt_spawner *spawner) {
    tt_file_close(&spawner->fd);
    spawner->pid = 0;
}

/* Says that there are no more orders, whereupon a spawner ends its child and itself, and waits for
 * that. Returns the status of its end, as wait(2) has it, or -1 where it did not end in time. */
static int end_process(struct tt_spawner *spawner) {
    struct outcome outcome;
    ssize_t got = 1;
    int status = -1;
    shutdown(spawner->fd, SHUT_WR);
    while (got > 0 && is_told_in(spawner, PATIENCE_SECONDS))
        got = recv(spawner->fd, &outcome, sizeof outcome, 0);
    /* Its end of the socket closes when it exits, so this wait is short. */
    if (got <= 0)
        while (waitpid(spawner->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    forget(spawner);
    return status;
}

void tt_spawner_close(struct tt_spawner *spawner) {
    if (spawner->pid > 0)
        end_process(spawner);
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

/* Gives up a spawner that told no outcome, and notes why. It never ends with SIGKILL by its own
 * fault. */
static enum tt_err note_loss(struct tt_spawner *spawner) {
    int status = end_process(spawner);
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
    return note_loss(spawner);
}

void tt_spawner_end_child(struct tt_spawner *spawner) {
    /* A spawner that does not hear it is gone, which whoever waits will notice. */
    if (send(spawner->fd, END_WORD, 1, MSG_NOSIGNAL) < 0)
        return;
}

/* A spawner that somebody stopped (SIGSTOP) ends nothing: so the wait for an outcome has a limit of
 * its own. */
static bool is_told(struct tt_spawner *spawner, int64_t wall_seconds) {
    if (is_told_in(spawner, wall_seconds))
        return true;
    tt_spawner_end_child(spawner);
    return is_told_in(spawner, PATIENCE_SECONDS);
}

enum tt_err tt_spawner_wait(struct tt_spawner *spawner, int64_t wall_seconds,
                            struct tt_child_end *end) {
    struct outcome outcome;
    if (!is_told(spawner, wall_seconds)) {
        forget(spawner);
        return tt_err_fail(TT_ERR_KILLED, "the process that starts children is stopped");
    }
    ssize_t got;
    do
        got = recv(spawner->fd, &outcome, sizeof outcome, 0);
    while (got < 0 && errno == EINTR);
    if (got == sizeof outcome && outcome.err == TT_OK) {
        *end = outcome.end;
        return TT_OK;
    }
    if (got != sizeof outcome)
        return note_loss(spawner);
    /* A spawner that fails, and not for want of memory, will fail again. */
    if (outcome.err != TT_ERR_NO_MEMORY)
        end_process(spawner);
    return tt_err_fail(outcome.err, "the process that starts children failed: see the line before");
}

enum tt_err tt_spawner_open(struct tt_spawner *spawner, const struct tt_spawner_job *job) {
    int fds[2];
    *spawner = (struct tt_spawner){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "socketpair");
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        _exit(serve(parent, fds[1], job));
    int fork_errno = errno;
    tt_file_close(&fds[1]);
    if (pid < 0) {
        tt_file_close(&fds[0]);
        errno = fork_errno;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "fork");
    }
    spawner->pid = pid;
    spawner->fd = fds[0];
    struct tt_child_end none;
    enum tt_err err = tt_spawner_wait(spawner, START_SECONDS, &none);
    if (err != TT_OK)
        tt_spawner_close(spawner);
    return err;
}
