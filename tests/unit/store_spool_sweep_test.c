/* The sweep of src/store/spool.c: what it removes, what it spares, and whom it asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "store_files.h"
#include "tintype/journal.h"

static void the_sweep_removes_what_no_row_knows(void **state) {
    static const char *const foreign[] = {
        "spool/originals/notes.txt",
        "spool/originals/" ID_2,
        "spool/originals/" ID_2 ".bak",
        "spool/originals/" ID_2 ".png.bak",
        "spool/originals/x" ID_2 ".png",
        "spool/originals/.hidden",
        "spool/tmp/core",
        "spool/tmp/" ID_2 ".png",
    };

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        make_file(foreign[i]);
    keep_and_discard(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), "known");
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "known");
    keep_and_discard(NAME(TT_SPOOL_ORIGINAL, ID_2, TT_FORMAT_JPEG), "unknown");
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG), "unknown");
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_3, TT_FORMAT_JPEG), "unknown");
    assert_int_equal(sweep(), 3);
    assert_int_equal(sweep(), 0);
    assert_false(exists("spool/originals/" ID_2 ".jpg"));
    assert_false(exists("spool/processed/" ID_2 ".png"));
    assert_false(exists("spool/processed/" ID_3 ".jpg"));
    assert_content(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), "known");
    assert_content(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "known");
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_true(exists(foreign[i]));
}

static void the_sweep_spares_staged_files_in_use(void **state) {
    struct tt_staged held;
    char path[128];

    (void)state;
    assert_int_equal(tt_spool_stage(&spool, &held), TT_OK);
    make_file("spool/tmp/" ID_2 ".part");
    assert_int_equal(sweep(), 1);
    assert_false(exists("spool/tmp/" ID_2 ".part"));
    snprintf(path, sizeof path, "spool/tmp/%s", held.tmp_name);
    assert_true(exists(path));
    assert_int_equal(tt_spool_keep(&spool, &held, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG)),
                     TT_OK);
    tt_spool_discard(&spool, &held);
    assert_false(exists(path));
}

/* Answers as the journal does for a row whose result was evicted. */
static bool knows_originals(void *context, const struct tt_spool_name *name) {
    (void)context;
    return name->kind == TT_SPOOL_ORIGINAL;
}

static void the_sweep_asks_for_each_kind(void **state) {
    int64_t removed;

    (void)state;
    keep_and_discard(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG), "here");
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "evicted");
    assert_int_equal(tt_spool_sweep(&spool, knows_originals, NULL, &removed), TT_OK);
    assert_int_equal(removed, 1);
    assert_content(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG), "here");
    assert_false(exists("spool/processed/" ID_1 ".png"));
}

static bool knows_thumb(void *context, const struct tt_spool_name *name) {
    (void)context;
    return name->kind == TT_SPOOL_RENDITION && strcmp(name->rendition, "thumb") == 0 &&
           name->format == TT_FORMAT_PNG && strcmp(name->id, ID_1) == 0;
}

static void the_sweep_asks_for_each_rendition(void **state) {
    static const char *const foreign[] = {
        "spool/processed/" ID_1 "-.png",
        "spool/processed/" ID_1 "-Thumb.png",
        "spool/processed/" ID_1 "-thumb.bak",
        "spool/processed/" ID_1 "-thumb",
        "spool/processed/" ID_1 "thumb.png",
        "spool/originals/" ID_1 "-thumb.png",
        "spool/processed/" ID_1 "-a12345678901234567890123456789012.png",
    };
    int64_t removed;

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        make_file(foreign[i]);
    keep_and_discard(RENDITION(ID_1, "thumb", TT_FORMAT_PNG), "known");
    keep_and_discard(RENDITION(ID_1, "thumb-2", TT_FORMAT_PNG), "unknown");
    keep_and_discard(RENDITION(ID_1, "thumb", TT_FORMAT_JPEG), "unknown");
    keep_and_discard(RENDITION(ID_2, "thumb", TT_FORMAT_PNG), "unknown");
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "evicted");
    assert_int_equal(tt_spool_sweep(&spool, knows_thumb, NULL, &removed), TT_OK);
    assert_int_equal(removed, 4);
    assert_true(exists("spool/processed/" ID_1 "-thumb.png"));
    assert_false(exists("spool/processed/" ID_2 "-thumb.png"));
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_true(exists(foreign[i]));
}

static void the_sweep_spares_a_file_until_its_maker_is_done(void **state) {
    struct tt_staged held;

    (void)state;
    assert_int_equal(keep(&held, NAME(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG), "fetched"), TT_OK);
    assert_int_equal(sweep(), 0);
    assert_content(NAME(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG), "fetched");
    tt_spool_discard(&spool, &held);
    assert_int_equal(sweep(), 1);
}

/* Knows no name when it is first asked, and every name from then on. */
static bool knows_late(void *context, const struct tt_spool_name *name) {
    int *asked = context;

    (void)name;
    *asked += 1;
    return *asked > 1;
}

static void the_sweep_asks_again_before_it_removes(void **state) {
    int64_t removed;
    int asked = 0;

    (void)state;
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG), "just recorded");
    assert_int_equal(tt_spool_sweep(&spool, knows_late, &asked, &removed), TT_OK);
    assert_int_equal(removed, 0);
    assert_content(NAME(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG), "just recorded");
}

/* Keeps a file and dies before its row is in the journal. */
static int die_after_keeping(int number) {
    struct tt_journal *journal;
    struct tt_staged staged;

    (void)number;
    if (tt_journal_open(&journal, scratch) != TT_OK ||
        keep(&staged, NAME(TT_SPOOL_ORIGINAL, ID_2, TT_FORMAT_JPEG), "orphan") != TT_OK ||
        tt_spool_sync(&spool) != TT_OK)
        return 1;
    kill(getpid(), SIGKILL);
    return 2;
}

static bool journal_knows(void *context, const struct tt_spool_name *name) {
    struct tt_journal_row row;

    return tt_journal_find(context, name->id, &row) != TT_ERR_NOT_FOUND;
}

static void a_death_before_the_row_leaves_what_the_sweep_removes(void **state) {
    struct tt_journal_row row = {
        .id = ID_1,
        .filename = "a.jpg",
        .file_count = 2,
        .files = {{.kind = TT_SPOOL_PROCESSED, .kept = true, .format = TT_FORMAT_PNG},
                  {.kind = TT_SPOOL_ORIGINAL, .kept = true, .format = TT_FORMAT_JPEG}},
    };
    struct tt_journal *journal;
    int64_t removed;

    (void)state;
    for (int i = 0; i < row.file_count; i++) {
        row.files[i].size_bytes = 5;
        row.files[i].width_px = row.files[i].height_px = 1;
    }
    assert_int_equal(scratch_wait(scratch_fork(die_after_keeping, 0)), 128 + SIGKILL);
    assert_true(exists("spool/originals/" ID_2 ".jpg"));
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    keep_and_discard(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), "known");
    assert_int_equal(tt_journal_insert(journal, &row, NULL, 0), TT_OK);
    assert_int_equal(tt_spool_sweep(&spool, journal_knows, journal, &removed), TT_OK);
    tt_journal_close(journal);
    /* What goes is the file under the orphan's id, and where staged files have names, that one too.
     */
    assert_int_equal(removed, spool.no_tmpfile ? 2 : 1);
    assert_false(exists("spool/originals/" ID_2 ".jpg"));
    assert_content(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), "known");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_sweep_removes_what_no_row_knows),
        TEST_NAMED(the_sweep_spares_staged_files_in_use),
        TEST(the_sweep_asks_for_each_kind),
        TEST(the_sweep_asks_for_each_rendition),
        TEST(the_sweep_spares_a_file_until_its_maker_is_done),
        TEST_NAMED(the_sweep_spares_a_file_until_its_maker_is_done),
        TEST(the_sweep_asks_again_before_it_removes),
        TEST(a_death_before_the_row_leaves_what_the_sweep_removes),
        TEST_NAMED(a_death_before_the_row_leaves_what_the_sweep_removes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
