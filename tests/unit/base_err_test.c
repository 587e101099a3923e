/* src/base/err.c: the table of errors and the note. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tintype/err.h"

/* The statuses that err.h promises, written down once more. */
static const struct {
    enum tt_err err;
    int status;
} promised[] = {
    {TT_OK, 200},
    {TT_ERR_MALFORMED, 400},
    {TT_ERR_BODY_EMPTY, 400},
    {TT_ERR_BODY_INCOMPLETE, 400},
    {TT_ERR_BASE64, 400},
    {TT_ERR_MULTIPART, 400},
    {TT_ERR_JSON, 400},
    {TT_ERR_OPTION, 400},
    {TT_ERR_QUERY, 400},
    {TT_ERR_ORIGIN, 403},
    {TT_ERR_NOT_FOUND, 404},
    {TT_ERR_METHOD, 405},
    {TT_ERR_REQUEST_TIMEOUT, 408},
    {TT_ERR_BODY_TOO_LARGE, 413},
    {TT_ERR_CONTENT_TYPE, 415},
    {TT_ERR_PICTURE_TYPE, 415},
    {TT_ERR_RANGE, 416},
    {TT_ERR_PICTURE_BROKEN, 422},
    {TT_ERR_PICTURE_TOO_LARGE, 422},
    {TT_ERR_PICTURE_TOO_COSTLY, 422},
    {TT_ERR_DECODER_DIED, 422},
    {TT_ERR_DECODER_CONFINED, 500},
    {TT_ERR_INTERNAL, 500},
    {TT_ERR_KILLED, 503},
    {TT_ERR_BUSY, 503},
    {TT_ERR_NO_MEMORY, 503},
    {TT_ERR_STORAGE, 503},
    {TT_ERR_JOURNAL, 503},
    {TT_ERR_SPOOL_FULL, 507},
    {TT_ERR_AGENT_AWAY, 503},
    {TT_ERR_CLOUD_OBJECT, 502},
    {TT_ERR_CLOUD_THROTTLED, 503},
    {TT_ERR_CLOUD_FAILED, 503},
    {TT_ERR_CLOUD_AWAY, 503},
    {TT_ERR_CLOUD_KEYS, 503},
    {TT_ERR_CLOUD_SETUP, 503},
    {TT_ERR_CLOUD_CLOCK, 503},
    {TT_ERR_CONFIG, 0},
    {TT_ERR_SYSTEM, 0},
};

static int clear_note(void **state) {
    (void)state;
    tt_err_take(TT_OK);
    return 0;
}

static void every_code_has_a_whole_row(void **state) {
    (void)state;
    assert_int_equal(sizeof promised / sizeof *promised, TT_ERR_COUNT);
    for (size_t i = 0; i < sizeof promised / sizeof *promised; i++) {
        const struct tt_err_row *row = tt_err_row(promised[i].err);
        assert_int_equal(promised[i].err, i);
        assert_int_equal(row->http_status, promised[i].status);
        assert_non_null(row->name);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                         strlen(row->name));
        assert_true(strlen(row->title) > 0);
        assert_true(strlen(row->advice) > 0);
        assert_int_equal(row->advice[strlen(row->advice) - 1], '.');
    }
}

static void names_are_unique(void **state) {
    (void)state;
    for (int i = 0; i < TT_ERR_COUNT; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(tt_err_row((enum tt_err)i)->name,
                                    tt_err_row((enum tt_err)j)->name);
}

static void only_unavailable_answers_invite_a_retry(void **state) {
    (void)state;
    for (int i = 0; i < TT_ERR_COUNT; i++) {
        const struct tt_err_row *row = tt_err_row((enum tt_err)i);
        if (row->http_status == 503 || row->http_status == 507)
            assert_int_not_equal(row->retry, TT_RETRY_NEVER);
        else if (row->http_status != 0)
            assert_int_equal(row->retry, TT_RETRY_NEVER);
    }
}

/* On these classes hangs what the sync does about an answer of the cloud. */
static void retries_of_the_cloud_are_as_promised(void **state) {
    (void)state;
    assert_int_equal(tt_err_row(TT_ERR_CLOUD_OBJECT)->retry, TT_RETRY_NEVER);
    assert_int_equal(tt_err_row(TT_ERR_CLOUD_THROTTLED)->retry, TT_RETRY_SOON);
    assert_int_equal(tt_err_row(TT_ERR_CLOUD_FAILED)->retry, TT_RETRY_SOON);
    for (int i = TT_ERR_CLOUD_AWAY; i <= TT_ERR_CLOUD_CLOCK; i++)
        assert_int_equal(tt_err_row((enum tt_err)i)->retry, TT_RETRY_LATER);
}

static void unknown_code_is_internal(void **state) {
    (void)state;
    assert_ptr_equal(tt_err_row(TT_ERR_COUNT), tt_err_row(TT_ERR_INTERNAL));
    assert_ptr_equal(tt_err_row((enum tt_err)1000000), tt_err_row(TT_ERR_INTERNAL));
    assert_ptr_equal(tt_err_row((enum tt_err) - 1), tt_err_row(TT_ERR_INTERNAL));
}

static void without_a_note_the_advice_speaks(void **state) {
    (void)state;
    assert_string_equal(tt_err_detail(TT_ERR_BUSY), tt_err_row(TT_ERR_BUSY)->advice);
    assert_string_equal(tt_err_cause(), "");
}

static void failure_keeps_its_cause_from_the_client(void **state) {
    (void)state;
    assert_int_equal(tt_err_fail(TT_ERR_INTERNAL, "row %d is bad", 7), TT_ERR_INTERNAL);
    assert_string_equal(tt_err_cause(), "row 7 is bad");
    assert_string_equal(tt_err_detail(TT_ERR_INTERNAL), tt_err_row(TT_ERR_INTERNAL)->advice);
}

static void refusal_is_sentence_and_cause(void **state) {
    (void)state;
    assert_int_equal(tt_err_refuse(TT_ERR_OPTION, "width is %s.", "odd"), TT_ERR_OPTION);
    assert_string_equal(tt_err_detail(TT_ERR_OPTION), "width is odd.");
    assert_string_equal(tt_err_cause(), "width is odd.");
}

static void first_note_wins(void **state) {
    (void)state;
    assert_int_equal(tt_err_fail(TT_ERR_JOURNAL, "first"), TT_ERR_JOURNAL);
    assert_int_equal(tt_err_refuse(TT_ERR_JSON, "second"), TT_ERR_JSON);
    assert_int_equal(tt_err_fail(TT_ERR_INTERNAL, "third"), TT_ERR_INTERNAL);
    errno = EIO;
    assert_int_equal(tt_err_fail_errno(TT_ERR_STORAGE, "fourth"), TT_ERR_STORAGE);
    assert_string_equal(tt_err_cause(), "first");
    assert_string_equal(tt_err_detail(TT_ERR_JSON), tt_err_row(TT_ERR_JSON)->advice);
}

static void a_taken_note_makes_room_for_the_next(void **state) {
    (void)state;
    tt_err_refuse(TT_ERR_JSON, "one");
    assert_string_equal(tt_err_take(TT_ERR_JSON).cause, "one");
    assert_string_equal(tt_err_cause(), "");
    tt_err_fail(TT_ERR_JOURNAL, "two");
    assert_string_equal(tt_err_cause(), "two");
    assert_string_equal(tt_err_detail(TT_ERR_JSON), tt_err_row(TT_ERR_JSON)->advice);
}

static void a_taken_note_has_every_text(void **state) {
    (void)state;
    tt_err_fail(TT_ERR_JOURNAL, "disk I/O error");
    struct tt_err_note note = tt_err_take(TT_ERR_JOURNAL);
    assert_string_equal(note.cause, "disk I/O error");
    assert_string_equal(note.detail, tt_err_row(TT_ERR_JOURNAL)->advice);
    assert_false(note.is_refusal);
    note = tt_err_take(TT_ERR_JOURNAL);
    assert_string_equal(note.cause, tt_err_row(TT_ERR_JOURNAL)->title);
    assert_false(note.is_refusal);
    tt_err_refuse(TT_ERR_JSON, "No object.");
    note = tt_err_take(TT_ERR_JSON);
    assert_string_equal(note.detail, "No object.");
    assert_true(note.is_refusal);
    tt_err_refuse(TT_ERR_JSON, "No object.");
    note = tt_err_take(TT_OK);
    assert_false(note.is_refusal);
    assert_string_equal(note.cause, "");
    assert_string_equal(note.detail, "");
    assert_string_equal(tt_err_cause(), "");
}

static void an_explained_failure_keeps_its_cause(void **state) {
    (void)state;
    tt_err_fail(TT_ERR_PICTURE_TOO_LARGE, "arena: 5 bytes over its cap");
    assert_int_equal(tt_err_explain(TT_ERR_PICTURE_TOO_LARGE, "Send a %s one.", "smaller"),
                     TT_ERR_PICTURE_TOO_LARGE);
    tt_err_explain(TT_ERR_PICTURE_TOO_LARGE, "Another sentence.");
    struct tt_err_note note = tt_err_take(TT_ERR_PICTURE_TOO_LARGE);
    assert_string_equal(note.cause, "arena: 5 bytes over its cap");
    assert_string_equal(note.detail, "Send a smaller one.");
    assert_true(note.is_refusal);
}

static void errno_is_spelt_out(void **state) {
    (void)state;
    errno = EACCES;
    assert_int_equal(tt_err_fail_errno(TT_ERR_STORAGE, "open %s", "x"), TT_ERR_STORAGE);
    assert_string_equal(tt_err_cause(), "open x: Permission denied");
}

static void full_disk_is_its_own_code(void **state) {
    (void)state;
    errno = ENOSPC;
    assert_int_equal(tt_err_fail_errno(TT_ERR_STORAGE, "write"), TT_ERR_SPOOL_FULL);
    errno = EDQUOT;
    assert_int_equal(tt_err_fail_errno(TT_ERR_JOURNAL, "write"), TT_ERR_SPOOL_FULL);
    errno = ENOSPC;
    assert_int_equal(tt_err_fail_errno(TT_ERR_SYSTEM, "socket"), TT_ERR_SYSTEM);
    assert_string_equal(tt_err_cause(), "write: No space left on device");
}

static void long_notes_are_cut(void **state) {
    (void)state;
    char text[4096];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    errno = EIO;
    tt_err_fail_errno(TT_ERR_STORAGE, "%s", text);
    assert_in_range(strlen(tt_err_cause()), 256, 1023);
    tt_err_take(TT_OK);
    tt_err_refuse(TT_ERR_OPTION, "%s", text);
    assert_in_range(strlen(tt_err_detail(TT_ERR_OPTION)), 256, 1023);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_whole_row),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(only_unavailable_answers_invite_a_retry),
        cmocka_unit_test(retries_of_the_cloud_are_as_promised),
        cmocka_unit_test(unknown_code_is_internal),
        cmocka_unit_test_setup(without_a_note_the_advice_speaks, clear_note),
        cmocka_unit_test_setup(failure_keeps_its_cause_from_the_client, clear_note),
        cmocka_unit_test_setup(refusal_is_sentence_and_cause, clear_note),
        cmocka_unit_test_setup(first_note_wins, clear_note),
        cmocka_unit_test_setup(a_taken_note_makes_room_for_the_next, clear_note),
        cmocka_unit_test_setup(a_taken_note_has_every_text, clear_note),
        cmocka_unit_test_setup(an_explained_failure_keeps_its_cause, clear_note),
        cmocka_unit_test_setup(errno_is_spelt_out, clear_note),
        cmocka_unit_test_setup(full_disk_is_its_own_code, clear_note),
        cmocka_unit_test_setup(long_notes_are_cut, clear_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
