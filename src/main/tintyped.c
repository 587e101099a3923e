/* tintyped: the daemon that takes uploads. Its arguments, its configuration and the order of its
 * start are here; serving is in src/web, processes are in src/proc. The master opens no journal and
 * no spool. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "main/start.h"
#include "main/user.h"
#include "tintype/clock.h"
#include "tintype/config.h"
#include "tintype/file.h"
#include "tintype/image.h"
#include "tintype/log.h"
#include "tintype/process.h"
#include "tintype/stats.h"
#include "tintype/web.h"

#define SETTLE_MS     200
#define SWEEP_WAIT_MS 300

struct service {
    const char *config_path; /* NULL: no file */
    struct tt_config config;
    struct tt_watermark *watermark; /* before any fork: every process draws with the same */
    struct tt_reach reach;
    struct tt_stats *stats;
    struct tt_places places;
    int lock_fd; /* <storage.dir>/service.lock, shared by every service that is up */
    int listen_fd;
    bool made_socket;
};

static void print_usage(FILE *out) {
    fputs("tintyped " TT_VERSION " - takes image uploads as FastCGI and keeps their gray pictures\n"
          "\n"
          "usage: tintyped [-c FILE] [-t | -T]\n"
          "  -c, --config FILE   read the configuration from FILE\n"
          "                      (else $TINTYPE_CONFIG, else " TT_START_CONFIG_FILE
          " if it is there)\n"
          "  -t, --test          check the configuration and exit\n"
          "  -T, --dump          print the configuration in effect and exit\n"
          "  -h, --help          this text\n"
          "  -V, --version       print the version\n"
          "\n"
          "signals: TERM, INT finish the requests in flight and stop; HUP reads the configuration\n"
          "         (with workers=0 it stops as well)\n"
          "exit status: 0 stopped cleanly, 1 failed, 2 bad usage or configuration\n"
          "\n"
          "configuration:\n\n",
          out);
    tt_config_print_help(out);
}

/* ---- the start's steps ---- */

static int lock_file(int fd, int operation) {
    int failed;
    do
        failed = flock(fd, operation);
    while (failed < 0 && errno == EINTR);
    return failed;
}

/* Runs a step on the storage in a process of its own, because an SQLite handle must not be carried
 * across a fork. It may reach what a worker may. */
static enum tt_err start_step(enum tt_err (*step)(const struct tt_config *config),
                              const struct service *service, pid_t *pid) {
    pid_t parent = getpid();
    *pid = fork();
    if (*pid < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "fork");
    if (*pid > 0)
        return TT_OK;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
        _exit(EXIT_FAILED);
    enum tt_err err = tt_reach_enter(&service->reach, TT_ROLE_WORKER);
    if (err == TT_OK)
        err = step(&service->config);
    if (err != TT_OK)
        tt_log(TT_LOG_ERROR, "storage: %s", tt_err_take(err).cause);
    _exit(err == TT_OK ? EXIT_CLEAN : EXIT_FAILED);
}

static enum tt_err prepare_storage(const struct service *service) {
    pid_t pid;
    int status;
    enum tt_err err = start_step(tt_web_prepare, service, &pid);
    if (err != TT_OK)
        return err;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "waitpid");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return tt_err_fail(TT_ERR_SYSTEM, "preparing the storage in %s failed",
                           service->config.storage.dir);
    return TT_OK;
}

/* The sweep asks the journal about each file, and a restart must not take longer the more there
 * are: so it is over before the service is up, or, where much is kept, runs on beside it. It ends
 * with this process at the latest. */
static enum tt_err sweep_storage(const struct service *service) {
    static const struct timespec pause = {.tv_nsec = 5 * 1000000};
    int64_t give_up_ms = tt_clock_monotonic_ms() + SWEEP_WAIT_MS;
    pid_t pid;
    enum tt_err err = start_step(tt_web_sweep, service, &pid);
    while (err == TT_OK && waitpid(pid, NULL, WNOHANG) == 0) {
        if (tt_clock_monotonic_ms() >= give_up_ms) {
            tt_log(TT_LOG_INFO, "files that no image knows are looked for beside the service");
            break;
        }
        nanosleep(&pause, NULL);
    }
    return err;
}

/* The workers of a master that was killed hold the lock until they are gone, moments after it, so
 * the lock is tried for SETTLE_MS. */
static bool lock_alone(int fd) {
    static const struct timespec pause = {.tv_nsec = 10 * 1000000};
    int64_t give_up_ms = tt_clock_monotonic_ms() + SETTLE_MS;
    while (lock_file(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || tt_clock_monotonic_ms() >= give_up_ms)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

/* Whoever finds no other service up prepares the storage and holds the lock alone for that, while
 * the others wait. Afterwards all hold it together: workers inherit it, so it is not free before
 * the last of them is gone. */
static enum tt_err enter_storage(struct service *service) {
    char path[sizeof service->config.storage.dir + sizeof "/service.lock"];
    const char *dir = service->config.storage.dir;
    enum tt_err err = tt_start_make_storage_dir(dir);
    if (err != TT_OK)
        return err;
    snprintf(path, sizeof path, "%s/service.lock", dir);
    service->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (service->lock_fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
    if (lock_alone(service->lock_fd)) {
        err = prepare_storage(service);
        if (err == TT_OK)
            err = sweep_storage(service);
    } else if (errno != EWOULDBLOCK)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "lock %s", path);
    if (err == TT_OK && lock_file(service->lock_fd, LOCK_SH) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "lock %s", path);
    return err;
}

/* At most half of the workers wait, so that the others answer whatever comes. Of processes that
 * serve alone nobody knows the number: two may wait, as costly pictures leave half of the seats to
 * others.
 */
static int64_t count_seats(const struct tt_config *config) {
    if (config->server.workers == 0)
        return 2;
    return config->server.workers / 2 > 1 ? config->server.workers / 2 : 1;
}

/* The other half may come to the door, where nobody stays long. A process that serves alone does
 * not know how many others there are. */
static int64_t count_door(const struct tt_config *config) {
    return config->server.workers > 0 ? config->server.workers - config->server.workers / 2
                                      : config->server.decode_slots;
}

/* With every slot and seat taken so many workers are left, which read what can only be refused.
 * They are not replaced while they wait for that: under a load that is too high, no more is to be
 * read. */
static int64_t count_spare(const struct tt_config *config) {
    int64_t places = config->server.decode_slots + count_seats(config);
    return config->server.workers > places ? config->server.workers - places : 0;
}

/* A machine without the default font can serve all but texts, which are then refused. */
static enum tt_err load_watermark(struct tt_watermark **watermark, struct tt_config *config) {
    if (strcmp(config->image.watermark_font, TT_CONFIG_WATERMARK_FONT) == 0 &&
        access(TT_CONFIG_WATERMARK_FONT, R_OK) < 0 && !tt_config_has_watermark_text(config)) {
        tt_log(TT_LOG_WARNING, "no " TT_CONFIG_WATERMARK_FONT ": watermark texts are refused; "
                               "install fonts-dejavu-core, or set image.watermark_font");
        config->image.watermark_font[0] = '\0';
    }
    return tt_watermark_load(watermark, config->image.watermark_font,
                             config->image.watermark_image);
}

static enum tt_err service_open(struct service *service) {
    char path[sizeof service->places.path];
    const struct tt_config *config = &service->config;
    enum tt_err err = load_watermark(&service->watermark, &service->config);
    tt_image_load();
    if (err == TT_OK)
        err = enter_storage(service);
    if (err != TT_OK)
        return err;
    snprintf(path, sizeof path, "%s/places.lock", config->storage.dir);
    err = tt_places_init(&service->places, path, config->server.decode_slots, count_seats(config),
                         count_door(config));
    if (err != TT_OK)
        return err;
    service->stats = tt_stats_new();
    if (!service->stats)
        return TT_ERR_NO_MEMORY;
    service->stats->started_ms = tt_clock_now_ms();
    return tt_listen_open(&service->listen_fd, &service->made_socket, config->server.listen);
}

/* The name goes before the socket is closed: another start could find a dead socket there and put
 * its own in its place, which would then be removed here. */
static void service_close(struct service *service) {
    if (service->made_socket && unlink(service->config.server.listen) < 0)
        tt_log(TT_LOG_WARNING, "cannot remove %s: %s", service->config.server.listen,
               strerror(errno));
    tt_file_close(&service->listen_fd);
    tt_file_close(&service->lock_fd);
    tt_watermark_free(service->watermark);
}

/* ---- serving ---- */

static int work(void *context, const struct tt_post *post) {
    struct service *service = context;
    const struct tt_web_plan plan = {
        .config = &service->config,
        .stats = service->stats,
        .places = &service->places,
        .watermark = service->watermark,
        .reach = &service->reach,
        .listen_fd = service->listen_fd,
        .post = post,
    };
    return tt_web_run(&plan);
}

static void log_lines(enum tt_log_level level, char *text) {
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;)
        if (*line != '\0')
            tt_log(level, "%s", line);
}

/* Loads the configuration anew, its problems and warnings going to the log. */
static enum tt_err load_logged(struct tt_config *config, const char *path) {
    char *text = NULL;
    size_t size = 0;
    FILE *problems = open_memstream(&text, &size);
    if (!problems)
        return tt_err_fail_errno(TT_ERR_NO_MEMORY, "open_memstream");
    enum tt_err err = tt_config_load(config, path, problems);
    if (fclose(problems) != 0)
        err = tt_err_fail_errno(TT_ERR_NO_MEMORY, "fclose");
    else
        log_lines(err == TT_OK ? TT_LOG_WARNING : TT_LOG_ERROR, text);
    free(text);
    return err;
}

/* Some keys cannot change while the service is up, and keep their values. */
static void keep_fixed(const struct tt_config *old, struct tt_config *new) {
    if (strcmp(old->server.listen, new->server.listen) != 0 ||
        strcmp(old->server.user, new->server.user) != 0 ||
        strcmp(old->storage.dir, new->storage.dir) != 0 ||
        old->server.confinement != new->server.confinement ||
        old->server.core_dumps != new->server.core_dumps || new->server.workers == 0)
        tt_log(TT_LOG_WARNING,
               "server.listen, server.user, server.confinement, server.core_dumps, storage.dir and "
               "workers=0 take a restart to change; kept as before");
    new->server.confinement = old->server.confinement;
    new->server.core_dumps = old->server.core_dumps;
    memcpy(new->server.user, old->server.user, sizeof new->server.user);
    memcpy(new->server.listen, old->server.listen, sizeof new->server.listen);
    memcpy(new->storage.dir, old->storage.dir, sizeof new->storage.dir);
    if (new->server.workers == 0)
        new->server.workers = old->server.workers;
}

static enum tt_err reload(void *context, struct tt_master_plan *plan) {
    struct service *service = context;
    struct tt_config new = {0};
    struct tt_watermark *watermark = NULL;
    enum tt_err err = load_logged(&new, service->config_path);
    if (err == TT_OK)
        err = load_watermark(&watermark, &new);
    if (err != TT_OK) {
        tt_log(TT_LOG_ERROR, "not reloaded, the configuration before stays: %s",
               tt_err_take(err).cause);
        return err;
    }
    keep_fixed(&service->config, &new);
    service->config = new;
    tt_watermark_free(service->watermark);
    service->watermark = watermark;
    service->places.slots = new.server.decode_slots;
    service->places.seats = count_seats(&new);
    service->places.door = count_door(&new);
    plan->workers = new.server.workers;
    plan->extra_workers = new.server.extra_workers;
    plan->spare_workers = count_spare(&new);
    plan->drain_seconds = new.server.drain_seconds;
    tt_log_open("tintyped", (enum tt_log_level) new.log.level);
    return TT_OK;
}

static timer_t term_timer;

/* A worker may send no signal, not even to itself, but it may have its timer expire. */
static void pass_on_as_term(int signal_number) {
    static const struct itimerspec at_once = {.it_value = {.tv_nsec = 1}};
    (void)signal_number;
    timer_settime(term_timer, 0, &at_once, NULL);
}

/* how is SIG_BLOCK or SIG_UNBLOCK. */
static int mask_term(int how) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    return sigprocmask(how, &term, NULL);
}

/* With workers=0 this process is the only worker, and leaves on SIGTERM between requests. SIGINT
 * and SIGHUP make it leave as well: whoever manages it starts it again, with the configuration of
 * that moment. */
static int serve_alone(struct service *service) {
    const struct sigaction as_term = {.sa_handler = pass_on_as_term, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGTERM};
    if (timer_create(CLOCK_MONOTONIC, &event, &term_timer) < 0 ||
        sigaction(SIGINT, &as_term, NULL) < 0 || sigaction(SIGHUP, &as_term, NULL) < 0) {
        tt_log(TT_LOG_ERROR, "signals: %s", strerror(errno));
        return EXIT_FAILED;
    }
    return work(service, NULL);
}

static int serve(struct service *service) {
    struct tt_master_plan plan = {
        .workers = service->config.server.workers,
        .extra_workers = service->config.server.extra_workers,
        .spare_workers = count_spare(&service->config),
        .drain_seconds = service->config.server.drain_seconds,
        .stats = service->stats,
        .work = work,
        .reload = reload,
        .context = service,
    };
    if (plan.workers == 0)
        return serve_alone(service);
    enum tt_err err = tt_reach_enter(&service->reach, TT_ROLE_MASTER);
    if (err != TT_OK) {
        tt_log(TT_LOG_ERROR, "cannot start: %s", tt_err_take(err).cause);
        return EXIT_FAILED;
    }
    int status = tt_master_run(&plan);
    if (status == 2)
        tt_log(TT_LOG_ERROR, "cannot start: %s", tt_err_take(TT_ERR_SYSTEM).cause);
    return status == 0 ? EXIT_CLEAN : EXIT_FAILED;
}

/* Says what is wrong with a configuration that is read without a problem, if anything. */
static int check(struct service *service) {
    enum tt_err err = load_watermark(&service->watermark, &service->config);
    if (err != TT_OK) {
        fprintf(stderr, "image.watermark_font, image.watermark_image: %s\n",
                tt_err_take(err).cause);
        return EXIT_REFUSED;
    }
    tt_watermark_free(service->watermark);
    puts("configuration ok");
    return EXIT_CLEAN;
}

static int run(struct service *service) {
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    int status = EXIT_FAILED;
    enum tt_err err = TT_OK;
    tt_log_open("tintyped", (enum tt_log_level)service->config.log.level);
    tt_start_log_reach(&service->reach);
    umask(0007);
    /* A starter may have left SIGCHLD ignored: ends of children could then not be waited for. */
    if (sigaction(SIGPIPE, &ignore, NULL) < 0 || sigaction(SIGCHLD, &standard, NULL) < 0)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "sigaction");
    if (err == TT_OK)
        err = service_open(service);
    if (err == TT_OK)
        status = serve(service);
    else
        tt_log(TT_LOG_ERROR, "cannot start: %s", tt_err_take(err).cause);
    service_close(service);
    return status;
}

/* Checks the service, or runs it once the process is what it is to be. */
static int start(struct service *service, bool test_only) {
    const struct tt_config *config = &service->config;
    enum tt_err err = test_only ? tt_user_check(config) : tt_user_become(TT_USER_TINTYPED, config);
    if (err != TT_OK) {
        fprintf(stderr, "tintyped: %s\n", tt_err_take(err).cause);
        return err == TT_ERR_CONFIG ? EXIT_REFUSED : EXIT_FAILED;
    }
    err = tt_start_find_reach(&service->reach, config,
                              config->server.confinement == TT_CONFINEMENT_REQUIRED);
    if (err != TT_OK) {
        fprintf(stderr, "server.confinement: %s\n", tt_err_take(err).cause);
        return EXIT_REFUSED;
    }
    int status = test_only ? check(service) : run(service);
    tt_reach_fini(&service->reach);
    return status;
}

/* ---- arguments ---- */

int main(int argc, char **argv) {
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'c'},
        {"test", no_argument, NULL, 't'},
        {"dump", no_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {"markdown", no_argument, NULL, 'M'}, /* the README's table */
        {NULL, 0, NULL, 0},
    };
    static struct service service = {.lock_fd = -1, .listen_fd = -1};
    bool test_only = false;
    bool dump_only = false;
    if (mask_term(SIG_BLOCK) < 0 || tt_start_tidy_fds(true) != TT_OK)
        return EXIT_FAILED;
    tt_start_forget_credentials();
    service.config_path = tt_start_find_config();
    for (int option; (option = getopt_long(argc, argv, "c:tThV", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c': service.config_path = optarg; break;
        case 't': test_only = true; break;
        case 'T': dump_only = true; break;
        case 'h': print_usage(stdout); return EXIT_CLEAN;
        case 'V': puts("tintyped " TT_VERSION); return EXIT_CLEAN;
        case 'M': tt_config_print_markdown(stdout); return EXIT_CLEAN;
        default: fputs("try: tintyped -h\n", stderr); return EXIT_REFUSED;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "tintyped: what is \"%s\"? try: tintyped -h\n", argv[optind]);
        return EXIT_REFUSED;
    }
    if (tt_config_load(&service.config, service.config_path, stderr) != TT_OK)
        return EXIT_REFUSED;
    /* A process that serves alone may be sent SIGTERM before it is up, with a request waiting on
     * its socket (mod_fcgid, on a restart): that is answered first. */
    if (service.config.server.workers != 0 && mask_term(SIG_UNBLOCK) < 0)
        return EXIT_FAILED;
    if (dump_only) {
        tt_config_print_values(stdout, &service.config);
        return EXIT_CLEAN;
    }
    return start(&service, test_only);
}
