/* src/web/upload.c: what an upload tells the journal beside its row, and what its client is told.
 * The decoder is a stand-in that renders nothing; the pipeline as a whole is tested from outside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>
#include <sqlite3.h>

#include "fake_worker.h"
#include "tintype/clock.h"
#include "tintype/journal_event.h"

static const uint8_t picture[] = {0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0,
                                  0,    13,  'I', 'H', 'D',  'R',  0,    0,    0, 1};

static int set_up(void **state) {
    if (worker_open(state) != 0)
        return -1;
    config.image.options.format = TT_FORMAT_PNG;
    strcpy(config.cloudwatch.log_group, "/tintype");
    fake_param_set("CONTENT_TYPE", "image/png");
    return 0;
}

static int upload_bytes(const char *query, const void *bytes, size_t length) {
    char target[256];

    sent_body = bytes;
    sent_left = length;
    snprintf(target, sizeof target, "/api/images?%s", query);
    return ask_worker("POST", target);
}

static int upload(const char *query) {
    return upload_bytes(query, picture, sizeof picture);
}

/* Returns the one event that waits, parsed; its time is about now. */
static json_t *only_event(void) {
    struct tt_arena arena;
    struct tt_journal_event events[2];
    json_t *parsed;
    int count;

    tt_arena_init(&arena, 1 << 20);
    assert_int_equal(tt_journal_events(worker.journal, &arena, 2, 1 << 20, events, &count), TT_OK);
    assert_int_equal(count, 1);
    assert_in_range(events[0].time_ms, tt_clock_now_ms() - 60000, tt_clock_now_ms());
    parsed = json_loads(events[0].message, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(parsed, "_aws"), "Timestamp")),
        events[0].time_ms);
    tt_arena_fini(&arena);
    return parsed;
}

static const char *text_of(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

static int64_t count_events(void) {
    struct tt_journal_backlog backlog;

    assert_int_equal(tt_journal_backlog(worker.journal, true, &backlog), TT_OK);
    return backlog.events;
}

static void success_is_told(void **state) {
    (void)state;
    assert_int_equal(upload("filename=a.png"), 200);
    json_t *image = json_loads(answer_body(), 0, NULL);
    json_t *event = only_event();
    assert_string_equal(text_of(event, "event"), "image.processed");
    assert_string_equal(text_of(event, "id"), text_of(image, "id"));
    assert_string_equal(text_of(event, "sha256"), text_of(image, "sha256"));
    assert_string_equal(text_of(event, "filename"), "a.png");
    assert_string_equal(text_of(event, "requestId"), answer_header("X-Request-Id"));
    assert_string_equal(text_of(event, "Node"), "node-1");
    assert_int_equal(json_integer_value(json_object_get(event, "status")), 200);
    assert_int_equal(json_integer_value(json_object_get(event, "ResultBytes")), 6);
    assert_true(json_is_integer(json_object_get(event, "ReadMs")));
    assert_true(json_is_integer(json_object_get(event, "RenderMs")));
    assert_true(json_is_integer(json_object_get(event, "KeepMs")));
    json_decref(event);
    json_decref(image);
}

static void redirected_browser_is_told(void **state) {
    (void)state;
    fake_param_set("HTTP_ACCEPT", "text/html");
    assert_int_equal(upload(""), 303);
    json_t *event = only_event();
    assert_int_equal(json_integer_value(json_object_get(event, "status")), 303);
    /* The filename is made of the id, as none was given. */
    assert_non_null(strstr(text_of(event, "filename"), text_of(event, "id")));
    json_decref(event);
}

static void refusal_of_the_body_is_told(void **state) {
    (void)state;
    assert_int_equal(upload_bytes("filename=b.png", "no picture at all", 17), 415);
    json_t *event = only_event();
    assert_string_equal(text_of(event, "event"), "image.refused");
    assert_string_equal(text_of(event, "error"), "unsupported-picture");
    assert_string_equal(text_of(event, "filename"), "b.png");
    assert_string_equal(text_of(event, "requestId"), answer_header("X-Request-Id"));
    assert_int_equal(json_integer_value(json_object_get(event, "status")), 415);
    assert_null(json_object_get(event, "id"));
    assert_null(json_object_get(json_object_get(event, "original"), "sha256"));
    json_decref(event);
}

static void refusal_of_the_decoder_is_told(void **state) {
    (void)state;
    decoder_says = TT_ERR_PICTURE_BROKEN;
    assert_int_equal(upload(""), 422);
    json_t *event = only_event();
    assert_string_equal(text_of(event, "error"), "broken-picture");
    assert_string_equal(text_of(event, "detail"), "Thus the decoder.");
    assert_int_equal(json_integer_value(json_object_get(event, "UploadFailures")), 1);
    assert_non_null(json_object_get(json_object_get(event, "original"), "sha256"));
    assert_null(json_object_get(event, "KeepMs"));
    json_decref(event);
}

/* The decoder's code answers no request, so the client is told an internal error, and so is the log
 * group. */
static void failure_is_told_as_it_was_answered(void **state) {
    (void)state;
    decoder_says = TT_ERR_SYSTEM;
    assert_int_equal(upload(""), 500);
    json_t *event = only_event();
    assert_string_equal(text_of(event, "error"), "internal-error");
    assert_int_equal(json_integer_value(json_object_get(event, "status")), 500);
    json_decref(event);
}

/* The transaction that refuses the row takes its event along, and the refusal's own comes after. */
static void refused_row_leaves_one_event(void **state) {
    (void)state;
    config.storage.quota_bytes = 1;
    assert_int_equal(upload(""), 507);
    json_t *event = only_event();
    assert_string_equal(text_of(event, "error"), "storage-full");
    json_decref(event);
}

static void nobody_is_told_without_a_log_group(void **state) {
    (void)state;
    config.cloudwatch.log_group[0] = '\0';
    assert_int_equal(upload(""), 200);
    decoder_says = TT_ERR_PICTURE_BROKEN;
    assert_int_equal(upload(""), 422);
    assert_int_equal(count_events(), 0);
}

/* A node whose name is no text can be told to nobody; the picture is kept all the same. */
static void event_that_cannot_be_made_harms_nothing(void **state) {
    (void)state;
    strcpy(worker.node, "\xFF");
    assert_int_equal(upload(""), 200);
    decoder_says = TT_ERR_PICTURE_BROKEN;
    assert_int_equal(upload(""), 422);
    assert_problem(TT_ERR_PICTURE_BROKEN);
    assert_int_equal(count_events(), 0);
}

/* The journal cannot take the event; the client is told of its picture, not of that. */
static void event_that_cannot_be_noted_changes_no_answer(void **state) {
    sqlite3 *db;

    (void)state;
    assert_int_equal(sqlite3_open(scratch_path("journal.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TABLE event", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    decoder_says = TT_ERR_PICTURE_BROKEN;
    assert_int_equal(upload(""), 422);
    assert_problem(TT_ERR_PICTURE_BROKEN);
    assert_non_null(strstr(answer_body(), "Thus the decoder."));
}

static void *no_memory(size_t size) {
    (void)size;
    return NULL;
}

static int64_t count_rows(void) {
    struct tt_journal_totals totals;

    assert_int_equal(tt_journal_totals(worker.journal, &totals), TT_OK);
    assert_int_equal(totals.bytes > 0, totals.rows[TT_SYNC_PENDING] > 0);
    return totals.rows[TT_SYNC_PENDING];
}

static bool no_file_is_known(void *context, const struct tt_spool_name *name) {
    (void)context;
    (void)name;
    return false;
}

/* A client that is told that its image was not stored sends it again, so it must not be there. */
static void upload_that_cannot_be_answered_is_not_stored(void **state) {
    (void)state;
    json_set_alloc_funcs(no_memory, free);
    int status = upload("");
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(status, 503);
    assert_int_equal(count_rows(), 0);
    int64_t files;
    assert_int_equal(tt_spool_sweep(&worker.spool, no_file_is_known, NULL, &files), TT_OK);
    assert_int_equal(files, 0);
    assert_int_equal(upload(""), 200);
    assert_int_equal(count_rows(), 1);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, worker_close)
    const struct CMUnitTest tests[] = {
        CASE(success_is_told),
        CASE(redirected_browser_is_told),
        CASE(refusal_of_the_body_is_told),
        CASE(refusal_of_the_decoder_is_told),
        CASE(failure_is_told_as_it_was_answered),
        CASE(refused_row_leaves_one_event),
        CASE(nobody_is_told_without_a_log_group),
        CASE(event_that_cannot_be_made_harms_nothing),
        CASE(event_that_cannot_be_noted_changes_no_answer),
        CASE(upload_that_cannot_be_answered_is_not_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
