/* Renderer: starts the child that renders one picture, and judges what came of it. How pictures are
 * rendered is in src/image, how a child is limited in src/proc/child.c. */
#include "web/renderer.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tintype/file.h"
#include "tintype/image.h"

/* A child needs this much address space beside the picture's own memory, for libraries' tables,
 * stacks and the allocator's arenas: it is reserved in larger pieces than are used. */
#define SLACK_BYTES (INT64_C(64) << 20)

#define WARM_BYTES (512 * 1024)

/* A header is read, and a picture planned, within these. */
#define PLAN_BYTES       (INT64_C(64) << 20)
#define PLAN_CPU_SECONDS 1

/* Pictures planned to take longer leave seats, and those of the second kind slots as well, to
 * others. */
#define HEAVY_MS  250
#define COSTLY_MS 1000

/* A picture may take this many times the CPU time that was planned for it, on a machine that is
 * slower than the one where plans were measured, and this much more. One that takes longer lied
 * about itself. */
#define PLAN_FACTOR       10
#define PLAN_MORE_SECONDS 2

/* A child may take this many times its CPU seconds by the clock: even on the busiest machine, one
 * that computes has got its share by then. */
#define WALL_FACTOR 10

/* The largest result has 4 samples and, where a row is one pixel wide, a filter byte for each
 * pixel; deflate's stored blocks add 5 bytes to 16 KiB or more (RFC 1951, 3.2.4), chunks 12 bytes
 * each, and the sixth byte covers both. */
#define RESULT_BYTES_PER_PIXEL 6
#define RESULT_EXTRA_BYTES     (INT64_C(1) << 20)

/* ---- in the spawner, and in the child that it forks ---- */

static void prepare(void *context, const int *fds, int count) {
    (void)context;
    (void)count;
    tt_image_prepare(fds[0]);
}

#ifndef TT_SANITIZED
/* Has the kernel make the usual picture's memory in one call. A page fault costs 2 to 14 µs on a
 * virtual machine, a page made this way 1 to 2 µs (measured); an icon takes about 130 of them, a
 * 6-megapixel JPEG 170. Where the kernel does not know the call, the faults happen. */
static void warm_heap(void) {
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    mallopt(M_MMAP_THRESHOLD, 2 * WARM_BYTES);
    mallopt(M_TRIM_THRESHOLD, 2 * WARM_BYTES);
    void *block = malloc(WARM_BYTES);
    if (!block)
        return;
    uintptr_t first_page = ((uintptr_t)block + page_bytes - 1) / page_bytes * page_bytes;
    madvise((void *)first_page, WARM_BYTES - page_bytes, MADV_POPULATE_WRITE);
    free(block);
}
#else
static void warm_heap(void) {
}
#endif

/* These go through the gate, each whole. */
struct plan {
    int64_t cpu_ms;
};

struct go {
    int64_t cpu_seconds;
};

/* Tells the worker the plan, and waits for its word, which comes with a slot. The wait ends with
 * the worker, or at its word. */
static enum tt_err await_slot(void *context, int64_t planned_ms) {
    const int *gate_fd = context;
    const struct plan plan = {planned_ms};
    struct go go;
    if (write(*gate_fd, &plan, sizeof plan) != sizeof plan ||
        read(*gate_fd, &go, sizeof go) != sizeof go)
        return tt_err_fail(TT_ERR_INTERNAL, "the worker gave no slot");
    return tt_child_raise_limits(go.cpu_seconds) == TT_OK ? TT_OK : TT_ERR_INTERNAL;
}

/* The picture's descriptor is the first, the gate's the second, and the results' follow. The report
 * says how it went; an end other than this one is a crash. */
static int render(void *context, const int *fds, int count) {
    struct tt_renderer *renderer = context;
    struct tt_picture_output outputs[TT_PICTURE_RESULTS_MAX];
    int gate_fd = fds[1];
    const struct tt_image_job job = {
        .picture_fd = fds[0],
        .outputs = outputs,
        .output_count = count - 2,
        .limits = &renderer->config->image.limits,
        .watermark = renderer->watermark,
        .begin = await_slot,
        .context = &gate_fd,
    };
    for (int i = 0; i < job.output_count; i++) {
        const char *preset = renderer->page->wanted[i].preset;
        outputs[i] = (struct tt_picture_output){fds[2 + i], &renderer->page->wanted[i].options,
                                                *preset != '\0' ? preset : NULL};
    }
    warm_heap();
    tt_image_render(&job, &renderer->page->report);
    return 0;
}

/* ---- in the worker ---- */

/* Opens the staged file again, for reading alone: a child must not change what was hashed. */
static enum tt_err open_to_read(int fd, int *read_fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    *read_fd = open(path, O_RDONLY | O_CLOEXEC);
    return *read_fd >= 0 ? TT_OK : tt_err_fail_errno(TT_ERR_SYSTEM, "open %s", path);
}

/* The worker ends a child that plans, waits or decodes too long. Its spawner ends it as well, when
 * all three together have taken too long. */
static enum tt_err start_child(struct tt_renderer *renderer, const int *fds, int count) {
    const struct tt_config *config = renderer->config;
    const struct tt_picture_limits *limits = &config->image.limits;
    const struct tt_child_limits child_limits = {
        .address_space_bytes = limits->max_memory_bytes + SLACK_BYTES,
        .cpu_seconds = config->image.cpu_seconds,
        .wall_seconds = WALL_FACTOR * (PLAN_CPU_SECONDS + config->image.cpu_seconds) +
                        config->server.wait_seconds,
        .file_bytes = limits->max_pixels * RESULT_BYTES_PER_PIXEL + RESULT_EXTRA_BYTES,
        .first_address_space_bytes = PLAN_BYTES,
        .first_cpu_seconds = PLAN_CPU_SECONDS,
    };
    renderer->is_planning = true;
    renderer->cpu_seconds = PLAN_CPU_SECONDS;
    return tt_spawner_start(&renderer->spawner, &child_limits, fds, count);
}

static enum tt_err map_page(struct tt_renderer *renderer) {
    void *page = mmap(NULL, sizeof *renderer->page, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return tt_err_fail_errno(TT_ERR_NO_MEMORY, "map the decoder's page");
    renderer->page = page;
    return TT_OK;
}

static void fill_page(struct tt_renderer_page *page, const struct tt_picture_output *outputs,
                      int count) {
    memset(page, 0, sizeof *page);
    page->report.err = TT_ERR_COUNT; /* stays when the child did not report */
    page->refused_call = -1;
    for (int i = 0; i < count; i++) {
        page->wanted[i].options = *outputs[i].options;
        if (outputs[i].preset)
            snprintf(page->wanted[i].preset, TT_PICTURE_PRESET_SIZE, "%s", outputs[i].preset);
    }
}

/* The gate is a new one for each child, so that nothing of one upload is within reach of the next.
 */
static enum tt_err open_gate(struct tt_renderer *renderer, int *child_fd) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "socketpair");
    renderer->gate_fd = fds[0];
    *child_fd = fds[1];
    return TT_OK;
}

/* Orders the child that is to plan. */
static enum tt_err order(struct tt_renderer *renderer, int picture_fd,
                         const struct tt_picture_output *outputs, int count) {
    int fds[2 + TT_PICTURE_RESULTS_MAX] = {-1, -1};
    for (int i = 0; i < count; i++)
        fds[2 + i] = outputs[i].fd;
    enum tt_err err = open_to_read(picture_fd, &fds[0]);
    if (err == TT_OK)
        err = open_gate(renderer, &fds[1]);
    if (err == TT_OK) {
        fill_page(renderer->page, outputs, count);
        err = start_child(renderer, fds, 2 + count);
    }
    tt_file_close(&fds[0]);
    tt_file_close(&fds[1]);
    return err;
}

/* Waits for the child's plan. Without one, it ends: by itself, or because it took too long. */
static bool hear_plan(struct tt_renderer *renderer, struct plan *plan) {
    struct pollfd heard = {.fd = renderer->gate_fd, .events = POLLIN};
    int ready;
    do
        ready = poll(&heard, 1, WALL_FACTOR * PLAN_CPU_SECONDS * 1000);
    while (ready < 0 && errno == EINTR);
    if (ready > 0)
        return read(renderer->gate_fd, plan, sizeof *plan) == sizeof *plan;
    tt_spawner_end_child(&renderer->spawner);
    return false;
}

/* A plan that makes no sense is a costly picture's. */
static enum tt_place_weight weigh(const struct plan *plan) {
    if (plan->cpu_ms < 0 || plan->cpu_ms > COSTLY_MS)
        return TT_PLACE_COSTLY;
    return plan->cpu_ms > HEAVY_MS ? TT_PLACE_HEAVY : TT_PLACE_LIGHT;
}

/* Gives the child its time, and the word to go on. */
static void let_go(struct tt_renderer *renderer, const struct plan *plan) {
    int64_t most_seconds = renderer->config->image.cpu_seconds;
    int64_t seconds = weigh(plan) == TT_PLACE_COSTLY
                          ? most_seconds
                          : plan->cpu_ms * PLAN_FACTOR / 1000 + PLAN_MORE_SECONDS;
    renderer->is_planning = false;
    renderer->cpu_seconds = seconds < most_seconds ? seconds : most_seconds;
    const struct go go = {renderer->cpu_seconds};
    /* A child that does not hear it has ended, and finish says why. */
    if (send(renderer->gate_fd, &go, sizeof go, MSG_NOSIGNAL) < 0)
        return;
}

/* Ends a child that is not to decode. */
static void send_away(struct tt_renderer *renderer) {
    struct tt_child_end end;
    tt_file_close(&renderer->gate_fd);
    tt_spawner_end_child(&renderer->spawner);
    tt_spawner_wait(&renderer->spawner, 0, &end);
}

enum tt_err tt_renderer_start(struct tt_renderer *renderer, uint64_t client, int picture_fd,
                              const struct tt_picture_output *outputs, int count) {
    struct plan plan;
    enum tt_err err = tt_place_sit(renderer->place, client, true);
    if (err != TT_OK)
        return err;
    renderer->result_count = count;
    err = order(renderer, picture_fd, outputs, count);
    if (err != TT_OK) {
        tt_file_close(&renderer->gate_fd);
        tt_place_leave(renderer->place);
        return err;
    }
    if (!hear_plan(renderer, &plan))
        return TT_OK;
    err = tt_place_take_slot(renderer->place, weigh(&plan),
                             renderer->config->server.wait_seconds * 1000);
    if (err == TT_OK)
        let_go(renderer, &plan);
    else
        send_away(renderer);
    return err;
}

/* A child that ran to its end reports one of these; anything else is a lie. */
static bool may_be_reported(enum tt_err err) {
    switch (err) {
    case TT_OK:
    case TT_ERR_PICTURE_TYPE:
    case TT_ERR_PICTURE_BROKEN:
    case TT_ERR_PICTURE_TOO_LARGE:
    case TT_ERR_PICTURE_TOO_COSTLY:
    case TT_ERR_NO_MEMORY:
    case TT_ERR_INTERNAL:
    case TT_ERR_STORAGE:
    case TT_ERR_SPOOL_FULL: return true;
    default: return false;
    }
}

static bool is_text(const char text[TT_ERR_NOTE_SIZE]) {
    return memchr(text, '\0', TT_ERR_NOTE_SIZE) != NULL;
}

/* The texts go to the log and to the client, where a control character could act on a terminal. */
static void clean(char text[TT_ERR_NOTE_SIZE]) {
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = ' ';
}

static bool is_size(int32_t width_px, int32_t height_px, int64_t max_pixels) {
    return width_px > 0 && height_px > 0 && (int64_t)width_px * height_px <= max_pixels;
}

/* The report comes from a process that read a hostile picture: every value is checked, and the
 * failure noted again, as the child's own note died with it. */
static enum tt_err judge_report(struct tt_picture_report *report, int result_count,
                                int64_t max_pixels) {
    if (!may_be_reported(report->err) || !is_text(report->detail) || !is_text(report->cause))
        return tt_err_fail(TT_ERR_DECODER_DIED, "the decoder's report makes no sense");
    clean(report->cause);
    clean(report->detail);
    if (report->err == TT_ERR_NO_MEMORY) {
        tt_err_fail(TT_ERR_PICTURE_TOO_LARGE, "decoder: %s", report->cause);
        return tt_err_explain(TT_ERR_PICTURE_TOO_LARGE,
                              "The picture needs more memory than one picture may take here. "
                              "Send a smaller one, or save it in a simpler form.");
    }
    if (report->err != TT_OK && report->detail[0] != '\0')
        return tt_err_refuse(report->err, "%s", report->detail);
    if (report->err != TT_OK)
        return tt_err_fail(report->err, "decoder: %s", report->cause);
    bool is_sane = is_size(report->source_width_px, report->source_height_px, max_pixels);
    for (int i = 0; i < result_count; i++)
        is_sane = is_sane &&
                  is_size(report->results[i].width_px, report->results[i].height_px, max_pixels);
    if (!is_sane)
        return tt_err_fail(TT_ERR_DECODER_DIED, "the decoder reported sizes that cannot be");
    return TT_OK;
}

/* A decoder that was taken over may name what it likes, or end before it names anything. */
static enum tt_err note_refused_call(const struct tt_renderer *renderer) {
    int number = renderer->page->refused_call;
    char name[TT_REACH_CALL_NAME_SIZE];
    tt_reach_name_call(number, name);
    atomic_fetch_add(&renderer->stats->decoders_confined, 1);
    return tt_err_fail(TT_ERR_DECODER_CONFINED,
                       "the decoder asked for system call %d (%s), which it may not have", number,
                       name);
}

static enum tt_err judge_end(const struct tt_renderer *renderer, const struct tt_child_end *end) {
    const int64_t cpu_seconds = renderer->cpu_seconds;
    bool is_over_time = end->timed_out || end->signal == SIGXCPU ||
                        (end->signal == SIGKILL && end->cpu_us >= cpu_seconds * 1000000);
    if (is_over_time && renderer->is_planning)
        return tt_err_refuse(TT_ERR_PICTURE_TOO_COSTLY,
                             "Reading the picture's header took more than %d second of computing, "
                             "and it was given up. Save the picture in a simpler form.",
                             PLAN_CPU_SECONDS);
    if (is_over_time)
        return tt_err_refuse(TT_ERR_PICTURE_TOO_COSTLY,
                             "The picture took more than %lld seconds of computing and was given "
                             "up. Send a smaller one, or save it in a simpler form.",
                             (long long)cpu_seconds);
    /* The limit of CPU time was judged above, and nothing else in a picture ends its decoder with
     * this signal. */
    if (end->signal == SIGKILL)
        return tt_err_fail(TT_ERR_KILLED, "the decoder was killed from outside: by the system, for "
                                          "want of memory, or by somebody");
    if (end->signal == SIGSYS || end->exit_status == TT_CHILD_CONFINED)
        return note_refused_call(renderer);
    if (end->signal != 0)
        return tt_err_fail(TT_ERR_DECODER_DIED, "the decoder was killed by signal %d", end->signal);
    if (end->exit_status == TT_CHILD_UNLIMITED)
        return tt_err_fail(TT_ERR_INTERNAL, "the decoder could not be limited");
    if (end->exit_status != 0)
        return tt_err_fail(TT_ERR_DECODER_DIED, "the decoder ended with status %d",
                           end->exit_status);
    return TT_OK;
}

enum tt_err tt_renderer_finish(struct tt_renderer *renderer, struct tt_picture_report *report) {
    const struct tt_config *config = renderer->config;
    struct tt_child_end end;
    memset(report, 0, sizeof *report);
    enum tt_err err =
        tt_spawner_wait(&renderer->spawner, WALL_FACTOR * renderer->cpu_seconds, &end);
    tt_file_close(&renderer->gate_fd);
    tt_place_leave(renderer->place);
    if (err != TT_OK) {
        report->err = err == TT_ERR_SYSTEM ? TT_ERR_INTERNAL : err;
        return report->err;
    }
    atomic_fetch_add(&renderer->stats->decode_cpu_us, end.cpu_us);
    tt_stats_raise(&renderer->stats->decoder_peak_rss_bytes, end.peak_rss_bytes);

    err = judge_end(renderer, &end);
    if (err == TT_OK) {
        *report = renderer->page->report;
        err = judge_report(report, renderer->result_count, config->image.limits.max_pixels);
    }
    if (err != TT_OK)
        memset(report, 0, sizeof *report); /* the note has the texts */
    report->err = err;
    return err;
}

enum tt_err tt_renderer_init(struct tt_renderer *renderer, const struct tt_config *config,
                             struct tt_stats *stats, struct tt_place *place,
                             const struct tt_watermark *watermark, const struct tt_reach *reach) {
    *renderer = (struct tt_renderer){
        .config = config, .stats = stats, .place = place, .watermark = watermark, .gate_fd = -1};
    renderer->spawner.fd = -1;
    /* A decoder shares its page with the worker, and nothing else. */
    enum tt_err err = tt_stats_hold_back(stats);
    if (err == TT_OK)
        err = map_page(renderer);
    if (err != TT_OK)
        return err;
    const struct tt_spawner_job job = {
        .prepare = prepare,
        .run = render,
        .context = renderer,
        .reach = reach,
        .refused_call = &renderer->page->refused_call,
    };
    return tt_spawner_open(&renderer->spawner, &job);
}

bool tt_renderer_is_lost(const struct tt_renderer *renderer) {
    return renderer->spawner.pid == 0;
}

void tt_renderer_fini(struct tt_renderer *renderer) {
    tt_spawner_close(&renderer->spawner);
    tt_file_close(&renderer->gate_fd);
    tt_place_leave(renderer->place);
    if (renderer->page)
        munmap(renderer->page, sizeof *renderer->page);
    renderer->page = NULL;
}
