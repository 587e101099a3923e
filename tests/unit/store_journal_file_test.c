/* Units of src/store/journal_file.c: what a row says of its files, and their removal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_rows.h"

static void files_have_numbers(void **state) {
    struct tt_journal_row row = make_row(1);
    struct tt_spool_name name;

    (void)state;
    assert_int_equal(row.file_count, 2);
    assert_int_equal(tt_journal_row_original(&row), 1);
    add_renditions(&row, TT_PICTURE_RENDITIONS_MAX);
    assert_int_equal(row.file_count, TT_JOURNAL_FILES_MAX);
    assert_int_equal(tt_journal_row_original(&row), TT_JOURNAL_FILES_MAX - 1);
    name = tt_journal_row_name(&row, TT_JOURNAL_FILES_MAX - 1);
    assert_int_equal(name.kind, TT_SPOOL_ORIGINAL);
    assert_int_equal(name.format, TT_FORMAT_JPEG);
    assert_string_equal(name.rendition, "");
    name = tt_journal_row_name(&row, TT_JOURNAL_PROCESSED);
    assert_int_equal(name.kind, TT_SPOOL_PROCESSED);
    assert_int_equal(name.format, TT_FORMAT_PNG);
    name = tt_journal_row_name(&row, TT_JOURNAL_RENDITION + 1);
    assert_int_equal(name.kind, TT_SPOOL_RENDITION);
    assert_int_equal(name.format, TT_FORMAT_JPEG);
    assert_string_equal(name.rendition, "large");
    assert_string_equal(name.id, row.id);
    for (int i = 0; i < TT_JOURNAL_FILES_MAX; i++) {
        name = tt_journal_row_name(&row, i);
        assert_int_equal(tt_journal_row_find(&row, name.kind, name.rendition), i);
    }
    assert_int_equal(tt_journal_row_find(&row, TT_SPOOL_RENDITION, "none"), -1);
    assert_int_equal(tt_journal_row_find(&row, TT_SPOOL_RENDITION, ""), -1);
    assert_int_equal(tt_journal_row_find(&row, TT_SPOOL_ORIGINAL, "thumb"), -1);
}

static void files_are_here_or_there(void **state) {
    struct tt_journal_row row = make_row(1);

    (void)state;
    row.files[ORIGINAL].kept = false;
    add_renditions(&row, 2);
    row.files[TT_JOURNAL_RENDITION + 1].evicted = true;
    assert_true(tt_journal_row_is_local(&row, TT_JOURNAL_RENDITION));
    assert_false(tt_journal_row_is_local(&row, TT_JOURNAL_RENDITION + 1));
    assert_false(tt_journal_row_is_local(&row, tt_journal_row_original(&row)));
    assert_false(tt_journal_row_is_remote(&row, TT_JOURNAL_RENDITION));
    assert_true(tt_journal_row_is_remote(&row, TT_JOURNAL_RENDITION + 1));
    row.sync_state = TT_SYNC_STORED;
    assert_true(tt_journal_row_is_remote(&row, TT_JOURNAL_RENDITION));
    assert_false(tt_journal_row_is_remote(&row, tt_journal_row_original(&row)));
}

/* The spool lacks the result, as if it had been removed before. */
static void all_files_are_removed(void **state) {
    struct tt_journal_row row = make_row(1);
    struct tt_spool spool;

    (void)state;
    add_renditions(&row, 2);
    assert_int_equal(tt_spool_open(&spool, scratch), TT_OK);
    for (int i = TT_JOURNAL_RENDITION; i < row.file_count; i++) {
        const struct tt_spool_name name = tt_journal_row_name(&row, i);
        struct tt_staged staged;

        assert_int_equal(tt_spool_stage(&spool, &staged), TT_OK);
        assert_int_equal(tt_spool_keep(&spool, &staged, &name), TT_OK);
        tt_spool_discard(&spool, &staged);
    }
    assert_int_equal(tt_journal_row_remove_files(&row, &spool), TT_OK);
    for (int i = 0; i < row.file_count; i++) {
        const struct tt_spool_name name = tt_journal_row_name(&row, i);
        int64_t size_bytes;
        int fd;

        assert_int_equal(tt_spool_read(&spool, &name, &fd, &size_bytes), TT_ERR_NOT_FOUND);
    }
    tt_spool_close(&spool);
    assert_int_equal(tt_journal_row_remove_files(&row, &spool), TT_ERR_STORAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_have_numbers),
        cmocka_unit_test(files_are_here_or_there),
        cmocka_unit_test_setup_teardown(all_files_are_removed, scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
