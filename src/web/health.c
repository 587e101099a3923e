/* Health: whether the service is alive and ready, and its metrics, each of which is one row of a
 * table. */
#include "web/health.h"

#include <stddef.h>

#include "tintype/clock.h"
#include "web/reply.h"

static enum tt_err reply_status(struct tt_request *request, const char *json) {
    struct tt_buf text;
    tt_buf_init(&text, 256);
    tt_buf_append_text(&text, json);
    tt_reply_header(request, "Cache-Control", "no-store");
    enum tt_err err = tt_reply_text(request, 200, "application/json", &text);
    tt_buf_fini(&text);
    return err;
}

enum tt_err tt_health_alive(struct tt_request *request) {
    return reply_status(request, "{\"status\":\"alive\"}");
}

enum tt_err tt_health_ready(struct tt_request *request) {
    struct tt_worker *worker = request->worker;
    int64_t quota_bytes = worker->config->storage.quota_bytes;
    struct tt_journal_totals totals;
    enum tt_err err = tt_spool_check(&worker->spool, worker->config->server.max_body_bytes);
    if (err == TT_OK)
        err = tt_journal_check(worker->journal);
    if (err == TT_OK)
        err = tt_journal_totals(worker->journal, &totals);
    if (err == TT_OK && quota_bytes > 0 && totals.bytes >= quota_bytes)
        err = tt_err_fail(TT_ERR_SPOOL_FULL, "%lld bytes are kept, quota_bytes is %lld",
                          (long long)totals.bytes, (long long)quota_bytes);
    return err != TT_OK ? err : reply_status(request, "{\"status\":\"ready\"}");
}

/* What the values of all metrics are taken from. */
struct sample {
    struct tt_stats *stats;
    struct tt_board_count workers;
    struct tt_journal_totals totals;
    struct tt_journal_backlog backlog;
    int64_t now_ms; /* Unix */
};

struct metric {
    const char *type;
    const char *name;
    const char *help;
    /* Appends the metric's lines. */
    void (*append)(struct tt_buf *text, const struct metric *metric, const struct sample *sample);
    size_t offset; /* of an int64_t in what append reads; else 0 */
};

static void append_value(struct tt_buf *text, const struct metric *metric, int64_t value) {
    tt_buf_append_format(text, "%s %lld\n", metric->name, (long long)value);
}

static void append_shared(struct tt_buf *text, const struct metric *metric,
                          const struct sample *sample) {
    append_value(text, metric, *(_Atomic int64_t *)((char *)sample->stats + metric->offset));
}

static void append_backlog(struct tt_buf *text, const struct metric *metric,
                           const struct sample *sample) {
    append_value(text, metric, *(const int64_t *)((const char *)&sample->backlog + metric->offset));
}

static void append_workers(struct tt_buf *text, const struct metric *metric,
                           const struct sample *sample) {
    append_value(text, metric, *(const int64_t *)((const char *)&sample->workers + metric->offset));
}

static void append_uploads(struct tt_buf *text, const struct metric *metric,
                           const struct sample *sample) {
    for (int err = 0; err < TT_ERR_COUNT; err++)
        if (err == TT_OK || sample->stats->uploads[err] > 0)
            tt_buf_append_format(text, "%s{outcome=\"%s\"} %lld\n", metric->name,
                                 tt_err_row((enum tt_err)err)->name,
                                 (long long)sample->stats->uploads[err]);
}

static void append_uptime(struct tt_buf *text, const struct metric *metric,
                          const struct sample *sample) {
    append_value(text, metric, (sample->now_ms - sample->stats->started_ms) / 1000);
}

static void append_images(struct tt_buf *text, const struct metric *metric,
                          const struct sample *sample) {
    for (int state = 0; state < TT_SYNC_STATE_COUNT; state++)
        tt_buf_append_format(text, "%s{state=\"%s\"} %lld\n", metric->name,
                             tt_sync_state_name((enum tt_sync_state)state),
                             (long long)sample->totals.rows[state]);
}

static void append_spool(struct tt_buf *text, const struct metric *metric,
                         const struct sample *sample) {
    append_value(text, metric, sample->totals.bytes);
}

/* A clock that was set back must not make an age below nothing. */
static void append_oldest(struct tt_buf *text, const struct metric *metric,
                          const struct sample *sample) {
    int64_t oldest_ms = sample->backlog.oldest_ms;
    int64_t waiting_ms = oldest_ms > 0 ? sample->now_ms - oldest_ms : 0;
    append_value(text, metric, waiting_ms > 0 ? waiting_ms / 1000 : 0);
}

#define SHARED(field)  append_shared, offsetof(struct tt_stats, field)
#define WORKERS(field) append_workers, offsetof(struct tt_board_count, field)
#define BACKLOG(field) append_backlog, offsetof(struct tt_journal_backlog, field)

static const struct metric metrics[] = {
    {"counter", "tintype_workers_started_total", "Workers started", SHARED(workers_started)},
    {"counter", "tintype_workers_died_total", "Workers that ended unasked", SHARED(workers_died)},
    {"gauge", "tintype_workers", "Workers of the configuration in effect, extra ones too",
     WORKERS(workers)},
    {"gauge", "tintype_workers_waiting",
     "Workers that wait for a slow client, or for a web server that passes its pace on",
     WORKERS(waiting)},
    {"counter", "tintype_requests_total", "Requests answered", SHARED(requests)},
    {"counter", "tintype_body_bytes_total", "Upload bytes read, as on the wire",
     SHARED(body_bytes)},
    {"counter", "tintype_upload_milliseconds_total", "Wall time of acknowledged uploads",
     SHARED(upload_ms)},
    {"counter", "tintype_decoder_cpu_microseconds_total", "CPU time of decoders",
     SHARED(decode_cpu_us)},
    {"gauge", "tintype_decoder_peak_rss_bytes", "Peak resident memory of the largest decoder",
     SHARED(decoder_peak_rss_bytes)},
    {"counter", "tintype_decoders_confined_total",
     "Decoders that were ended as they asked for a system call that they may not have",
     SHARED(decoders_confined)},
    {"counter", "tintype_uploads_total", "Uploads by outcome", append_uploads, 0},
    {"gauge", "tintype_uptime_seconds", "Since the service started", append_uptime, 0},
    {"gauge", "tintype_images", "Images in the journal by sync state", append_images, 0},
    {"gauge", "tintype_spool_bytes", "Bytes of all files kept", append_spool, 0},
    {"gauge", "tintype_oldest_waiting_seconds",
     "Age of the oldest image that waits for the cloud; 0: none does", append_oldest, 0},
    {"gauge", "tintype_removals",
     "Deleted images that are still to be removed from the cloud, counted up to 1000",
     BACKLOG(removals)},
    {"gauge", "tintype_events_waiting", "Events that wait for CloudWatch Logs", BACKLOG(events)},
    {"counter", "tintype_events_dropped_total",
     "Events that never reached CloudWatch Logs, since the journal was made", BACKLOG(dropped)},
};

static void append_metrics(struct tt_buf *text, const struct sample *sample) {
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        tt_buf_append_format(text, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help,
                             metrics[i].name, metrics[i].type);
        metrics[i].append(text, &metrics[i], sample);
    }
}

/* A process without a master is its only worker, and at work on this request. */
static struct tt_board_count count_workers(const struct tt_post *post) {
    return post ? tt_board_count(post->board, tt_clock_monotonic_ms())
                : (struct tt_board_count){.workers = 1};
}

enum tt_err tt_health_metrics(struct tt_request *request) {
    struct tt_worker *worker = request->worker;
    struct sample sample = {.stats = worker->stats, .now_ms = tt_clock_now_ms()};
    struct tt_buf text;
    sample.workers = count_workers(worker->post);
    enum tt_err err = tt_journal_totals(worker->journal, &sample.totals);
    if (err == TT_OK)
        err = tt_journal_backlog(worker->journal, worker->config->dynamodb.table[0] != '\0',
                                 &sample.backlog);
    if (err != TT_OK)
        return err;
    tt_buf_init(&text, 32768);
    append_metrics(&text, &sample);
    tt_reply_header(request, "Cache-Control", "no-store");
    err = tt_reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
    tt_buf_fini(&text);
    return err;
}
