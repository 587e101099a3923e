/* The agent's loop: turn, wait, turn. This is the only file that knows all parts: it opens and
 * closes them, orders their turns, and wakes them, for the clock, an answer, a question, a signal,
 * or a change of the journal. What the parts do is their own:
 *
 *   job.c       carries an image to S3 and DynamoDB, or removes it there; queue.c finds what is
 *               due, step.c orders the steps, step_request.c says what each sends
 *   ship.c      brings events to CloudWatch Logs; heartbeat.c writes the minute's own
 *   serve.c     answers what workers ask; fetch.c brings objects back
 *   evict.c     removes local files that the cloud has as well
 *   check.c     looks at bucket and table once, when the agent starts
 *
 * All send by cloud.c, and share what context.h names. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "sync/check.h"
#include "sync/cloud.h"
#include "sync/context.h"
#include "sync/evict.h"
#include "sync/job.h"
#include "sync/serve.h"
#include "sync/ship.h"
#include "tintype/clock.h"
#include "tintype/file.h"
#include "tintype/log.h"
#include "tintype/sync.h"

#define DRAIN_MS        30000 /* what is in flight has this long once the agent stops */
#define LONGEST_WAIT_MS 60000 /* for anything to happen */

/* No back-off is longer, whatever a server asks for (Retry-After). So a row that is due later was
 * recorded before the clock was set back. */
#define RETRY_MAX_MS (10 * 60 * 1000)

/* A clock that is set back by less is taken as it is, as time services do that all the time. */
#define SET_BACK_MS 1000

/* A journal that cannot be watched is looked at this often. */
#define UNWATCHED_WAIT_MS 1000

enum { FD_SIGNALS, FD_JOURNAL, FD_SERVE };

struct loop {
    struct tt_context context;
    struct tt_cloud *cloud;
    struct tt_jobs *jobs;
    struct tt_ship *ship;   /* NULL where no log group is set */
    struct tt_serve *serve; /* NULL where no bucket is set */
    struct tt_check check;
    struct tt_evict evict;
    int lock_fd;
    int signal_fd;
    int watch_fd;       /* -1: the journal cannot be watched */
    int64_t turned_ms;  /* Unix: when the last turn began */
    int64_t give_up_ms; /* monotonic; set once the agent stops */
    struct pollfd fds[FD_SERVE + TT_SERVE_CLIENTS_MAX + 1];
};

/* ---- start ---- */

enum tt_err tt_sync_check(const struct tt_config *config) {
    return tt_cloud_check(config);
}

/* A journal has one agent. The lock goes with the process, however it ends, and all leases with it.
 */
static enum tt_err lock(struct loop *loop) {
    const char *dir = loop->context.config->storage.dir;
    char path[sizeof loop->context.config->storage.dir + sizeof "/agent.lock"];
    snprintf(path, sizeof path, "%s/agent.lock", dir);
    loop->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (loop->lock_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
    if (flock(loop->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return TT_OK;
    if (errno == EWOULDBLOCK)
        return tt_err_fail(TT_ERR_SYSTEM, "another tintype-sync works on the journal in %s", dir);
    return tt_err_fail_errno(TT_ERR_SYSTEM, "lock %s", path);
}

static enum tt_err open_signals(struct loop *loop) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "block signals");
    loop->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (loop->signal_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "signalfd");
    return TT_OK;
}

static enum tt_err open_storage(struct loop *loop) {
    struct tt_context *context = &loop->context;
    const char *dir = context->config->storage.dir;
    enum tt_err err = lock(loop);
    if (err == TT_OK)
        err = tt_spool_open(&context->spool, dir);
    if (err == TT_OK)
        err = tt_journal_open(&context->journal, dir);
    if (err == TT_OK)
        err = tt_journal_relax(context->journal);
    if (err == TT_OK)
        err = tt_journal_cap_retries(context->journal, tt_clock_now_ms() + RETRY_MAX_MS);
    return err;
}

static void watch_journal(struct loop *loop) {
    enum tt_err err = tt_journal_watch(loop->context.config->storage.dir, &loop->watch_fd);
    if (err == TT_OK)
        return;
    const struct tt_err_note note = tt_err_take(err);
    tt_log(TT_LOG_WARNING, "%s; the journal is looked at each second instead", note.cause);
}

static enum tt_err open_parts(struct loop *loop) {
    struct tt_context *context = &loop->context;
    tt_check_init(&loop->check, context->config, loop->cloud);
    tt_evict_init(&loop->evict, context, loop->cloud);
    if (!(loop->jobs = tt_jobs_new(context, loop->cloud)))
        return TT_ERR_NO_MEMORY;
    if (tt_cloud_has(loop->cloud, TT_AWS_LOGS) && !(loop->ship = tt_ship_new(context, loop->cloud)))
        return TT_ERR_NO_MEMORY;
    if (tt_cloud_has(loop->cloud, TT_AWS_S3) && !(loop->serve = tt_serve_new(context, loop->cloud)))
        return TT_ERR_SYSTEM;
    return TT_OK;
}

static enum tt_err open_loop(struct loop *loop) {
    if (!(loop->cloud = tt_cloud_new(&loop->context)))
        return TT_ERR_SYSTEM;
    enum tt_err err = open_signals(loop);
    if (err == TT_OK)
        err = open_storage(loop);
    if (err != TT_OK)
        return err;
    tt_config_name_node(loop->context.config, loop->context.node);
    watch_journal(loop);
    return open_parts(loop);
}

/* ---- turns ---- */

/* After SIGHUP, or once the clock was set back, whatever waits for the clock is tried at once. */
static void try_again(struct loop *loop) {
    tt_cloud_hurry(loop->cloud);
    tt_evict_hurry(&loop->evict);
    tt_jobs_hurry(loop->jobs);
    if (loop->ship)
        tt_ship_hurry(loop->ship);
    if (loop->serve)
        tt_serve_hurry(loop->serve);
}

static void look_at_clock(struct loop *loop) {
    int64_t before_ms = loop->turned_ms;
    tt_context_read_clock(&loop->context);
    loop->turned_ms = loop->context.now_ms;
    if (loop->turned_ms > before_ms - SET_BACK_MS)
        return;
    tt_log(TT_LOG_WARNING, "the clock was set back by %lld s",
           (long long)(before_ms - loop->turned_ms) / 1000);
    try_again(loop);
}

static void turn(struct loop *loop) {
    struct tt_context *context = &loop->context;
    look_at_clock(loop);
    context->woken_ms =
        context->now_ms + (loop->watch_fd < 0 ? UNWATCHED_WAIT_MS : LONGEST_WAIT_MS);
    if (!context->once && !context->stopping)
        tt_check_turn(&loop->check);
    tt_jobs_turn(loop->jobs);
    if (loop->serve)
        tt_serve_turn(loop->serve);
    if (loop->ship)
        tt_ship_turn(loop->ship);
    tt_evict_turn(&loop->evict);
}

/* An agent that is asked to stop a second time takes no longer for it. */
static void stop(struct loop *loop) {
    if (loop->context.stopping)
        return;
    tt_log(TT_LOG_INFO, "stops; finishes %d requests first", tt_cloud_in_flight(loop->cloud));
    loop->context.stopping = true;
    loop->give_up_ms = tt_clock_monotonic_ms() + DRAIN_MS;
}

static void take_signals(struct loop *loop) {
    struct signalfd_siginfo signal;
    while (read(loop->signal_fd, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        if (signal.ssi_signo != SIGHUP) {
            stop(loop);
            continue;
        }
        tt_cloud_forget_keys(loop->cloud);
        try_again(loop);
    }
}

/* What has changed is not read: a look at the journal is cheap, and finds it. */
static void take_changes(struct loop *loop) {
    char events[4096];
    while (read(loop->watch_fd, events, sizeof events) > 0)
        tt_jobs_look(loop->jobs);
}

static int find_wait_ms(const struct loop *loop) {
    int64_t wait_ms = loop->context.woken_ms - tt_clock_now_ms();
    if (wait_ms > LONGEST_WAIT_MS)
        wait_ms = LONGEST_WAIT_MS;
    if (loop->context.stopping && wait_ms > loop->give_up_ms - tt_clock_monotonic_ms())
        wait_ms = loop->give_up_ms - tt_clock_monotonic_ms();
    return wait_ms > 0 ? (int)wait_ms : 0;
}

static enum tt_err await(struct loop *loop) {
    size_t count = FD_SERVE;
    loop->fds[FD_SIGNALS] = (struct pollfd){.fd = loop->signal_fd, .events = POLLIN};
    loop->fds[FD_JOURNAL] = (struct pollfd){.fd = loop->watch_fd, .events = POLLIN};
    if (loop->serve)
        count += tt_serve_fds(loop->serve, loop->fds + FD_SERVE);
    enum tt_err err = tt_cloud_run(loop->cloud, loop->fds, count, find_wait_ms(loop));
    if (loop->fds[FD_SIGNALS].revents != 0)
        take_signals(loop);
    if (loop->watch_fd < 0)
        tt_jobs_look(loop->jobs);
    else if (loop->fds[FD_JOURNAL].revents != 0)
        take_changes(loop);
    return err;
}

static bool is_over(const struct loop *loop) {
    const struct tt_context *context = &loop->context;
    if (context->stopping)
        return tt_clock_monotonic_ms() >= loop->give_up_ms ||
               (tt_cloud_in_flight(loop->cloud) == 0 && tt_jobs_is_idle(loop->jobs));
    return context->once && tt_jobs_is_idle(loop->jobs) &&
           (!loop->ship || tt_ship_is_idle(loop->ship)) &&
           (!loop->serve || tt_serve_is_idle(loop->serve));
}

/* ---- end ---- */

static int count_left(const struct loop *loop) {
    struct tt_journal_backlog backlog;
    enum tt_err err = tt_journal_backlog(loop->context.journal,
                                         tt_cloud_has(loop->cloud, TT_AWS_DYNAMODB), &backlog);
    if (err != TT_OK) {
        const struct tt_err_note note = tt_err_take(err);
        tt_log(TT_LOG_ERROR, "%s", note.cause);
        return 1;
    }
    if (backlog.waiting + backlog.dead + backlog.removals == 0 &&
        (!loop->ship || !tt_ship_has_left(loop->ship)))
        return 0;
    tt_log(TT_LOG_WARNING, "left: %lld images, %lld removals, %lld events; dead: %lld images",
           (long long)backlog.waiting, (long long)backlog.removals, (long long)backlog.events,
           (long long)backlog.dead);
    return 1;
}

static void close_loop(struct loop *loop) {
    /* Requests in flight borrow buffers and files of the parts, so they are dropped first. */
    tt_cloud_free(loop->cloud);
    tt_serve_free(loop->serve);
    tt_ship_free(loop->ship);
    tt_jobs_free(loop->jobs);
    tt_check_fini(&loop->check);
    tt_journal_close(loop->context.journal);
    tt_spool_close(&loop->context.spool);
    tt_file_close(&loop->watch_fd);
    tt_file_close(&loop->signal_fd);
    tt_file_close(&loop->lock_fd);
}

static enum tt_err run(struct loop *loop) {
    enum tt_err err = TT_OK;
    for (; err == TT_OK; err = await(loop)) {
        turn(loop);
        if (is_over(loop))
            break;
    }
    return err;
}

int tt_sync_run(const struct tt_config *config, bool once) {
    static struct loop loop;
    int status = 0;
    loop = (struct loop){.context = {.config = config, .spool = {.dir_fd = -1}, .once = once},
                         .lock_fd = -1,
                         .signal_fd = -1,
                         .watch_fd = -1};
    const char *deed = "start";
    enum tt_err err = open_loop(&loop);
    if (err == TT_OK) {
        deed = "go on";
        err = run(&loop);
    }
    if (err != TT_OK) {
        const struct tt_err_note note = tt_err_take(err);
        tt_log(TT_LOG_ERROR, "cannot %s: %s", deed, note.cause);
        status = 1;
    } else if (tt_cloud_in_flight(loop.cloud) > 0) {
        status = 1;
    } else if (once && !loop.context.stopping) {
        status = count_left(&loop);
    }
    close_loop(&loop);
    return status;
}
