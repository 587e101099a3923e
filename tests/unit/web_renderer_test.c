/* What a worker makes of a decoder's end: src/web/renderer.c, with a stand-in for the image room
 * that behaves as badly as a test asks. */
#include "web/renderer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* This tells the stand-in what to do. It is shared, as the stand-in runs in a child of another
 * process. */
static struct {
    struct tt_picture_report told;    /* what it reports */
    void (*plan_deed)(int result_fd); /* what it does first; NULL: nothing */
    void (*deed)(int result_fd);      /* what it does once it has a slot; NULL: nothing */
    int64_t planned_ms;
    int64_t cpu_seconds; /* that it may take, seen then */
    int told_size;       /* 0: nothing at all */
} * play;

enum tt_err tt_image_render(const struct tt_image_job *job, struct tt_picture_report *report) {
    struct rlimit cpu;
    if (play->plan_deed)
        play->plan_deed(job->outputs[0].fd);
    if (job->begin(job->context, play->planned_ms) != TT_OK)
        _exit(8);
    if (getrlimit(RLIMIT_CPU, &cpu) == 0)
        play->cpu_seconds = (int64_t)cpu.rlim_cur;
    if (play->deed)
        play->deed(job->outputs[0].fd);
    memcpy(report, &play->told, (size_t)play->told_size);
    return play->told.err;
}

struct fixture {
    struct tt_config config;
    struct tt_stats *stats;
    struct tt_places places;
    struct tt_place place;
    struct tt_renderer renderer;
    char dir[64];
    char path[80];
    int fds[2];
};

static int fixture_open(void **state) {
    static struct fixture fixture;
    play = mmap(NULL, sizeof *play, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (play == MAP_FAILED)
        return -1;
    fixture = (struct fixture){
        .config.image = {.limits = {.max_pixels = 1000000, .max_memory_bytes = INT64_C(1) << 24},
                         .cpu_seconds = 1},
        .config.server.wait_seconds = 60,
        .place = {.fd = -1, .number = -1}};
    fixture.stats = tt_stats_new();
    snprintf(fixture.dir, sizeof fixture.dir, "/tmp/tintype-renderer-XXXXXX");
    if (!fixture.stats || !mkdtemp(fixture.dir))
        return -1;
    snprintf(fixture.path, sizeof fixture.path, "%s/places.lock", fixture.dir);
    fixture.fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
    fixture.fds[1] = open(fixture.dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (fixture.fds[1] < 0 || tt_places_init(&fixture.places, fixture.path, 1, 1, 0) != TT_OK ||
        tt_renderer_init(&fixture.renderer, &fixture.config, fixture.stats, &fixture.place, NULL,
                         NULL) != TT_OK ||
        tt_place_open(&fixture.place, &fixture.places) != TT_OK)
        return -1;
    play->planned_ms = 1;
    play->told_size = sizeof play->told;
    play->told = (struct tt_picture_report){
        .source_width_px = 40, .source_height_px = 30, .results[0] = {20, 15}};
    tt_err_take(TT_OK);
    *state = &fixture;
    return 0;
}

static int fixture_close(void **state) {
    struct fixture *fixture = *state;
    tt_renderer_fini(&fixture->renderer);
    tt_place_close(&fixture->place);
    close(fixture->fds[0]);
    close(fixture->fds[1]);
    munmap(fixture->stats, sizeof *fixture->stats);
    munmap(play, sizeof *play);
    unlink(fixture->path);
    tt_err_take(TT_OK);
    return rmdir(fixture->dir);
}

static enum tt_err start(struct fixture *fixture) {
    static const struct tt_picture_options options = {.format = TT_FORMAT_PNG};
    const struct tt_picture_output output = {.fd = fixture->fds[1], .options = &options};
    tt_err_take(TT_OK);
    return tt_renderer_start(&fixture->renderer, 1, fixture->fds[0], &output, 1);
}

static enum tt_err render_once(struct fixture *fixture, struct tt_picture_report *report) {
    assert_int_equal(start(fixture), TT_OK);
    enum tt_err err = tt_renderer_finish(&fixture->renderer, report);
    assert_int_equal(report->err, err);
    assert_int_equal(fixture->renderer.gate_fd, -1);
    assert_int_equal(fixture->place.number, -1);
    if (fixture->renderer.spawner.pid == 0)
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    else /* the spawner is there, and nothing left to reap */
        assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
    return err;
}

static void test_renderer_good(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    assert_int_equal(render_once(fixture, &report), TT_OK);
    assert_int_equal(report.source_width_px, 40);
    assert_int_equal(report.results[0].height_px, 15);
    assert_true(fixture->stats->decoder_peak_rss_bytes > 0);
    assert_string_equal(tt_err_cause(), "");
}

static void test_renderer_refusal(void **state) {
    struct tt_picture_report report;
    play->told.err = TT_ERR_PICTURE_BROKEN;
    strcpy(play->told.detail, "It is cut short.");
    assert_int_equal(render_once(*state, &report), TT_ERR_PICTURE_BROKEN);
    assert_string_equal(tt_err_detail(TT_ERR_PICTURE_BROKEN), "It is cut short.");
}

/* The cause is for the log alone. */
static void test_renderer_failure(void **state) {
    struct tt_picture_report report;
    play->told.err = TT_ERR_STORAGE;
    strcpy(play->told.cause, "write: Input/output error");
    assert_int_equal(render_once(*state, &report), TT_ERR_STORAGE);
    assert_non_null(strstr(tt_err_cause(), "Input/output error"));
    assert_string_equal(tt_err_detail(TT_ERR_STORAGE), tt_err_row(TT_ERR_STORAGE)->advice);
}

static void test_renderer_texts_are_cleaned(void **state) {
    struct tt_picture_report report;
    play->told.err = TT_ERR_STORAGE;
    strcpy(play->told.cause, "a\nb\x1b[2J\x7f");
    assert_int_equal(render_once(*state, &report), TT_ERR_STORAGE);
    assert_string_equal(tt_err_cause(), "decoder: a b [2J ");
    play->told.err = TT_ERR_PICTURE_BROKEN;
    strcpy(play->told.detail, "a\tb");
    assert_int_equal(render_once(*state, &report), TT_ERR_PICTURE_BROKEN);
    assert_string_equal(tt_err_detail(TT_ERR_PICTURE_BROKEN), "a b");
}

static void test_renderer_memory_is_the_pictures(void **state) {
    struct tt_picture_report report;
    play->told.err = TT_ERR_NO_MEMORY;
    strcpy(play->told.cause, "arena: over its cap");
    assert_int_equal(render_once(*state, &report), TT_ERR_PICTURE_TOO_LARGE);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_LARGE), "memory"));
    assert_string_equal(tt_err_cause(), "decoder: arena: over its cap");
}

static void spin(int result_fd) {
    volatile int64_t turns = result_fd;
    while (turns >= 0)
        turns++;
}

static void crash(int result_fd) {
    (void)result_fd;
    signal(SIGSEGV, SIG_DFL); /* without a sanitizer's report */
    raise(SIGSEGV);
}

static void leave(int result_fd) {
    (void)result_fd;
    _exit(9);
}

static void die_as_killed(int result_fd) {
    (void)result_fd;
    raise(SIGKILL);
}

static void kill_spawner(int result_fd) {
    (void)result_fd;
    kill(getppid(), SIGKILL);
    while (pause() < 0)
        continue;
}

static void test_renderer_too_costly(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    play->deed = spin;
    assert_int_equal(render_once(fixture, &report), TT_ERR_PICTURE_TOO_COSTLY);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_COSTLY), "1 seconds"));
    assert_true(fixture->stats->decode_cpu_us > 0);
}

/* After such a death the same worker serves the next picture. */
static void test_renderer_died(void **state) {
    struct tt_picture_report report;
    play->deed = crash;
    assert_int_equal(render_once(*state, &report), TT_ERR_DECODER_DIED);
    assert_non_null(strstr(tt_err_cause(), "signal 11"));
    play->deed = leave;
    assert_int_equal(render_once(*state, &report), TT_ERR_DECODER_DIED);
    assert_non_null(strstr(tt_err_cause(), "status 9"));
    play->deed = NULL;
    assert_int_equal(render_once(*state, &report), TT_OK);
}

/* The picture is not blamed, and the same spawner serves the next one. */
static void test_renderer_killed(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    pid_t spawner = fixture->renderer.spawner.pid;
    play->deed = die_as_killed;
    assert_int_equal(render_once(fixture, &report), TT_ERR_KILLED);
    assert_non_null(strstr(tt_err_cause(), "from outside"));
    play->deed = NULL;
    assert_int_equal(render_once(fixture, &report), TT_OK);
    assert_int_equal(fixture->renderer.spawner.pid, spawner);
}

static void die_of_a_call(int result_fd) {
    (void)result_fd;
    signal(SIGSYS, SIG_DFL);
    raise(SIGSYS);
}

static void leave_as_confined(int result_fd) {
    (void)result_fd;
    _exit(TT_CHILD_CONFINED);
}

/* A call outside the list is a gap of ours, and the picture is not blamed. */
static void test_renderer_confined(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    play->deed = leave_as_confined;
    assert_int_equal(render_once(fixture, &report), TT_ERR_DECODER_CONFINED);
    assert_non_null(strstr(tt_err_cause(), "system call -1 (unknown)"));
    play->deed = die_of_a_call;
    assert_int_equal(render_once(fixture, &report), TT_ERR_DECODER_CONFINED);
    assert_int_equal(fixture->stats->decoders_confined, 2);
    play->deed = NULL;
    assert_int_equal(render_once(fixture, &report), TT_OK);
}

/* No other spawner starts: the worker may hold by now what a decoder must not find. */
static void test_renderer_spawner_died(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    assert_false(tt_renderer_is_lost(&fixture->renderer));
    play->deed = kill_spawner;
    assert_int_equal(render_once(fixture, &report), TT_ERR_KILLED);
    assert_true(tt_renderer_is_lost(&fixture->renderer));
    assert_int_equal(start(fixture), TT_ERR_KILLED);
    assert_int_equal(fixture->place.number, -1);
}

static void assert_lie_is_seen(struct fixture *fixture) {
    static const struct tt_picture_report nothing;
    struct tt_picture_report report;
    assert_int_equal(render_once(fixture, &report), TT_ERR_DECODER_DIED);
    report.err = TT_OK;
    assert_memory_equal(&report, &nothing, sizeof report);
}

static void test_renderer_lies(void **state) {
    const struct tt_picture_report honest = play->told;
    static const int codes[] = {-1, TT_ERR_COUNT, 1 << 30, TT_ERR_BUSY, TT_ERR_JOURNAL};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        play->told.err = (enum tt_err)codes[i];
        assert_lie_is_seen(*state);
    }
    play->told = honest;
    memset(play->told.detail, 'x', sizeof play->told.detail);
    assert_lie_is_seen(*state);
    play->told = honest;
    play->told.err = TT_ERR_PICTURE_BROKEN;
    memset(play->told.cause, 'x', sizeof play->told.cause);
    assert_lie_is_seen(*state);

    static const int32_t sides[] = {0, -1, INT32_MIN, 1000001, INT32_MAX};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        play->told = honest;
        play->told.results[0].width_px = sides[i];
        assert_lie_is_seen(*state);
        play->told = honest;
        play->told.source_height_px = sides[i];
        assert_lie_is_seen(*state);
    }
    play->told_size = 0;
    assert_lie_is_seen(*state);
}

/* ---- planning, and the wait for a slot ---- */

static void test_renderer_plans_within_limits(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    fixture->config.image.cpu_seconds = 20;
    play->plan_deed = spin;
    assert_int_equal(render_once(fixture, &report), TT_ERR_PICTURE_TOO_COSTLY);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_COSTLY), "header"));
    play->plan_deed = die_as_killed;
    assert_int_equal(render_once(fixture, &report), TT_ERR_KILLED);
    play->plan_deed = leave;
    assert_int_equal(render_once(fixture, &report), TT_ERR_DECODER_DIED);
    play->plan_deed = NULL;
    assert_int_equal(render_once(fixture, &report), TT_OK);
}

/* A picture that takes far longer than its kind does lies about itself. */
static void test_renderer_time_follows_the_plan(void **state) {
    static const struct {
        int64_t planned_ms, seconds;
    } plans[] = {{0, 2}, {1000, 12}, {1001, 20}, {-1, 20}, {INT64_MIN, 20}, {INT64_MAX, 20}};
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    fixture->config.image.cpu_seconds = 20;
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        play->planned_ms = plans[i].planned_ms;
        assert_int_equal(render_once(fixture, &report), TT_OK);
        assert_int_equal(play->cpu_seconds, plans[i].seconds);
    }
    play->planned_ms = 0;
    play->deed = spin;
    assert_int_equal(render_once(fixture, &report), TT_ERR_PICTURE_TOO_COSTLY);
    assert_non_null(strstr(tt_err_detail(TT_ERR_PICTURE_TOO_COSTLY), "2 seconds"));
}

/* Another process's, which has opened the same places. */
static void hold_slot(struct fixture *fixture, struct tt_place *place) {
    assert_int_equal(tt_place_open(place, &fixture->places), TT_OK);
    assert_int_equal(tt_place_sit(place, 2, true), TT_OK);
    assert_int_equal(tt_place_take_slot(place, TT_PLACE_LIGHT, 1000), TT_OK);
}

static void test_renderer_wait_ends(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    struct tt_place place;
    fixture->config.server.wait_seconds = 1;
    hold_slot(fixture, &place);
    pid_t spawner = fixture->renderer.spawner.pid;
    assert_int_equal(start(fixture), TT_ERR_BUSY);
    assert_int_equal(fixture->place.number, -1);
    assert_int_equal(fixture->renderer.gate_fd, -1);
    tt_place_close(&place);
    assert_int_equal(render_once(fixture, &report), TT_OK);
    assert_int_equal(fixture->renderer.spawner.pid, spawner);
}

static void test_renderer_busy(void **state) {
    struct fixture *fixture = *state;
    struct tt_picture_report report;
    struct tt_place place;
    assert_int_equal(tt_place_open(&place, &fixture->places), TT_OK);
    assert_int_equal(tt_place_sit(&place, 2, false), TT_OK);
    assert_int_equal(start(fixture), TT_ERR_BUSY);
    tt_place_close(&place);
    assert_int_equal(render_once(fixture, &report), TT_OK);
}

int main(void) {
    alarm(120); /* a hang is a failure */
#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        CASE(test_renderer_good),
        CASE(test_renderer_refusal),
        CASE(test_renderer_failure),
        CASE(test_renderer_texts_are_cleaned),
        CASE(test_renderer_memory_is_the_pictures),
        CASE(test_renderer_too_costly),
        CASE(test_renderer_died),
        CASE(test_renderer_killed),
        CASE(test_renderer_confined),
        CASE(test_renderer_lies),
        CASE(test_renderer_plans_within_limits),
        CASE(test_renderer_time_follows_the_plan),
        CASE(test_renderer_wait_ends),
        CASE(test_renderer_busy),
        CASE(test_renderer_spawner_died),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
