/* Units of src/store/journal_columns.c: the lists of columns, and what is read of a database that
 * somebody has spoilt. That rows come back as they were written is tested with the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_rows.h"

static const char *const names[TT_COLUMNS_TABLES] = {
    [TT_COLUMNS_IMAGE] = "image",
    [TT_COLUMNS_REMOVAL] = "removal",
    [TT_COLUMNS_RENDITION] = "rendition",
};

static void lists_name_columns_of_their_tables(void **state) {
    (void)state;
    for (int i = 0; i < TT_COLUMNS_TABLES; i++) {
        struct tt_columns_text text;
        sqlite3_stmt *insert = NULL;
        sqlite3_stmt *select = NULL;

        tt_columns_format((enum tt_columns_table)i, &text);
        /* A list that was cut would be exactly full. */
        assert_true(strlen(text.names) < sizeof text.names - 1);
        assert_true(strlen(text.places) < sizeof text.places - 1);
        assert_int_equal(
            tt_db_prepare(&journal->db, &select, "SELECT %s FROM %s", text.names, names[i]), TT_OK);
        assert_string_equal(sqlite3_column_name(select, TT_COLUMNS_ID), "id");
        assert_int_equal(tt_db_prepare(&journal->db, &insert, "INSERT INTO %s (%s) VALUES (%s)",
                                       names[i], text.names, text.places),
                         TT_OK);
        assert_int_equal(sqlite3_bind_parameter_count(insert), sqlite3_column_count(select));
    }
}

/* Changes that the table's own checks would refuse, to a row with two renditions. */
static void values_that_do_not_fit_are_refused(void **state) {
    static const char *const changes[] = {
        "image SET rendition_count = 9",
        "image SET rendition_count = -1",
        "image SET filename = printf('%.256c', 'x')",
        "image SET sync_state = 'lost'",
        "image SET attempts = -1",
        "image SET last_error = printf('%.512c', 'x')",
        "image SET processed_format = 'XYZ'",
        "image SET processed_format = 'a format with a long name'",
        "image SET processed_size_bytes = -1",
        "image SET original_width_px = 2147483648",
        "image SET original_height_px = -1",
        "image SET original_sha256 = zeroblob(31)",
        "rendition SET name = 'Thumb'",
        "rendition SET name = printf('%.32c', 'x')",
        "rendition SET sha256 = zeroblob(33)",
        "rendition SET number = number + 1",
    };
    struct tt_journal_row found;

    (void)state;
    execute("PRAGMA ignore_check_constraints = ON");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct tt_journal_row row = make_row((int)i);
        char change[256];

        add_renditions(&row, 2);
        insert(&row);
        assert_int_equal(tt_journal_find(journal, row.id, &found), TT_OK);
        snprintf(change, sizeof change, "UPDATE %s WHERE id = '%s' %s", changes[i], row.id,
                 strncmp(changes[i], "rendition", 9) == 0 ? "AND number = 1" : "");
        execute(change);
        tt_err_take(TT_OK);
        if (tt_journal_find(journal, row.id, &found) != TT_ERR_JOURNAL)
            fail_msg("%s", change);
        assert_non_null(strstr(tt_err_cause(), "values that this program does not know"));
    }
}

static void an_id_that_is_none_is_refused(void **state) {
    struct tt_journal_row row = make_row(1);
    struct tt_journal_row found;

    (void)state;
    insert(&row);
    execute("UPDATE image SET id = '01890a5d-ac96-7000-8000-00000000000X'");
    assert_int_equal(tt_journal_find(journal, "01890a5d-ac96-7000-8000-00000000000X", &found),
                     TT_ERR_JOURNAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_journal, close_journal)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lists_name_columns_of_their_tables),
        TEST(values_that_do_not_fit_are_refused),
        TEST(an_id_that_is_none_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
