/* The attributes of an item, in one place. How they become a request is aws/dynamodb.c's. */
#include "sync/item.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sync/agent.h"
#include "tintype/clock.h"

/* An item being made; full is set where the arena was. */
struct item {
    struct tt_arena *arena;
    struct tt_dynamodb_attribute *attributes;
    size_t count;
    bool full;
};

static void add(struct item *item, char type, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add(struct item *item, char type, const char *name, const char *format, ...) {
    char text[TT_SPOOL_OBJECT_KEY_SIZE + 128];
    va_list arguments;
    const char *value;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    value = tt_arena_copy_text(item->arena, text, strlen(text));
    item->full = item->full || value == NULL;
    item->attributes[item->count++] = (struct tt_dynamodb_attribute){name, type, value};
}

static void add_path(struct item *item, const struct tt_config *config, const char *name,
                     enum tt_spool_kind kind, const char *id, enum tt_picture_format format) {
    char key[TT_SPOOL_OBJECT_KEY_SIZE];

    tt_spool_object_key(config, kind, id, format, key);
    add(item, 'S', name, "s3://%s/%s", config->s3.bucket, key);
}

static void add_hash(struct item *item, const char *name, const struct tt_journal_file *file) {
    char hex[TT_HASH_HEX_SIZE];

    tt_hash_format(file->sha256, hex);
    add(item, 'S', name, "%s", hex);
}

/* What the pipeline that is replaced writes, by its names. */
static void add_core(struct item *item, const struct tt_config *config,
                     const struct tt_journal_row *row, const char *timestamp) {
    add(item, 'S', "ID", "%s", row->id);
    add(item, 'S', "Filename", "%s", row->filename);
    add(item, 'S', "Status", "processed");
    add(item, 'S', "Timestamp", "%s", timestamp);
    add_path(item, config, "S3Path", TT_SPOOL_PROCESSED, row->id, row->processed.format);
    add(item, 'N', "Size", "%" PRId64, row->processed.size_bytes);
    add(item, 'S', "Format", "%s", tt_picture_format_row(row->processed.format)->name);
}

static void add_rest(struct item *item, const struct tt_config *config, const char *node,
                     const struct tt_journal_row *row, const char *timestamp) {
    if (row->original_kept)
        add_path(item, config, "OriginalS3Path", TT_SPOOL_ORIGINAL, row->id, row->original.format);
    add(item, 'N', "OriginalSize", "%" PRId64, row->original.size_bytes);
    add(item, 'S', "OriginalFormat", "%s", tt_picture_format_row(row->original.format)->name);
    add(item, 'N', "Width", "%" PRId32, row->processed.width_px);
    add(item, 'N', "Height", "%" PRId32, row->processed.height_px);
    add(item, 'N', "OriginalWidth", "%" PRId32, row->original.width_px);
    add(item, 'N', "OriginalHeight", "%" PRId32, row->original.height_px);
    add_hash(item, "Sha256", &row->processed);
    add_hash(item, "OriginalSha256", &row->original);
    add(item, 'S', "Node", "%s", node);
    add(item, 'S', "Day", "%.10s", timestamp);
}

enum tt_err tt_item_format(struct tt_arena *arena, const struct tt_config *config, const char *node,
                           const struct tt_journal_row *row,
                           struct tt_dynamodb_attribute attributes[TT_ITEM_ATTRIBUTES_MAX],
                           size_t *count) {
    struct item item = {.arena = arena, .attributes = attributes};
    char timestamp[TT_CLOCK_RFC3339_SIZE];
    int64_t time_ms = 0;

    (void)tt_uuid_parse(row->id, &time_ms);
    tt_clock_format_rfc3339(time_ms, timestamp);
    add_core(&item, config, row, timestamp);
    add_rest(&item, config, node, row, timestamp);
    *count = item.count;
    return item.full ? TT_ERR_NO_MEMORY : TT_OK;
}
