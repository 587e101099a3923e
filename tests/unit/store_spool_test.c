/* Units of src/store/spool.c: staging both ways, keeping, reading, names, a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store_files.h"

static mode_t mode_of(const char *name) {
    struct stat status;

    assert_int_equal(stat(scratch_path(name), &status), 0);
    return status.st_mode & 07777;
}

static void makes_directories_for_the_group(void **state) {
    mode_t before = umask(0007);

    assert_int_equal(close_spool(state), 0);
    assert_int_equal(open_spool(state), 0);
    assert_int_equal(mode_of("spool"), 02770);
    assert_int_equal(mode_of("spool/originals"), 02770);
    assert_int_equal(mode_of("spool/processed"), 02770);
    assert_int_equal(mode_of("spool/tmp"), 02770);
    keep_and_discard(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), "x");
    assert_int_equal(mode_of("spool/originals/" ID_1 ".jpg"), 0660);
    tt_spool_close(&spool);
    umask(0077);
    assert_int_equal(tt_spool_open(&spool, scratch),
                     TT_OK); /* which leaves the directories as they are */
    assert_int_equal(mode_of("spool/originals"), 02770);
    umask(before);
}

static void opens_no_directory_over_a_link(void **state) {
    struct tt_spool other;

    (void)state;
    tt_spool_close(&spool);
    assert_int_equal(rmdir(scratch_path("spool/originals")), 0);
    assert_int_equal(symlink("/tmp", scratch_path("spool/originals")), 0);
    assert_int_equal(tt_spool_open(&other, scratch), TT_ERR_STORAGE);
    assert_non_null(strstr(tt_err_cause(), "originals"));
    assert_int_equal(other.dir_fd, -1);
    assert_int_equal(other.directory_fds[0], -1);
    tt_err_take(TT_OK);
    assert_int_equal(tt_spool_open(&other, scratch_path("missing")), TT_ERR_STORAGE);
    assert_non_null(strstr(tt_err_cause(), "missing"));
}

static void keeps_and_reads(void **state) {
    (void)state;
    keep_and_discard(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), "the original");
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "the result");
    assert_int_equal(tt_spool_sync(&spool), TT_OK);
    assert_true(exists("spool/originals/" ID_1 ".jpg"));
    assert_true(exists("spool/processed/" ID_1 ".png"));
    assert_content(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), "the original");
    assert_content(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "the result");
    assert_int_equal(sweep(), 0);
}

static void a_staged_file_has_no_kept_name(void **state) {
    struct tt_staged staged;

    (void)state;
    assert_int_equal(tt_spool_stage(&spool, &staged), TT_OK);
    assert_true(staged.fd >= 0);
    assert_int_equal(fcntl(staged.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(staged.tmp_name[0] != '\0', spool.no_tmpfile);
    tt_spool_discard(&spool, &staged);
    assert_int_equal(staged.fd, -1);
    tt_spool_discard(&spool, &staged);
    assert_int_equal(rmdir(scratch_path("spool/tmp")), 0); /* which works as it is empty */
}

static void the_descriptor_stays_after_keeping(void **state) {
    struct tt_staged staged;
    char byte;
    size_t got;

    (void)state;
    assert_int_equal(keep(&staged, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG), "x"), TT_OK);
    assert_int_equal(tt_file_read_at(staged.fd, 0, &byte, 1, &got), TT_OK);
    assert_int_equal(got, 1);
    tt_spool_discard(&spool, &staged);
    assert_content(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG), "x");
    assert_int_equal(rmdir(scratch_path("spool/tmp")), 0);
}

static void never_replaces_a_file(void **state) {
    struct tt_staged staged;

    (void)state;
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "first");
    assert_int_equal(keep(&staged, NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "second"),
                     TT_ERR_STORAGE);
    assert_non_null(strstr(tt_err_cause(), ID_1 ".png"));
    tt_spool_discard(&spool, &staged);
    assert_content(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "first");
}

static void removes_and_finds_nothing_quietly(void **state) {
    int64_t size_bytes;
    int fd;

    (void)state;
    keep_and_discard(NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG), "x");
    assert_int_equal(tt_spool_remove(&spool, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG)), TT_OK);
    assert_int_equal(tt_spool_remove(&spool, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG)), TT_OK);
    assert_int_equal(
        tt_spool_read(&spool, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG), &fd, &size_bytes),
        TT_ERR_NOT_FOUND);
    assert_int_equal(fd, -1);
    assert_string_equal(tt_err_cause(), "");
}

static void only_ids_become_names(void **state) {
    static const char *const bad[] = {
        "",
        "../../etc/passwd",
        "../" ID_1,
        ID_1 "/",
        "01890A5D-AC96-7000-8000-000000000001",
        "01890a5d-ac96-4000-8000-000000000001",
        "01890a5d-ac96-7000-8000-00000000000/",
    };
    struct tt_staged staged;
    int64_t size_bytes;
    int fd;

    (void)state;
    assert_int_equal(tt_spool_stage(&spool, &staged), TT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(
            tt_spool_keep(&spool, &staged, NAME(TT_SPOOL_ORIGINAL, bad[i], TT_FORMAT_PNG)),
            TT_ERR_INTERNAL);
        assert_int_equal(
            tt_spool_read(&spool, NAME(TT_SPOOL_ORIGINAL, bad[i], TT_FORMAT_PNG), &fd, &size_bytes),
            TT_ERR_INTERNAL);
        assert_int_equal(fd, -1);
        assert_int_equal(tt_spool_remove(&spool, NAME(TT_SPOOL_ORIGINAL, bad[i], TT_FORMAT_PNG)),
                         TT_ERR_INTERNAL);
    }
    assert_int_equal(tt_spool_keep(&spool, &staged, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_NONE)),
                     TT_ERR_INTERNAL);
    tt_spool_discard(&spool, &staged);
    assert_int_equal(rmdir(scratch_path("spool/originals")), 0);
}

static void renditions_lie_beside_the_results(void **state) {
    int64_t size_bytes;
    int fd;

    (void)state;
    keep_and_discard(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "the result");
    keep_and_discard(RENDITION(ID_1, "thumb", TT_FORMAT_PNG), "small");
    keep_and_discard(RENDITION(ID_1, "at-2x", TT_FORMAT_WEBP), "two");
    assert_true(exists("spool/processed/" ID_1 "-thumb.png"));
    assert_true(exists("spool/processed/" ID_1 "-at-2x.webp"));
    assert_int_equal(
        tt_spool_read(&spool, RENDITION(ID_1, "thumb", TT_FORMAT_PNG), &fd, &size_bytes), TT_OK);
    assert_int_equal(size_bytes, 5);
    assert_int_equal(close(fd), 0);
    assert_content(NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), "the result");
    assert_int_equal(tt_spool_remove(&spool, RENDITION(ID_1, "thumb", TT_FORMAT_PNG)), TT_OK);
    assert_int_equal(
        tt_spool_read(&spool, RENDITION(ID_1, "thumb", TT_FORMAT_PNG), &fd, &size_bytes),
        TT_ERR_NOT_FOUND);
    assert_true(exists("spool/processed/" ID_1 ".png"));
}

static void only_presets_become_names(void **state) {
    static const char *const bad[] = {
        "",      "..",  "/", "../x", "a/b", "a.b",
        "Thumb", "a b", "ä", "a\n",  "a_b", "a1234567890123456789012345678901",
    };
    const char *longest = "a-12345678901234567890123456789";
    struct tt_staged staged;
    int64_t size_bytes;
    int fd;

    (void)state;
    assert_int_equal(tt_spool_stage(&spool, &staged), TT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct tt_spool_name *name = RENDITION(ID_1, bad[i], TT_FORMAT_PNG);

        assert_int_equal(tt_spool_keep(&spool, &staged, name), TT_ERR_INTERNAL);
        assert_int_equal(tt_spool_read(&spool, name, &fd, &size_bytes), TT_ERR_INTERNAL);
        assert_int_equal(fd, -1);
        assert_int_equal(tt_spool_remove(&spool, name), TT_ERR_INTERNAL);
    }
    assert_int_equal(rmdir(scratch_path("spool/processed")), 0);
    assert_int_equal(mkdir(scratch_path("spool/processed"), 0770), 0);
    tt_spool_discard(&spool, &staged);
    tt_spool_close(&spool);
    assert_int_equal(tt_spool_open(&spool, scratch), TT_OK);
    assert_int_equal(strlen(longest), 31);
    keep_and_discard(RENDITION(ID_1, longest, TT_FORMAT_WEBP), "x");
    assert_true(exists("spool/processed/" ID_1 "-a-12345678901234567890123456789.webp"));
}

static void objects_are_named_like_files(void **state) {
    struct tt_config config = {.s3 = {.processed_prefix = "results/", .original_prefix = "in/"}};
    char key[TT_SPOOL_OBJECT_KEY_SIZE];

    (void)state;
    tt_spool_object_key(&config, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG), key);
    assert_string_equal(key, "in/" ID_1 ".jpg");
    tt_spool_object_key(&config, NAME(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG), key);
    assert_string_equal(key, "results/" ID_1 ".png");
    memset(config.s3.processed_prefix, 'p', sizeof config.s3.processed_prefix - 1);
    tt_spool_object_key(&config, RENDITION(ID_1, "a-12345678901234567890123456789", TT_FORMAT_WEBP),
                        key);
    assert_string_equal(key + 255, ID_1 "-a-12345678901234567890123456789.webp");
}

static void reads_regular_files_alone(void **state) {
    int64_t size_bytes;
    int fd;

    (void)state;
    make_file("elsewhere");
    assert_int_equal(symlink("../../elsewhere", scratch_path("spool/originals/" ID_1 ".png")), 0);
    assert_int_equal(mkfifo(scratch_path("spool/originals/" ID_2 ".png"), 0600), 0);
    assert_int_equal(mkdir(scratch_path("spool/originals/" ID_3 ".png"), 0700), 0);
    assert_int_equal(
        tt_spool_read(&spool, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG), &fd, &size_bytes),
        TT_ERR_STORAGE);
    assert_int_equal(
        tt_spool_read(&spool, NAME(TT_SPOOL_ORIGINAL, ID_2, TT_FORMAT_PNG), &fd, &size_bytes),
        TT_ERR_STORAGE);
    assert_int_equal(
        tt_spool_read(&spool, NAME(TT_SPOOL_ORIGINAL, ID_3, TT_FORMAT_PNG), &fd, &size_bytes),
        TT_ERR_STORAGE);
    assert_int_equal(fd, -1);
    assert_int_equal(sweep(), 0); /* the sweep leaves them alone, too */
}

static void check_asks_for_free_space(void **state) {
    (void)state;
    assert_int_equal(tt_spool_check(&spool, 0), TT_OK);
    assert_int_equal(tt_spool_check(&spool, 4096), TT_OK);
    assert_int_equal(tt_spool_check(&spool, INT64_MAX), TT_ERR_SPOOL_FULL);
}

static void a_full_disk_is_told(void **state) {
    static const char block[4096];
    struct tt_staged staged[16];
    enum tt_err err = TT_OK;
    int made;

    (void)state;
    tt_spool_close(&spool);
    if (!scratch_mount_small("size=128k,nr_inodes=16"))
        skip();
    assert_int_equal(tt_spool_open(&spool, scratch), TT_OK);
    assert_int_equal(tt_spool_stage(&spool, &staged[0]), TT_OK);
    for (int i = 0; err == TT_OK && i < 64; i++)
        err = tt_file_write(staged[0].fd, block, sizeof block);
    assert_int_equal(err, TT_ERR_SPOOL_FULL);
    assert_int_equal(tt_spool_check(&spool, 4096), TT_ERR_SPOOL_FULL);
    tt_spool_discard(&spool, &staged[0]);
    assert_int_equal(tt_spool_check(&spool, 4096), TT_OK);
    /* A disk without inodes is as full as one without blocks. */
    for (made = 0; made < 16; made++) {
        err = tt_spool_stage(&spool, &staged[made]);
        if (err != TT_OK)
            break;
    }
    assert_int_equal(err, TT_ERR_SPOOL_FULL);
    assert_int_equal(staged[made].fd, -1);
    while (made-- > 0)
        tt_spool_discard(&spool, &staged[made]);
    tt_spool_close(&spool);
    assert_int_equal(scratch_unmount(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(makes_directories_for_the_group),
        TEST(opens_no_directory_over_a_link),
        TEST(keeps_and_reads),
        TEST_NAMED(keeps_and_reads),
        TEST(a_staged_file_has_no_kept_name),
        TEST_NAMED(a_staged_file_has_no_kept_name),
        TEST(the_descriptor_stays_after_keeping),
        TEST_NAMED(the_descriptor_stays_after_keeping),
        TEST(never_replaces_a_file),
        TEST_NAMED(never_replaces_a_file),
        TEST(removes_and_finds_nothing_quietly),
        TEST(only_ids_become_names),
        TEST(renditions_lie_beside_the_results),
        TEST(only_presets_become_names),
        TEST(objects_are_named_like_files),
        TEST(reads_regular_files_alone),
        TEST(check_asks_for_free_space),
        TEST(a_full_disk_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
