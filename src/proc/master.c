/* Master: keeps workers alive, replaces them on SIGHUP, drains them on SIGTERM. It does not know
 * what they do; it parses nothing and opens nothing, and so has little to die of.
 *
 * It has no signal handlers: the four signals it lives by are blocked, and taken one at a time
 * where it waits. All it has to do is then one loop over plain data. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "tintype/log.h"
#include "tintype/process.h"

#define EARLY_DEATH_MS   1000
#define FIRST_BACKOFF_MS 100
#define LAST_BACKOFF_MS  5000
#define NEVER_MS         INT64_MAX

struct place {
    pid_t pid;          /* 0 while empty */
    int64_t started_ms; /* monotonic, as all times here */
    int64_t backoff_ms; /* what the last start waited; 0 after a worker that lasted or served */
    int64_t start_at_ms;
};

/* The workers of one configuration. */
struct generation {
    struct place *places;       /* owned, as is has_accepted */
    _Atomic bool *has_accepted; /* of each place's worker; shared with the workers */
    int64_t count;
    int64_t kill_at_ms; /* NEVER_MS until it was asked to leave */
    bool killed;
};

struct master {
    struct tt_master_plan *plan;
    pid_t pid;
    sigset_t signals;
    struct generation current;
    struct generation leaving; /* of the configuration before; count 0 when none */
    bool reload_wanted;
    bool draining;
    bool killed; /* a worker had to be, while draining */
};

static enum tt_err generation_init(struct generation *generation, int64_t workers) {
    *generation = (struct generation){.kill_at_ms = NEVER_MS};
    generation->places = workers > 0 ? calloc((size_t)workers, sizeof *generation->places) : NULL;
    void *shared = generation->places
                       ? mmap(NULL, (size_t)workers * sizeof(_Atomic bool), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0)
                       : MAP_FAILED;
    if (shared == MAP_FAILED) {
        free(generation->places);
        return tt_err_fail(TT_ERR_SYSTEM, "no memory for %lld workers", (long long)workers);
    }
    generation->has_accepted = shared;
    generation->count = workers;
    return TT_OK;
}

static void generation_fini(struct generation *generation) {
    free(generation->places);
    if (generation->has_accepted)
        munmap(generation->has_accepted, (size_t)generation->count * sizeof(_Atomic bool));
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
static int worker_main(const struct master *master, _Atomic bool *has_accepted) {
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
    return master->plan->work(master->plan->context, has_accepted);
}

static void back_off(struct place *place, int64_t now_ms) {
    place->backoff_ms =
        place->backoff_ms ? earlier(2 * place->backoff_ms, LAST_BACKOFF_MS) : FIRST_BACKOFF_MS;
    place->start_at_ms = now_ms + place->backoff_ms;
}

static void start_worker(struct master *master, int64_t number, int64_t now_ms) {
    struct place *place = &master->current.places[number];
    _Atomic bool *has_accepted = &master->current.has_accepted[number];
    atomic_store(has_accepted, false);
    pid_t pid = fork();
    if (pid == 0)
        exit(worker_main(master, has_accepted));
    if (pid < 0) {
        back_off(place, now_ms);
        tt_log(TT_LOG_ERROR, "cannot start a worker: %s; next try in %lld ms", strerror(errno),
               (long long)place->backoff_ms);
        return;
    }
    place->pid = pid;
    place->started_ms = now_ms;
    atomic_fetch_add(&master->plan->stats->workers_started, 1);
}

static void start_due(struct master *master) {
    int64_t now_ms = tt_clock_monotonic_ms();
    for (int64_t i = 0; i < master->current.count; i++) {
        const struct place *place = &master->current.places[i];
        if (place->pid == 0 && place->start_at_ms <= now_ms)
            start_worker(master, i, now_ms);
    }
}

/* Frees the place of a worker that ended, for a new one at once or after a while. */
static void worker_ended(struct master *master, struct generation *generation, int64_t number,
                         int status) {
    struct place *place = &generation->places[number];
    pid_t pid = place->pid;
    place->pid = 0;
    if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) || generation->killed) {
        place->backoff_ms = 0;
        return;
    }
    atomic_fetch_add(&master->plan->stats->workers_died, 1);
    int64_t now_ms = tt_clock_monotonic_ms();
    if (now_ms - place->started_ms < EARLY_DEATH_MS && !generation->has_accepted[number])
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
    enum tt_err err = generation_init(&next, plan->workers);
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
    int64_t next_ms = NEVER_MS;
    const struct generation *generations[] = {&master->current, &master->leaving};
    for (int g = 0; g < 2; g++)
        if (!generations[g]->killed && generation_living(generations[g]) > 0)
            next_ms = earlier(next_ms, generations[g]->kill_at_ms);
    for (int64_t i = 0; i < master->current.count && !master->draining; i++)
        if (master->current.places[i].pid == 0)
            next_ms = earlier(next_ms, master->current.places[i].start_at_ms);
    return next_ms;
}

/* Returns the next signal, or 0 when it is time for something else. */
static int await_signal(const struct master *master) {
    int64_t next_ms = next_event_ms(master);
    if (next_ms == NEVER_MS) {
        int number = sigwaitinfo(&master->signals, NULL);
        return number > 0 ? number : 0;
    }
    int64_t wait_ms = next_ms - tt_clock_monotonic_ms();
    if (wait_ms < 0)
        wait_ms = 0;
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};
    int number = sigtimedwait(&master->signals, NULL, &wait);
    return number > 0 ? number : 0;
}

/* SIGCHLD may have been left ignored by the starter, and ended workers would then vanish unseen. */
static enum tt_err prepare_signals(struct master *master) {
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigemptyset(&master->signals);
    static const int waited_for[] = {SIGCHLD, SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof waited_for / sizeof *waited_for; i++) {
        sigaddset(&master->signals, waited_for[i]);
        if (sigaction(waited_for[i], &standard, NULL) < 0)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "sigaction");
    }
    if (sigprocmask(SIG_BLOCK, &master->signals, NULL) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "sigprocmask");
    return TT_OK;
}

int tt_master_run(struct tt_master_plan *plan) {
    struct master master = {.plan = plan, .pid = getpid(), .leaving.kill_at_ms = NEVER_MS};
    if (generation_init(&master.current, plan->workers) != TT_OK)
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
    return master.killed ? 1 : 0;
}
