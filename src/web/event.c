/* Events as JSON. The embedded metric format is that of the CloudWatch user guide ("Specification:
 * embedded metric format"): a number is a metric where "_aws" names it. When an event is made, and
 * where it goes, is upload.c's. */
#include "web/event.h"

#include <jansson.h>
#include <stdio.h>

#include "web/json.h"

#define NAMESPACE "tintype"

static const char *const stage_names[TT_EVENT_STAGE_COUNT] = {
    [TT_EVENT_READ] = "ReadMs",
    [TT_EVENT_RENDER] = "RenderMs",
    [TT_EVENT_KEEP] = "KeepMs",
};

/* An event being made; failed is set where jansson had no memory or took no text. */
struct maker {
    json_t *root;
    json_t *metrics;
    bool failed;
};

/* Adds value, whose owner is then the object; NULL, which means that there was no memory for it, is
 * a failure. */
static void add(struct maker *maker, json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0)
        maker->failed = true;
}

static void add_metric(struct maker *maker, const char *name, const char *unit, int64_t value) {
    add(maker, maker->root, name, json_integer(value));
    if (json_array_append_new(maker->metrics,
                              json_pack("{s:s, s:s}", "Name", name, "Unit", unit)) != 0)
        maker->failed = true;
}

/* Adds what is known of a file; is_hashed tells whether its hash is known. */
static void add_file(struct maker *maker, json_t *object, const struct tt_journal_file *file,
                     bool is_hashed) {
    if (file->size_bytes > 0)
        add(maker, object, "size", json_integer(file->size_bytes));
    if (file->format != TT_FORMAT_NONE)
        add(maker, object, "format", json_string(tt_picture_format_row(file->format)->name));
    if (file->width_px > 0 && file->height_px > 0) {
        add(maker, object, "width", json_integer(file->width_px));
        add(maker, object, "height", json_integer(file->height_px));
    }
    if (!is_hashed)
        return;
    char hex[TT_HASH_HEX_SIZE];
    tt_hash_format(file->sha256, hex);
    add(maker, object, "sha256", json_string(hex));
}

static void add_outcome(struct maker *maker, const struct tt_event *event) {
    bool is_processed = event->err == TT_OK;
    add(maker, maker->root, "event",
        json_string(is_processed ? "image.processed" : "image.refused"));
    add(maker, maker->root, "requestId", json_string(event->request_id));
    if (is_processed)
        add(maker, maker->root, "id", json_string(event->row->id));
    if (event->filename[0] != '\0')
        add(maker, maker->root, "filename", json_string(event->filename));
    add(maker, maker->root, "status", json_integer(event->status));
    if (is_processed)
        return;
    add(maker, maker->root, "error", json_string(tt_err_row(event->err)->name));
    add(maker, maker->root, "detail", json_string(event->detail));
}

static void add_files(struct maker *maker, const struct tt_event *event) {
    json_t *original = json_object();
    if (event->err == TT_OK)
        add_file(maker, maker->root, &event->row->files[TT_JOURNAL_PROCESSED], true);
    /* The original's hash is known once the whole body was read, and rendering begins after that.
     */
    add_file(maker, original, &event->row->files[tt_journal_row_original(event->row)],
             event->stage_ms[TT_EVENT_RENDER] >= 0);
    if (original && json_object_size(original) == 0)
        json_decref(original);
    else
        add(maker, maker->root, "original", original);
}

static void add_metrics(struct maker *maker, const struct tt_event *event) {
    add_metric(maker, "Uploads", "Count", 1);
    add_metric(maker, "UploadFailures", "Count", event->err != TT_OK);
    for (int i = 0; i < TT_EVENT_STAGE_COUNT; i++)
        if (event->stage_ms[i] >= 0)
            add_metric(maker, stage_names[i], "Milliseconds", event->stage_ms[i]);
    add_metric(maker, "TotalMs", "Milliseconds", event->total_ms);
    if (event->err != TT_OK)
        return;
    const struct tt_journal_file *files = event->row->files;
    add_metric(maker, "OriginalBytes", "Bytes",
               files[tt_journal_row_original(event->row)].size_bytes);
    add_metric(maker, "ResultBytes", "Bytes", files[TT_JOURNAL_PROCESSED].size_bytes);
}

bool tt_event_append(struct tt_buf *text, const struct tt_event *event) {
    struct maker maker = {.root = json_object(), .metrics = json_array()};
    add_outcome(&maker, event);
    add_files(&maker, event);
    add(&maker, maker.root, "Node", json_string(event->node));
    add_metrics(&maker, event);
    add(&maker, maker.root, "_aws",
        json_pack("{s:I, s:[{s:s, s:[[s]], s:O}]}", "Timestamp", (json_int_t)event->time_ms,
                  "CloudWatchMetrics", "Namespace", NAMESPACE, "Dimensions", "Node", "Metrics",
                  maker.metrics));
    if (!maker.failed)
        maker.failed = tt_json_append(text, json_incref(maker.root)) != TT_OK || text->overflowed;
    json_decref(maker.metrics);
    json_decref(maker.root);
    return !maker.failed;
}
