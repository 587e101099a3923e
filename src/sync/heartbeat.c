/* The heartbeat's text (CloudWatch User Guide, "Specification: Embedded metric format") is written
 * by hand, as its form is fixed. When it is sent is ship.c's. */
#include "sync/heartbeat.h"

#include <inttypes.h>

#define NAMESPACE "tintype"

struct metric {
    const char *name;
    const char *unit;
    int64_t value;
};

static void append_directive(struct tt_buf *text, const struct metric *metrics, size_t count,
                             int64_t time_ms) {
    tt_buf_append_format(text,
                         "\"_aws\":{\"Timestamp\":%" PRId64
                         ",\"CloudWatchMetrics\":[{\"Namespace\":\"" NAMESPACE
                         "\",\"Dimensions\":[[\"Node\"]],\"Metrics\":[",
                         time_ms);
    for (size_t i = 0; i < count; i++)
        tt_buf_append_format(text, "%s{\"Name\":\"%s\",\"Unit\":\"%s\"}", i > 0 ? "," : "",
                             metrics[i].name, metrics[i].unit);
    tt_buf_append_text(text, "]}]}");
}

/* A clock that was set back must not make a negative age. */
static int64_t count_seconds(int64_t since_ms, int64_t now_ms) {
    return since_ms > 0 && now_ms > since_ms ? (now_ms - since_ms) / 1000 : 0;
}

void tt_heartbeat_format(struct tt_buf *text, const char *node,
                         const struct tt_journal_backlog *backlog, int64_t now_ms,
                         int64_t time_ms) {
    const struct metric metrics[] = {
        {"Heartbeat", "Count", 1},
        {"OldestUnsyncedSeconds", "Seconds", count_seconds(backlog->oldest_ms, now_ms)},
        {"WaitingImages", "Count", backlog->waiting},
        {"DeadImages", "Count", backlog->dead},
        {"Removals", "Count", backlog->removals},
        {"EventsDropped", "Count", backlog->dropped},
    };
    const size_t count = sizeof metrics / sizeof *metrics;
    tt_buf_append_text(text, "{\"event\":\"heartbeat\",\"Node\":");
    tt_buf_append_json(text, node);
    for (size_t i = 0; i < count; i++)
        tt_buf_append_format(text, ",\"%s\":%" PRId64, metrics[i].name, metrics[i].value);
    tt_buf_append_text(text, ",");
    append_directive(text, metrics, count, time_ms);
    tt_buf_append_text(text, "}");
}
