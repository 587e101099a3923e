/* src/web/retrieve.c where no agent is needed: bytes that are here, answers without bytes,
 * deletion. What is in the cloud alone is web_remote_test.c's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_worker.h"
#include "tintype/journal_sync.h"

#define RESULT   "0123456789"
#define ORIGINAL "abcdefghijklmnopqrst"

static void local_bytes(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);

    (void)state;
    assert_int_equal(put_file(&worker.spool, &row, TT_JOURNAL_PROCESSED, RESULT), TT_OK);
    assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 200);
    assert_string_equal(answer_body(), RESULT);
    assert_string_equal(answer_header("Content-Type"), "image/png");
    assert_string_equal(answer_header("Content-Length"), "10");
    assert_int_equal(seats_taken, 0);
}

static void cut_request_id(void) {
    char *line = strstr(answer, "X-Request-Id: ");

    assert_non_null(line);
    memset(line, 'x', strcspn(line, "\r"));
}

static void head_is_the_same_without_the_bytes(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_STORED);
    const struct tt_spool_name name = tt_journal_row_name(&row, tt_journal_row_original(&row));
    static char local[ANSWER_SIZE];

    (void)state;
    assert_int_equal(put_file(&worker.spool, &row, tt_journal_row_original(&row), ORIGINAL), TT_OK);
    assert_int_equal(ask_worker("HEAD", path_of(&row, "/original")), 200);
    cut_request_id();
    memcpy(local, answer, sizeof local);
    assert_non_null(answer_header("Content-Disposition"));
    assert_int_equal(tt_spool_remove(&worker.spool, &name), TT_OK);
    assert_int_equal(ask_worker("HEAD", path_of(&row, "/original")), 200);
    cut_request_id();
    assert_string_equal(answer, local);
    assert_int_equal(seats_taken, 0);
}

static void what_needs_no_bytes_needs_no_agent(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);
    char etag[128];

    (void)state;
    assert_int_equal(ask_worker("HEAD", path_of(&row, "/processed")), 200);
    snprintf(etag, sizeof etag, "%.100s", answer_header("ETag"));
    fake_param_set("HTTP_IF_NONE_MATCH", etag);
    assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 304);
    assert_string_equal(answer_header("ETag"), etag);
    fake_params_clear();
    fake_param_set("HTTP_RANGE", "bytes=10-");
    assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 416);
    assert_string_equal(answer_header("Content-Range"), "bytes */10");
    assert_problem(TT_ERR_RANGE);
    assert_int_equal(seats_taken, 0);
}

static void original_that_was_not_kept(void **state) {
    struct tt_journal_row row = new_row(TT_SYNC_SYNCED);

    (void)state;
    row.files[tt_journal_row_original(&row)].kept = false;
    assert_int_equal(tt_journal_insert(worker.journal, &row, NULL, 0), TT_OK);
    assert_int_equal(ask_worker("GET", path_of(&row, "/original")), 404);
}

/* ---- renditions ---- */

static void rendition_that_is_here(void **state) {
    struct tt_journal_row row = insert_with_renditions(TT_SYNC_OFF);
    char etag[128];

    (void)state;
    assert_int_equal(put_file(&worker.spool, &row, TT_JOURNAL_RENDITION + 1, "thumb"), TT_OK);
    assert_int_equal(ask_worker("GET", path_of(&row, "/renditions/thumb")), 200);
    assert_string_equal(answer_body(), "thumb");
    assert_string_equal(answer_header("Content-Type"), "image/webp");
    assert_string_equal(answer_header("Content-Length"), "5");
    assert_non_null(strstr(answer_header("Content-Disposition"), "filename*=UTF-8''"));
    snprintf(etag, sizeof etag, "%.100s", answer_header("ETag"));
    fake_param_set("HTTP_RANGE", "bytes=1-2");
    assert_int_equal(ask_worker("GET", path_of(&row, "/renditions/thumb")), 206);
    assert_string_equal(answer_body(), "hu");
    fake_params_clear();
    fake_param_set("HTTP_IF_NONE_MATCH", etag);
    assert_int_equal(ask_worker("GET", path_of(&row, "/renditions/thumb")), 304);
    fake_params_clear();
    assert_int_equal(ask_worker("HEAD", path_of(&row, "/renditions/thumb")), 200);
    assert_string_equal(answer_body(), "");
    /* Percent-encoded, it is the same name. */
    assert_int_equal(ask_worker("GET", path_of(&row, "/renditions/%74humb")), 200);
    assert_int_equal(seats_taken, 0);
}

static void rendition_that_is_not_there(void **state) {
    static const char *const rests[] = {
        "/renditions/small",   "/renditions/",           "/renditions",
        "/renditions/Thumb",   "/renditions/thumb.webp", "/renditions/thumb/",
        "/renditions/..%2F..", "/renditions/thumb/x",    "/renditions/%F0%9F%98%80"};
    struct tt_journal_row row = insert_with_renditions(TT_SYNC_OFF);
    struct tt_journal_row none = insert_row(TT_SYNC_OFF);

    (void)state;
    for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
        assert_int_equal(ask_worker("GET", path_of(&row, rests[i])), 404);
        assert_problem(TT_ERR_NOT_FOUND);
    }
    assert_int_equal(ask_worker("GET", path_of(&none, "/renditions/thumb")), 404);
    assert_problem(TT_ERR_NOT_FOUND);
    assert_int_equal(ask_worker("DELETE", path_of(&row, "/renditions/thumb")), 405);
    assert_string_equal(answer_header("Allow"), "GET, HEAD, OPTIONS");
}

static void page_links_to_renditions(void **state) {
    struct tt_journal_row row = insert_with_renditions(TT_SYNC_OFF);
    char link[256];

    (void)state;
    fake_param_set("HTTP_ACCEPT", "text/html");
    assert_int_equal(ask_worker("GET", path_of(&row, "")), 200);
    snprintf(link, sizeof link, "<a href=\"/api/images/%s/renditions/thumb\">thumb, 2 × 1</a>",
             row.id);
    assert_non_null(strstr(answer_body(), link));
}

/* ---- deletion ---- */

static void deletion_takes_every_file(void **state) {
    struct tt_journal_row row = insert_with_renditions(TT_SYNC_OFF);
    int64_t size_bytes;
    int fd;

    (void)state;
    for (int i = 0; i < row.file_count; i++)
        assert_int_equal(put_file(&worker.spool, &row, i, "x"), TT_OK);
    assert_int_equal(ask_worker("DELETE", path_of(&row, "")), 204);
    for (int i = 0; i < row.file_count; i++) {
        const struct tt_spool_name name = tt_journal_row_name(&row, i);

        assert_int_equal(tt_spool_read(&worker.spool, &name, &fd, &size_bytes), TT_ERR_NOT_FOUND);
    }
}

static void deletion_is_left_to_the_agent_too(void **state) {
    struct tt_journal_row row = insert_row(TT_SYNC_SYNCED);
    struct tt_journal_row removals[2];
    int count;

    (void)state;
    assert_int_equal(ask_worker("DELETE", path_of(&row, "")), 204);
    assert_int_equal(tt_journal_due_removals(worker.journal, INT64_MAX, 2, removals, &count),
                     TT_OK);
    assert_int_equal(count, 1);
    assert_string_equal(removals[0].id, row.id);
    assert_int_equal(ask_worker("GET", path_of(&row, "/processed")), 404);
    assert_int_equal(seats_taken, 0);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, worker_open, worker_close)
    const struct CMUnitTest tests[] = {
        CASE(local_bytes),
        CASE(head_is_the_same_without_the_bytes),
        CASE(what_needs_no_bytes_needs_no_agent),
        CASE(original_that_was_not_kept),
        CASE(rendition_that_is_here),
        CASE(rendition_that_is_not_there),
        CASE(page_links_to_renditions),
        CASE(deletion_takes_every_file),
        CASE(deletion_is_left_to_the_agent_too),
    };

    alarm(120); /* a hang is a failure */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
