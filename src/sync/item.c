/* What an item says of an image is all here. How it becomes a request is aws/dynamodb.c's. */
#include "sync/item.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tintype/clock.h"

#define RENDITION_MEMBERS_MAX 8

/* An item being made, or a map within it. */
struct item {
    struct tt_arena *arena;
    struct tt_dynamodb_attribute *attributes;
    size_t count;
    size_t most; /* how many attributes have room */
    bool full;   /* something had no room, here or in the arena */
};

static void put(struct item *item, struct tt_dynamodb_attribute attribute) {
    item->full = item->full || item->count == item->most;
    if (!item->full)
        item->attributes[item->count++] = attribute;
}

static void add(struct item *item, char type, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add(struct item *item, char type, const char *name, const char *format, ...) {
    char text[TT_SPOOL_OBJECT_KEY_SIZE + 128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *value = tt_arena_copy_text(item->arena, text, strlen(text));
    item->full = item->full || !value;
    put(item, (struct tt_dynamodb_attribute){.name = name, .type = type, .value = value});
}

/* A map that is to be filled with at most that many members; it is full where the arena has no room
 * for them. */
static struct item new_map(struct item *item, size_t members_max) {
    struct item map = {.arena = item->arena, .most = members_max};
    map.attributes = tt_arena_alloc_array(item->arena, members_max, sizeof *map.attributes);
    map.full = !map.attributes;
    return map;
}

static void add_map(struct item *item, const char *name, const struct item *map) {
    item->full = item->full || map->full;
    put(item,
        (struct tt_dynamodb_attribute){
            .name = name, .type = 'M', .members = map->attributes, .member_count = map->count});
}

static void add_path(struct item *item, const struct tt_config *config, const char *name,
                     const struct tt_journal_row *row, int number) {
    const struct tt_spool_name file = tt_journal_row_name(row, number);
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    tt_spool_object_key(config, &file, key);
    add(item, 'S', name, "s3://%s/%s", config->s3.bucket, key);
}

static void add_hash(struct item *item, const char *name, const struct tt_journal_file *file) {
    char hex[TT_HASH_HEX_SIZE];
    tt_hash_format(file->sha256, hex);
    add(item, 'S', name, "%s", hex);
}

/* These attributes are those that the replaced pipeline writes, by its names. */
static void add_core(struct item *item, const struct tt_config *config,
                     const struct tt_journal_row *row, const char *timestamp) {
    const struct tt_journal_file *processed = &row->files[TT_JOURNAL_PROCESSED];
    add(item, 'S', "ID", "%s", row->id);
    add(item, 'S', "Filename", "%s", row->filename);
    add(item, 'S', "Status", "processed");
    add(item, 'S', "Timestamp", "%s", timestamp);
    add_path(item, config, "S3Path", row, TT_JOURNAL_PROCESSED);
    add(item, 'N', "Size", "%" PRId64, processed->size_bytes);
    add(item, 'S', "Format", "%s", tt_picture_format_row(processed->format)->name);
}

static void add_rest(struct item *item, const struct tt_config *config, const char *node,
                     const struct tt_journal_row *row, const char *timestamp) {
    const struct tt_journal_file *processed = &row->files[TT_JOURNAL_PROCESSED];
    const struct tt_journal_file *original = &row->files[tt_journal_row_original(row)];
    if (original->kept)
        add_path(item, config, "OriginalS3Path", row, tt_journal_row_original(row));
    add(item, 'N', "OriginalSize", "%" PRId64, original->size_bytes);
    add(item, 'S', "OriginalFormat", "%s", tt_picture_format_row(original->format)->name);
    add(item, 'N', "Width", "%" PRId32, processed->width_px);
    add(item, 'N', "Height", "%" PRId32, processed->height_px);
    add(item, 'N', "OriginalWidth", "%" PRId32, original->width_px);
    add(item, 'N', "OriginalHeight", "%" PRId32, original->height_px);
    add_hash(item, "Sha256", processed);
    add_hash(item, "OriginalSha256", original);
    add(item, 'S', "Node", "%s", node);
    add(item, 'S', "Day", "%.10s", timestamp);
}

static void add_rendition(struct item *renditions, const struct tt_config *config,
                          const struct tt_journal_row *row, int number) {
    const struct tt_journal_file *file = &row->files[number];
    struct item map = new_map(renditions, RENDITION_MEMBERS_MAX);
    if (!map.full) {
        add_path(&map, config, "S3Path", row, number);
        add(&map, 'N', "Size", "%" PRId64, file->size_bytes);
        add(&map, 'S', "Format", "%s", tt_picture_format_row(file->format)->name);
        add(&map, 'N', "Width", "%" PRId32, file->width_px);
        add(&map, 'N', "Height", "%" PRId32, file->height_px);
        add_hash(&map, "Sha256", file);
    }
    add_map(renditions, file->name, &map);
}

/* The renditions are a map from a preset's name to what it made. */
static void add_renditions(struct item *item, const struct tt_config *config,
                           const struct tt_journal_row *row) {
    struct item map = new_map(item, TT_PICTURE_RENDITIONS_MAX);
    for (int i = TT_JOURNAL_RENDITION; !map.full && i < tt_journal_row_original(row); i++)
        add_rendition(&map, config, row, i);
    add_map(item, "Renditions", &map);
}

enum tt_err tt_item_format(struct tt_arena *arena, const struct tt_config *config, const char *node,
                           const struct tt_journal_row *row,
                           struct tt_dynamodb_attribute attributes[TT_ITEM_ATTRIBUTES_MAX],
                           size_t *count) {
    struct item item = {.arena = arena, .attributes = attributes, .most = TT_ITEM_ATTRIBUTES_MAX};
    char timestamp[TT_CLOCK_RFC3339_SIZE];
    int64_t time_ms = 0;
    tt_uuid_parse(row->id, &time_ms);
    tt_clock_format_rfc3339(time_ms, timestamp);
    add_core(&item, config, row, timestamp);
    add_rest(&item, config, node, row, timestamp);
    if (tt_journal_row_original(row) > TT_JOURNAL_RENDITION)
        add_renditions(&item, config, row);
    *count = item.count;
    return item.full ? TT_ERR_NO_MEMORY : TT_OK;
}
