/* The agent's loop: turn, wait, turn. What the parts do is their own; here is their start, their
 * order, their end, and what wakes them: the clock, an answer, a question, a signal, and a change
 * of the journal. */
#include "sync/agent.h"

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
#include "sync/evict.h"
#include "sync/job.h"
#include "sync/serve.h"
#include "sync/ship.h"
#include "tintype/clock.h"
#include "tintype/file.h"
#include "tintype/log.h"
#include "tintype/sync.h"

#define DRAIN_MS        30000
#define LONGEST_WAIT_MS 60000

/* Back-offs end within it, whatever a server asks for (Retry-After). */
#define RETRY_MAX_MS (10 * 60 * 1000)

/* The least that a clock must be set back to matter. */
#define SET_BACK_MS 1000

/* Where the journal cannot be watched. */
#define UNWATCHED_WAIT_MS 1000

enum { FD_SIGNALS, FD_JOURNAL, FD_SERVE };

struct loop {
    struct tt_agent agent;
    struct tt_jobs *jobs;
    struct tt_ship *ship;   /* NULL where no log group is set */
    struct tt_serve *serve; /* NULL where no bucket is set */
    struct tt_check check;
    int lock_fd;
    int signal_fd;
    int watch_fd;       /* -1: the journal cannot be watched */
    int64_t turned_ms;  /* Unix: when the last turn began */
    int64_t give_up_ms; /* monotonic; once the agent stops */
    struct pollfd fds[FD_SERVE + TT_SERVE_CLIENTS_MAX + 1];
};

void tt_agent_wake(struct tt_agent *agent, int64_t time_ms) {
    if (time_ms < agent->woken_ms)
        agent->woken_ms = time_ms;
}

/* ---- start ---- */

static bool has_setting(const struct tt_config *config, enum tt_aws_service service) {
    switch (service) {
    case TT_AWS_S3: return config->s3.bucket[0] != '\0';
    case TT_AWS_DYNAMODB: return config->dynamodb.table[0] != '\0';
    case TT_AWS_LOGS: return config->cloudwatch.log_group[0] != '\0';
    case TT_AWS_SERVICE_COUNT: break;
    }
    return false;
}

static enum tt_err find_endpoints(struct tt_agent *agent) {
    enum tt_err err = TT_OK;

    for (int i = 0; err == TT_OK && i < TT_AWS_SERVICE_COUNT; i++) {
        enum tt_aws_service service = (enum tt_aws_service)i;

        agent->has_service[i] = has_setting(agent->config, service);
        tt_service_init(&agent->services[i], (int)agent->config->sync.in_flight);
        if (agent->has_service[i])
            err = tt_aws_endpoint_find(&agent->endpoints[i], service, agent->config);
    }
    return err;
}

enum tt_err tt_sync_check(const struct tt_config *config) {
    struct tt_agent agent = {.config = config};
    enum tt_err err = find_endpoints(&agent);

    if (err == TT_OK && !agent.has_service[TT_AWS_S3] && !agent.has_service[TT_AWS_LOGS])
        err = tt_err_fail(TT_ERR_CONFIG, "there is nothing to sync to: set s3.bucket, or "
                                         "cloudwatch.log_group");
    return err;
}

/* One agent a journal. The lock goes with the process, however it ends, and all leases with it. */
static enum tt_err lock(struct loop *loop) {
    char path[sizeof loop->agent.config->storage.dir + sizeof "/agent.lock"];

    (void)snprintf(path, sizeof path, "%s/agent.lock", loop->agent.config->storage.dir);
    loop->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (loop->lock_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
    if (flock(loop->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return TT_OK;
    if (errno == EWOULDBLOCK)
        return tt_err_fail(TT_ERR_SYSTEM, "another tintype-sync works on the journal in %s",
                           loop->agent.config->storage.dir);
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

static void watch_journal(struct loop *loop) {
    if (tt_journal_watch(loop->agent.config->storage.dir, &loop->watch_fd) == TT_OK)
        return;
    tt_log(TT_LOG_WARNING, "%s; the journal is looked at each second instead", tt_err_cause());
    tt_err_clear();
}

static enum tt_err open_storage(struct loop *loop) {
    struct tt_agent *agent = &loop->agent;
    enum tt_err err = lock(loop);

    if (err == TT_OK)
        err = tt_spool_open(&agent->spool, agent->config->storage.dir);
    if (err == TT_OK)
        err = tt_journal_open(&agent->journal, agent->config->storage.dir);
    if (err == TT_OK)
        err = tt_journal_relax(agent->journal);
    if (err == TT_OK)
        err = tt_journal_cap_retries(agent->journal, tt_clock_now_ms() + RETRY_MAX_MS);
    return err;
}

static enum tt_err open_parts(struct loop *loop) {
    struct tt_agent *agent = &loop->agent;

    /* Connections for each service, and one for keys. */
    agent->http = tt_http_new(TT_AWS_SERVICE_COUNT * (int)agent->config->sync.in_flight + 1);
    if (agent->http == NULL)
        return TT_ERR_NO_MEMORY;
    agent->credentials = tt_aws_credentials_new(
        agent->http, &agent->endpoints[agent->has_service[TT_AWS_S3] ? TT_AWS_S3 : TT_AWS_LOGS]);
    if (agent->credentials == NULL || (loop->jobs = tt_jobs_new(agent)) == NULL)
        return TT_ERR_NO_MEMORY;
    if (agent->has_service[TT_AWS_LOGS] && (loop->ship = tt_ship_new(agent)) == NULL)
        return TT_ERR_NO_MEMORY;
    if (agent->has_service[TT_AWS_S3] && (loop->serve = tt_serve_new(agent)) == NULL)
        return TT_ERR_SYSTEM;
    return TT_OK;
}

static enum tt_err open_loop(struct loop *loop) {
    enum tt_err err = tt_sync_check(loop->agent.config);

    if (err == TT_OK)
        err = find_endpoints(&loop->agent);
    if (err == TT_OK)
        err = open_signals(loop);
    if (err == TT_OK)
        err = open_storage(loop);
    if (err != TT_OK)
        return err;
    tt_config_name_node(loop->agent.config, loop->agent.node);
    watch_journal(loop);
    tt_check_init(&loop->check, &loop->agent);
    return open_parts(loop);
}

/* ---- turns ---- */

/* SIGHUP, or a clock that was set back: whatever waits for the clock is tried at once. */
static void try_again(struct loop *loop) {
    for (int i = 0; i < TT_AWS_SERVICE_COUNT; i++)
        loop->agent.services[i].resumes_ms = 0;
    loop->agent.evict_at_ms = 0;
    tt_jobs_hurry(loop->jobs);
    if (loop->ship != NULL)
        tt_ship_hurry(loop->ship);
    if (loop->serve != NULL)
        tt_serve_hurry(loop->serve);
}

static void look_at_clock(struct loop *loop) {
    int64_t before_ms = loop->turned_ms;

    loop->agent.now_ms = loop->turned_ms = tt_clock_now_ms();
    if (loop->turned_ms > before_ms - SET_BACK_MS)
        return;
    tt_log(TT_LOG_WARNING, "the clock was set back by %lld s",
           (long long)(before_ms - loop->turned_ms) / 1000);
    try_again(loop);
}

static void turn(struct loop *loop) {
    struct tt_agent *agent = &loop->agent;

    look_at_clock(loop);
    agent->woken_ms = agent->now_ms + (loop->watch_fd < 0 ? UNWATCHED_WAIT_MS : LONGEST_WAIT_MS);
    if (!agent->once && !agent->stopping)
        tt_check_turn(&loop->check);
    tt_jobs_turn(loop->jobs);
    if (loop->serve != NULL)
        tt_serve_turn(loop->serve);
    if (loop->ship != NULL)
        tt_ship_turn(loop->ship);
    tt_evict_turn(agent);
}

/* Asked more than once, it takes no longer. */
static void stop(struct loop *loop) {
    if (loop->agent.stopping)
        return;
    tt_log(TT_LOG_INFO, "stops; finishes %d requests first", tt_http_in_flight(loop->agent.http));
    loop->agent.stopping = true;
    loop->give_up_ms = tt_clock_monotonic_ms() + DRAIN_MS;
}

static void take_signals(struct loop *loop) {
    struct signalfd_siginfo signal;

    while (read(loop->signal_fd, &signal, sizeof signal) == (ssize_t)sizeof signal) {
        if (signal.ssi_signo != SIGHUP) {
            stop(loop);
            continue;
        }
        tt_aws_credentials_forget(loop->agent.credentials);
        try_again(loop);
    }
}

/* What changed matters little: a look is cheap, and finds what there is. */
static void take_changes(struct loop *loop) {
    char events[4096];

    while (read(loop->watch_fd, events, sizeof events) > 0)
        tt_jobs_look(loop->jobs);
}

static enum tt_err await(struct loop *loop) {
    struct tt_agent *agent = &loop->agent;
    int64_t wait_ms = agent->woken_ms - tt_clock_now_ms();
    size_t count = FD_SERVE;

    loop->fds[FD_SIGNALS] = (struct pollfd){.fd = loop->signal_fd, .events = POLLIN};
    loop->fds[FD_JOURNAL] = (struct pollfd){.fd = loop->watch_fd, .events = POLLIN};
    if (loop->serve != NULL)
        count += tt_serve_fds(loop->serve, loop->fds + FD_SERVE);
    if (wait_ms > LONGEST_WAIT_MS)
        wait_ms = LONGEST_WAIT_MS;
    if (agent->stopping && wait_ms > loop->give_up_ms - tt_clock_monotonic_ms())
        wait_ms = loop->give_up_ms - tt_clock_monotonic_ms();
    enum tt_err err = tt_http_run(agent->http, loop->fds, count, wait_ms > 0 ? (int)wait_ms : 0);
    if (loop->fds[FD_SIGNALS].revents != 0)
        take_signals(loop);
    if (loop->watch_fd < 0)
        tt_jobs_look(loop->jobs);
    else if (loop->fds[FD_JOURNAL].revents != 0)
        take_changes(loop);
    return err;
}

static bool is_over(const struct loop *loop) {
    const struct tt_agent *agent = &loop->agent;

    if (agent->stopping)
        return tt_clock_monotonic_ms() >= loop->give_up_ms ||
               (tt_http_in_flight(agent->http) == 0 && tt_jobs_is_idle(loop->jobs));
    return agent->once && tt_jobs_is_idle(loop->jobs) &&
           (loop->ship == NULL || tt_ship_is_idle(loop->ship)) &&
           (loop->serve == NULL || tt_serve_is_idle(loop->serve));
}

/* ---- end ---- */

static int count_left(struct loop *loop) {
    struct tt_journal_backlog backlog;
    const struct tt_agent *agent = &loop->agent;
    enum tt_err err =
        tt_journal_backlog(agent->journal, agent->has_service[TT_AWS_DYNAMODB], &backlog);

    if (err != TT_OK) {
        tt_log(TT_LOG_ERROR, "%s", tt_err_cause());
        return 1;
    }
    if (backlog.waiting + backlog.dead + backlog.removals == 0 &&
        (loop->ship == NULL || !tt_ship_has_left(loop->ship)))
        return 0;
    tt_log(TT_LOG_WARNING, "left: %lld images, %lld removals, %lld events; dead: %lld images",
           (long long)backlog.waiting, (long long)backlog.removals, (long long)backlog.events,
           (long long)backlog.dead);
    return 1;
}

static void close_loop(struct loop *loop) {
    struct tt_agent *agent = &loop->agent;

    tt_serve_free(loop->serve);
    tt_ship_free(loop->ship);
    tt_jobs_free(loop->jobs);
    tt_check_fini(&loop->check);
    tt_aws_credentials_free(agent->credentials);
    tt_http_free(agent->http);
    tt_journal_close(agent->journal);
    tt_spool_close(&agent->spool);
    tt_file_close(&loop->watch_fd);
    tt_file_close(&loop->signal_fd);
    tt_file_close(&loop->lock_fd);
}

int tt_sync_run(const struct tt_config *config, bool once) {
    static struct loop loop;
    enum tt_err err;
    int status = 0;

    loop = (struct loop){
        .agent = {.config = config, .once = once}, .lock_fd = -1, .signal_fd = -1, .watch_fd = -1};
    loop.agent.spool.dir_fd = -1;
    err = open_loop(&loop);
    for (; err == TT_OK; err = await(&loop)) {
        turn(&loop);
        if (is_over(&loop))
            break;
    }
    if (err != TT_OK) {
        tt_log(TT_LOG_ERROR, "cannot %s: %s", loop.jobs == NULL ? "start" : "go on",
               tt_err_cause());
        status = 1;
    } else if (tt_http_in_flight(loop.agent.http) > 0) {
        status = 1;
    } else if (once && !loop.agent.stopping) {
        status = count_left(&loop);
    }
    close_loop(&loop);
    return status;
}
