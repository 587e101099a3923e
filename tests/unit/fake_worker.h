/* A worker on a storage directory of its own, and requests to it without a web server: the adaptor
 * is a stand-in that takes a body from a table and keeps the answer; so are the renderer and the
 * seats to wait in. Include it in one test program. */
#ifndef TINTYPE_TESTS_FAKE_WORKER_H
#define TINTYPE_TESTS_FAKE_WORKER_H

#include <stdio.h>

#include "fake_fcgi.h"
#include "scratch.h"
#include "tintype/ask.h"
#include "tintype/file.h"
#include "web/intake.h"
#include "web/request.h"
#include "web/routes.h"

#define ANSWER_SIZE 65536

static struct tt_config config;
static struct tt_stats stats;
static struct tt_worker worker;
static enum tt_err decoder_says;
static int seats_free;
static int seats_taken; /* since the test began */

static char answer[ANSWER_SIZE]; /* header lines, an empty line, the body; NUL-terminated */
static size_t answer_length;

static const uint8_t *sent_body;
static size_t sent_left;

void tt_fcgi_write(struct tt_fcgi *fcgi, const void *bytes, size_t length) {
    (void)fcgi;
    assert_in_range(answer_length + length, 0, ANSWER_SIZE - 1);
    memcpy(answer + answer_length, bytes, length);
    answer_length += length;
    answer[answer_length] = '\0';
}

enum tt_err tt_fcgi_read(struct tt_fcgi *fcgi, uint8_t *bytes, size_t size, size_t *got) {
    (void)fcgi;
    *got = size < sent_left ? size : sent_left;
    memcpy(bytes, sent_body, *got);
    sent_body += *got;
    sent_left -= *got;
    return TT_OK;
}

enum tt_err tt_place_sit(struct tt_place *place, uint64_t client, bool is_brief) {
    (void)place;
    (void)client;
    (void)is_brief;
    if (seats_free == 0)
        return tt_err_fail(TT_ERR_BUSY, "no seat");
    seats_free--;
    seats_taken++;
    return TT_OK;
}

void tt_place_leave(struct tt_place *place) {
    (void)place;
    seats_free++;
}

/* The decoder renders nothing: it writes a few bytes, and says what the test wants. */
enum tt_err tt_renderer_start(struct tt_renderer *renderer, uint64_t client, int picture_fd,
                              const struct tt_picture_output *outputs, int count) {
    (void)renderer;
    (void)client;
    (void)picture_fd;
    assert_int_equal(count, 1);
    return tt_file_write(outputs[0].fd, "result", 6);
}

enum tt_err tt_renderer_finish(struct tt_renderer *renderer, struct tt_picture_report *report) {
    (void)renderer;
    *report = (struct tt_picture_report){
        .source_width_px = 8, .source_height_px = 6, .results[0] = {4, 3}};
    return decoder_says == TT_OK ? TT_OK : tt_err_refuse(decoder_says, "Thus the decoder.");
}

static int worker_open(void **state) {
    if (scratch_make(state) != 0)
        return -1;
    tt_err_take(TT_OK);
    memset(&config, 0, sizeof config);
    memset(&stats, 0, sizeof stats);
    snprintf(config.storage.dir, sizeof config.storage.dir, "%s", scratch);
    config.storage.keep_original = true;
    config.server.max_body_bytes = 1 << 20;
    strcpy(config.server.base_path, "/api");
    strcpy(config.s3.bucket, "pictures");
    strcpy(config.s3.processed_prefix, "processed/");
    strcpy(config.s3.original_prefix, "originals/");
    worker = (struct tt_worker){
        .config = &config,
        .stats = &stats,
        .node = "node-1",
        .piece = malloc(TT_WORKER_PIECE_BYTES),
        .gathered = malloc(TT_INTAKE_GATHER_BYTES),
    };
    seats_free = 1;
    seats_taken = 0;
    decoder_says = TT_OK;
    tt_arena_init(&worker.arena, 1 << 20);
    return worker.piece && worker.gathered && tt_spool_open(&worker.spool, scratch) == TT_OK &&
                   tt_journal_open(&worker.journal, scratch) == TT_OK
               ? 0
               : -1;
}

static int worker_close(void **state) {
    tt_journal_close(worker.journal);
    tt_spool_close(&worker.spool);
    tt_arena_fini(&worker.arena);
    free(worker.piece);
    free(worker.gathered);
    fake_params_clear();
    return scratch_remove(state);
}

/* Sends one request and returns its status. Headers of it are set with fake_param_set before. */
static inline int ask_worker(const char *method, const char *target) {
    struct tt_request request;
    int status;

    answer_length = 0;
    answer[0] = '\0';
    fake_param_set("REQUEST_METHOD", method);
    fake_param_set("REQUEST_URI", target);
    assert_int_equal(tt_request_init(&request, &worker), TT_OK);
    tt_routes_answer(&request);
    status = request.status;
    tt_request_fini(&request);
    tt_arena_reset(&worker.arena);
    tt_err_take(TT_OK);
    assert_true(status > 0);
    return status;
}

/* Returns a header of the answer, one at a time; NULL when there is none. */
static inline const char *answer_header(const char *name) {
    static char value[ANSWER_SIZE];
    size_t length = strlen(name);

    for (const char *line = answer; *line != '\r' && *line != '\0';) {
        const char *end = strstr(line, "\r\n");

        assert_non_null(end);
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            snprintf(value, sizeof value, "%.*s", (int)(end - line - (int)length - 2),
                     line + length + 2);
            return value;
        }
        line = end + 2;
    }
    return NULL;
}

static inline const char *answer_body(void) {
    const char *end = strstr(answer, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

/* Asserts that the answer is the problem document of err. */
static inline void assert_problem(enum tt_err err) {
    char type[128];

    snprintf(type, sizeof type, "\"urn:tintype:problem:%s\"", tt_err_row(err)->name);
    assert_non_null(strstr(answer_body(), type));
}

/* Makes a row as an upload does; its id is set. */
static inline struct tt_journal_row new_row(enum tt_sync_state state) {
    struct tt_journal_row row = {
        .filename = "a \"b\" \xC3\xA9.jpg",
        .file_count = 2,
        .files = {{.kind = TT_SPOOL_PROCESSED,
                   .kept = true,
                   .size_bytes = 10,
                   .format = TT_FORMAT_PNG,
                   .width_px = 4,
                   .height_px = 3,
                   .sha256 = {1, 2, 3}},
                  {.kind = TT_SPOOL_ORIGINAL,
                   .kept = true,
                   .size_bytes = 20,
                   .format = TT_FORMAT_JPEG,
                   .width_px = 8,
                   .height_px = 6,
                   .sha256 = {4, 5, 6}}},
        .sync_state = state,
    };

    assert_int_equal(tt_uuid_new(row.id, NULL), TT_OK);
    return row;
}

static inline struct tt_journal_row insert_row(enum tt_sync_state state) {
    struct tt_journal_row row = new_row(state);

    assert_int_equal(tt_journal_insert(worker.journal, &row, NULL, 0), TT_OK);
    return row;
}

/* Adds a rendition to a row that was not inserted yet; the row's file has that number. */
static inline int add_rendition(struct tt_journal_row *row, const char *name, int64_t size_bytes) {
    int number = tt_journal_row_original(row);

    row->files[row->file_count++] = row->files[number];
    row->files[number] = (struct tt_journal_file){.kind = TT_SPOOL_RENDITION,
                                                  .kept = true,
                                                  .format = TT_FORMAT_WEBP,
                                                  .size_bytes = size_bytes,
                                                  .width_px = 2,
                                                  .height_px = 1,
                                                  .sha256 = {7, 8, 9}};
    snprintf(row->files[number].name, sizeof row->files[number].name, "%s", name);
    return number;
}

/* Inserts a row with two renditions: "large" of 30 bytes, "thumb" of 5. */
static inline struct tt_journal_row insert_with_renditions(enum tt_sync_state state) {
    struct tt_journal_row row = new_row(state);

    add_rendition(&row, "large", 30);
    add_rendition(&row, "thumb", 5);
    assert_int_equal(tt_journal_insert(worker.journal, &row, NULL, 0), TT_OK);
    return row;
}

/* Returns the path of an image's part (rest is "/processed", say), one at a time. */
static inline const char *path_of(const struct tt_journal_row *row, const char *rest) {
    static char target[256];

    snprintf(target, sizeof target, "/api/images/%s%s", row->id, rest);
    return target;
}

/* Puts a file of the row into a spool; it may run in a process of its own. */
static inline enum tt_err put_file(struct tt_spool *spool, const struct tt_journal_row *row,
                                   int number, const char *bytes) {
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    struct tt_staged staged;
    enum tt_err err = tt_spool_stage(spool, &staged);

    if (err == TT_OK)
        err = tt_file_write(staged.fd, bytes, strlen(bytes));
    if (err == TT_OK)
        err = tt_spool_keep(spool, &staged, &name);
    tt_spool_discard(spool, &staged);
    return err;
}

#endif
