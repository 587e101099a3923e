/* Master: keeps workers alive, adds some while others wait for slow clients, replaces them on
 * SIGHUP, drains them on SIGTERM. It does not know what they do; it parses nothing and opens
 * nothing, and so has little to die of.
 *
 * It has no signal handlers: the four signals it lives by are blocked, and taken one at a time
 * where it waits. All it has to do is then one loop over plain data. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "tintype/file.h"
#include "tintype/log.h"
#include "tintype/process.h"

#define EARLY_DEATH_MS   1000
#define FIRST_BACKOFF_MS 100
#define LAST_BACKOFF_MS  5000
#define NEVER_MS         INT64_MAX

/* The master looks at the board so often while no worker is idle, or an extra one is there. */
#define LOOK_MS 100
/* Slow clients seldom come alone, and a start costs more than to keep an idle worker for so long.
 */
#define EXTRA_LINGER_MS 1000

struct place {
    pid_t pid;          /* 0 while empty */
    int64_t started_ms; /* monotonic, as all times here */
    int64_t backoff_ms; /* what the last start waited; 0 after a worker that lasted or served */
    int64_t start_at_ms;
    bool is_asked; /* to leave, as an extra worker that is not needed any more */
};

/* The workers of one configuration. The first of the places are always to be filled, the others,
 * which are for extra workers, while as many workers wait for their clients. */
struct generation {
    struct place *places; /* owned */
    struct tt_board board;
    int64_t count;
    int64_t workers;       /* the places that are always to be filled */
    int64_t wanted;        /* extra workers, at the last look */
    int64_t release_at_ms; /* when extra workers that are too many may go */
    bool is_short;         /* more extra workers were wanted than there are places */
    int64_t kill_at_ms;    /* NEVER_MS until it was asked to leave */
    bool killed;
};

struct master {
    struct tt_master_plan *plan;
    pid_t pid;
    int signal_fd;
    bool is_resting; /* until a signal comes or the board's wake_fd tells */
    struct generation current;
    struct generation leaving; /* of the configuration before; count 0 when none */
    bool reload_wanted;
    bool draining;
    bool killed; /* a worker had to be, while draining */
};

static enum tt_err generation_init(struct generation *generation,
                                   const struct tt_master_plan *plan) {
    const int64_t count = plan->workers > 0 ? plan->workers + plan->extra_workers : 0;
    *generation = (struct generation){.kill_at_ms = NEVER_MS};
    struct place *places = count > 0 ? calloc((size_t)count, sizeof *places) : NULL;
    if (!places)
        return tt_err_fail(TT_ERR_SYSTEM, "no memory for %lld workers", (long long)count);
    enum tt_err err = tt_board_open(&generation->board, count);
    if (err != TT_OK) {
        free(places);
        return err;
    }
    generation->places = places;
    generation->count = count;
    generation->workers = plan->workers;
    return TT_OK;
}

static void generation_fini(struct generation *generation) {
    free(generation->places);
    tt_board_close(&generation->board);
    *generation = (struct generation){.kill_at_ms = NEVER_MS};
}

static int64_t generation_living(const struct generation *generation) {
    int64_t living = 0;
    for (int64_t i = 0; i < generation->count; i++)
        living += generation->places[i].pid > 0;
    return living;
}

static void generation_signal(const struct generation *generation, int signal_number) {
    for (int64_t i = 0; i < generation->count; i++)
        if (generation->places[i].pid > 0)
            kill(generation->places[i].pid, signal_number);
}

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* A worker is killed when the master dies in any way: it holds the socket, and a new master's
 * workers must not find it there. What it had in flight was not acknowledged. Ctrl-C and a hang-up
 * reach the whole process group: the master acts on them, the workers do not. */
static int worker_main(struct master *master, const struct tt_post *post) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != master->pid)
        return 1;
    static const int ignored[] = {SIGINT, SIGHUP, SIGPIPE};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        if (sigaction(ignored[i], &ignore, NULL) < 0)
            return 1;
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    if (sigprocmask(SIG_SETMASK, &blocked, NULL) < 0)
        return 1;
    tt_file_close(&master->signal_fd);
    if (tt_board_hold_back(post->board) != TT_OK) {
        tt_log(TT_LOG_ERROR, "worker: %s", tt_err_take(TT_ERR_SYSTEM).cause);
        return 1;
    }
    return master->plan->work(master->plan->context, post);
}

static void back_off(struct place *place, int64_t now_ms) {
    place->backoff_ms =
        place->backoff_ms ? earlier(2 * place->backoff_ms, LAST_BACKOFF_MS) : FIRST_BACKOFF_MS;
    place->start_at_ms = now_ms + place->backoff_ms;
}

static void start_worker(struct master *master, int64_t number, int64_t now_ms) {
    const struct generation *generation = &master->current;
    struct place *place = &generation->places[number];
    const struct tt_post post = {&generation->board, number, number >= generation->workers};
    tt_board_enter(&generation->board, number);
    pid_t pid = fork();
    if (pid == 0)
        exit(worker_main(master, &post));
    if (pid < 0) {
        tt_board_leave(&generation->board, number);
        back_off(place, now_ms);
        tt_log(TT_LOG_ERROR, "cannot start a worker: %s; next try in %lld ms", strerror(errno),
               (long long)place->backoff_ms);
        return;
    }
    place->pid = pid;
    place->started_ms = now_ms;
    place->is_asked = false;
    atomic_fetch_add(&master->plan->stats->workers_started, 1);
}

static void start_due(struct master *master) {
    int64_t now_ms = tt_clock_monotonic_ms();
    for (int64_t i = 0; i < master->current.workers; i++) {
        const struct place *place = &master->current.places[i];
        if (place->pid == 0 && place->start_at_ms <= now_ms)
            start_worker(master, i, now_ms);
    }
}

/* ---- extra workers ---- */

struct census {
    int64_t living;
    int64_t idle;
    int64_t waiting;
    int64_t extras;
};

/* Who was asked to leave does not count any more. */
static struct census count_workers(const struct generation *generation, int64_t now_ms) {
    struct census census = {0};
    for (int64_t i = 0; i < generation->count; i++) {
        if (generation->places[i].pid == 0 || generation->places[i].is_asked)
            continue;
        enum tt_board_state state = tt_board_state(&generation->board, i, now_ms);
        census.living++;
        census.idle += state == TT_BOARD_IDLE;
        census.waiting += state == TT_BOARD_WAITING;
        census.extras += i >= generation->workers;
    }
    return census;
}

/* The first free place counts: should that one back off, the next would fail as well. */
static void start_extras(struct master *master, int64_t wanted, int64_t now_ms) {
    struct generation *generation = &master->current;
    for (int64_t i = generation->workers; i < generation->count && wanted > 0; i++) {
        if (generation->places[i].pid > 0)
            continue;
        if (generation->places[i].start_at_ms > now_ms)
            return;
        start_worker(master, i, now_ms);
        wanted--;
    }
    if (wanted > 0 && !generation->is_short)
        tt_log(TT_LOG_WARNING, "slow clients hold all workers, the extra ones too; see "
                               "server.extra_workers");
    generation->is_short = wanted > 0;
}

/* As fewer wait than there are extra workers, some of these do not wait themselves. */
static void release_extras(struct generation *generation, int64_t surplus, int64_t now_ms) {
    for (int64_t i = generation->count - 1; i >= generation->workers && surplus > 0; i--) {
        struct place *place = &generation->places[i];
        if (place->pid == 0 || place->is_asked ||
            tt_board_state(&generation->board, i, now_ms) == TT_BOARD_WAITING)
            continue;
        kill(place->pid, SIGTERM);
        place->is_asked = true;
        surplus--;
    }
}

/* A worker that waits for its client costs nearly nothing, but serves nobody else. So when none is
 * idle, there is to be one more for each that waits beyond the spare ones. What was not so at the
 * last look as well does not count: it was the gap between two requests. Where all wait, slow
 * clients have come faster than workers, and as many again are started for those that are not
 * accepted yet. */
static void balance_extras(struct master *master) {
    struct generation *generation = &master->current;
    master->is_resting = generation->count == generation->workers;
    if (master->is_resting)
        return;
    int64_t now_ms = tt_clock_monotonic_ms();
    struct census census = count_workers(generation, now_ms);
    int64_t wanted_now = census.waiting - master->plan->spare_workers;
    int64_t wanted = wanted_now < generation->wanted ? wanted_now : generation->wanted;
    generation->wanted = wanted_now;
    if (wanted > 0 && census.waiting == census.living)
        wanted += census.waiting;
    if (census.idle == 0 && census.extras < wanted)
        start_extras(master, wanted - census.extras, now_ms);
    if (census.extras <= wanted_now)
        generation->release_at_ms = now_ms + EXTRA_LINGER_MS;
    else if (now_ms >= generation->release_at_ms)
        release_extras(generation, census.extras - wanted_now, now_ms);
    master->is_resting = census.idle > 0 && census.extras == 0 && tt_board_rest(&generation->board);
}

/* Frees the place of a worker that ended, for a new one at once or after a while. */
static void worker_ended(struct master *master, struct generation *generation, int64_t number,
                         int status) {
    struct place *place = &generation->places[number];
    pid_t pid = place->pid;
    place->pid = 0;
    tt_board_leave(&generation->board, number);
    if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || generation->killed) {
        place->backoff_ms = 0;
        return;
    }
    atomic_fetch_add(&master->plan->stats->workers_died, 1);
    int64_t now_ms = tt_clock_monotonic_ms();
    if (now_ms - place->started_ms < EARLY_DEATH_MS &&
        !tt_board_has_accepted(&generation->board, number))
        back_off(place, now_ms);
    else
        place->backoff_ms = 0;
    const char *how = WIFSIGNALED(status) ? "killed by signal" : "exit status";
    int why = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (generation->kill_at_ms != NEVER_MS)
        tt_log(TT_LOG_ERROR, "worker %d died: %s %d", (int)pid, how, why);
    else if (place->backoff_ms == 0)
        tt_log(TT_LOG_ERROR, "worker %d died: %s %d; the next one starts at once", (int)pid, how,
               why);
    else
        tt_log(TT_LOG_ERROR, "worker %d died: %s %d; the next one starts in %lld ms", (int)pid, how,
               why, (long long)place->backoff_ms);
}

static bool generation_reap(struct master *master, struct generation *generation, pid_t pid,
                            int status) {
    for (int64_t i = 0; i < generation->count; i++) {
        if (generation->places[i].pid != pid)
            continue;
        worker_ended(master, generation, i, status);
        return true;
    }
    return false;
}

/* One SIGCHLD may stand for several ends. A child that is no worker belongs to the program that
 * started this one by exec. */
static void reap(struct master *master) {
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (!generation_reap(master, &master->current, pid, status))
            generation_reap(master, &master->leaving, pid, status);
    if (master->leaving.count > 0 && generation_living(&master->leaving) == 0) {
        tt_log(TT_LOG_INFO, "the workers of the configuration before have left");
        generation_fini(&master->leaving);
    }
}

static void generation_ask(struct master *master, struct generation *generation) {
    generation->kill_at_ms = tt_clock_monotonic_ms() + master->plan->drain_seconds * 1000;
    generation_signal(generation, SIGTERM);
}

/* Kills the workers of a generation that did not leave in time; true when there were any. */
static bool generation_kill_due(struct generation *generation) {
    if (generation->killed || tt_clock_monotonic_ms() < generation->kill_at_ms)
        return false;
    int64_t living = generation_living(generation);
    if (living == 0)
        return false;
    tt_log(TT_LOG_WARNING, "%lld workers did not leave in time and are killed", (long long)living);
    generation->killed = true;
    generation_signal(generation, SIGKILL);
    return true;
}

/* A reload waits until the generation before has left, so there are never more than two. */
static void reload_due(struct master *master) {
    if (!master->reload_wanted || master->leaving.count > 0)
        return;
    master->reload_wanted = false;
    struct tt_master_plan *plan = master->plan;
    if (!plan->reload || plan->reload(plan->context, plan) != TT_OK)
        return;
    struct generation next;
    enum tt_err err = generation_init(&next, plan);
    if (err == TT_OK && (err = tt_board_hold_back(&master->current.board)) != TT_OK)
        generation_fini(&next);
    if (err != TT_OK) {
        tt_log(TT_LOG_ERROR, "not reloaded: %s", tt_err_take(err).cause);
        return;
    }
    master->leaving = master->current;
    master->current = next;
    start_due(master);
    generation_ask(master, &master->leaving);
    tt_log(TT_LOG_INFO, "reloaded: %lld new workers", (long long)plan->workers);
}

static void drain(struct master *master) {
    if (master->draining)
        return;
    master->draining = true;
    tt_log(TT_LOG_INFO, "stopping: %lld workers finish what they are at",
           (long long)generation_living(&master->current));
    generation_ask(master, &master->current);
    generation_ask(master, &master->leaving);
}

static int64_t next_event_ms(const struct master *master) {
    int64_t next_ms =
        master->is_resting || master->draining ? NEVER_MS : tt_clock_monotonic_ms() + LOOK_MS;
    const struct generation *generations[] = {&master->current, &master->leaving};
    for (int g = 0; g < 2; g++)
        if (!generations[g]->killed && generation_living(generations[g]) > 0)
            next_ms = earlier(next_ms, generations[g]->kill_at_ms);
    for (int64_t i = 0; i < master->current.workers && !master->draining; i++)
        if (master->current.places[i].pid == 0)
            next_ms = earlier(next_ms, master->current.places[i].start_at_ms);
    return next_ms;
}

/* Returns the next signal, or 0 when it is time for something else. */
static int await_signal(const struct master *master) {
    enum { SIGNAL, BOARD };
    const struct tt_board *board = &master->current.board;
    struct pollfd fds[] = {[SIGNAL] = {.fd = master->signal_fd, .events = POLLIN},
                           [BOARD] = {.fd = board->wake_fd, .events = POLLIN}};
    int64_t next_ms = next_event_ms(master);
    int64_t wait_ms = next_ms != NEVER_MS ? next_ms - tt_clock_monotonic_ms() : -1;
    if (next_ms != NEVER_MS && wait_ms < 0)
        wait_ms = 0;
    if (poll(fds, sizeof fds / sizeof *fds, wait_ms < INT_MAX ? (int)wait_ms : INT_MAX) <= 0)
        return 0;
    if (fds[BOARD].revents != 0)
        tt_board_quiet(board);
    struct signalfd_siginfo signal;
    return read(master->signal_fd, &signal, sizeof signal) == sizeof signal ? (int)signal.ssi_signo
                                                                            : 0;
}

/* SIGCHLD may have been left ignored by the starter, and ended workers would then vanish unseen. */
static enum tt_err prepare_signals(struct master *master) {
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    static const int waited_for[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    sigset_t signals;
    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof waited_for / sizeof *waited_for; i++) {
        sigaddset(&signals, waited_for[i]);
        if (sigaction(waited_for[i], &standard, NULL) < 0)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "sigaction");
    }
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "sigprocmask");
    master->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return master->signal_fd >= 0 ? TT_OK : tt_err_fail_errno(TT_ERR_SYSTEM, "signalfd");
}

int tt_master_run(struct tt_master_plan *plan) {
    struct master master = {
        .plan = plan, .pid = getpid(), .signal_fd = -1, .leaving.kill_at_ms = NEVER_MS};
    if (generation_init(&master.current, plan) != TT_OK)
        return 2;
    if (prepare_signals(&master) != TT_OK) {
        generation_fini(&master.current);
        return 2;
    }
    tt_log(TT_LOG_INFO, "started with %lld workers", (long long)plan->workers);
    while (!master.draining ||
           generation_living(&master.current) + generation_living(&master.leaving) > 0) {
        if (!master.draining) {
            reload_due(&master);
            start_due(&master);
            balance_extras(&master);
        }
        /* A worker that is killed after a reload is no failure of a stop that may come later. */
        bool killed = generation_kill_due(&master.current);
        killed = generation_kill_due(&master.leaving) || killed;
        master.killed = master.killed || (killed && master.draining);
        int number = await_signal(&master);
        if (number == SIGTERM || number == SIGINT)
            drain(&master);
        else if (number == SIGHUP)
            master.reload_wanted = true;
        reap(&master);
    }
    tt_log(TT_LOG_INFO, master.killed ? "stopped; workers had to be killed" : "stopped");
    generation_fini(&master.current);
    generation_fini(&master.leaving);
    tt_file_close(&master.signal_fd);
    return master.killed ? 1 : 0;
}
