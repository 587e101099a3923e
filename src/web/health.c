/* Health: whether the service is alive and ready, and its metrics. Each metric is one row of a
 * table, or one loop over a table elsewhere. */
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

#define METRIC(type, field, name, help)                                                            \
    { type, name, help, offsetof(struct tt_stats, field) }

static const struct {
    const char *type;
    const char *name;
    const char *help;
    size_t offset; /* of an _Atomic int64_t in struct tt_stats */
} metrics[] = {
    METRIC("counter", workers_started, "tintype_workers_started_total", "Workers started"),
    METRIC("counter", workers_died, "tintype_workers_died_total", "Workers that ended unasked"),
    METRIC("counter", requests, "tintype_requests_total", "Requests answered"),
    METRIC("counter", body_bytes, "tintype_body_bytes_total", "Upload bytes read, as on the wire"),
    METRIC("counter", upload_ms, "tintype_upload_milliseconds_total",
           "Wall time of acknowledged uploads"),
    METRIC("counter", decode_cpu_us, "tintype_decoder_cpu_microseconds_total",
           "CPU time of decoders"),
    METRIC("gauge", decoder_peak_rss_bytes, "tintype_decoder_peak_rss_bytes",
           "Peak resident memory of the largest decoder"),
};

static void append_help(struct tt_buf *text, const char *name, const char *type, const char *help) {
    tt_buf_append_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void append_value(struct tt_buf *text, const char *name, const char *type, const char *help,
                         int64_t value) {
    append_help(text, name, type, help);
    tt_buf_append_format(text, "%s %lld\n", name, (long long)value);
}

static void append_stats(struct tt_buf *text, struct tt_stats *stats) {
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        _Atomic int64_t *value = (_Atomic int64_t *)((char *)stats + metrics[i].offset);
        append_value(text, metrics[i].name, metrics[i].type, metrics[i].help, *value);
    }
    append_help(text, "tintype_uploads_total", "counter", "Uploads by outcome");
    for (int err = 0; err < TT_ERR_COUNT; err++)
        if (err == TT_OK || stats->uploads[err] > 0)
            tt_buf_append_format(text, "tintype_uploads_total{outcome=\"%s\"} %lld\n",
                                 tt_err_row((enum tt_err)err)->name,
                                 (long long)stats->uploads[err]);
    append_value(text, "tintype_uptime_seconds", "gauge", "Since the service started",
                 (tt_clock_now_ms() - stats->started_ms) / 1000);
}

static void append_totals(struct tt_buf *text, const struct tt_journal_totals *totals) {
    append_help(text, "tintype_images", "gauge", "Images in the journal by sync state");
    for (int state = 0; state < TT_SYNC_STATE_COUNT; state++)
        tt_buf_append_format(text, "tintype_images{state=\"%s\"} %lld\n",
                             tt_sync_state_name((enum tt_sync_state)state),
                             (long long)totals->rows[state]);
    append_value(text, "tintype_spool_bytes", "gauge", "Bytes of all files kept", totals->bytes);
}

static void append_backlog(struct tt_buf *text, const struct tt_journal_backlog *backlog) {
    int64_t waiting_ms = backlog->oldest_ms > 0 ? tt_clock_now_ms() - backlog->oldest_ms : 0;
    append_value(text, "tintype_oldest_waiting_seconds", "gauge",
                 "Age of the oldest image that waits for the cloud; 0: none does",
                 waiting_ms > 0 ? waiting_ms / 1000 : 0);
    append_value(text, "tintype_removals", "gauge",
                 "Deleted images that are still to be removed from the cloud, counted up to 1000",
                 backlog->removals);
    append_value(text, "tintype_events_waiting", "gauge", "Events that wait for CloudWatch Logs",
                 backlog->events);
    append_value(text, "tintype_events_dropped_total", "counter",
                 "Events that never reached CloudWatch Logs, since the journal was made",
                 backlog->dropped);
}

enum tt_err tt_health_metrics(struct tt_request *request) {
    struct tt_worker *worker = request->worker;
    struct tt_journal_totals totals;
    struct tt_journal_backlog backlog;
    struct tt_buf text;
    enum tt_err err = tt_journal_totals(worker->journal, &totals);
    if (err == TT_OK)
        err = tt_journal_backlog(worker->journal, worker->config->dynamodb.table[0] != '\0',
                                 &backlog);
    if (err != TT_OK)
        return err;
    tt_buf_init(&text, 32768);
    append_stats(&text, worker->stats);
    append_totals(&text, &totals);
    append_backlog(&text, &backlog);
    tt_reply_header(request, "Cache-Control", "no-store");
    err = tt_reply_text(request, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
    tt_buf_fini(&text);
    return err;
}
