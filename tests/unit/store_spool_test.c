/* Units of src/store/spool.c: staging both ways, keeping, reading, sweeping, a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tintype/file.h"
#include "tintype/journal.h"
#include "tintype/spool.h"

#define ID_1 "01890a5d-ac96-7000-8000-000000000001"
#define ID_2 "01890a5d-ac96-7000-8000-000000000002"
#define ID_3 "01890a5d-ac96-7000-8000-000000000003"

/* What names an original or a result, and what names a rendition. */
#define NAME(kind, id, format) (&(const struct tt_spool_name){kind, id, NULL, format})
#define RENDITION(id, preset, format)                                                              \
    (&(const struct tt_spool_name){TT_SPOOL_RENDITION, id, preset, format})

static struct tt_spool spool;

static int open_spool(void **state) {
    tt_err_clear();
    return scratch_make(state) == 0 && tt_spool_open(&spool, scratch) == TT_OK ? 0 : -1;
}

/* The same, as on a file system without O_TMPFILE. */
static int open_spool_named(void **state) {
    int failed = open_spool(state);

    spool.no_tmpfile = true;
    return failed;
}

static int close_spool(void **state) {
    tt_spool_close(&spool);
    return scratch_remove(state);
}

static bool exists(const char *name) {
    struct stat status;

    return lstat(scratch_path(name), &status) == 0;
}

static mode_t mode_of(const char *name) {
    struct stat status;

    assert_int_equal(stat(scratch_path(name), &status), 0);
    return status.st_mode & 07777;
}

static void make_file(const char *name) {
    int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

/* Stages and keeps a file of that content; the caller discards. */
static enum tt_err keep(struct tt_staged *staged, enum tt_spool_kind kind, const char *id,
                        enum tt_picture_format format, const char *content) {
    enum tt_err err = tt_spool_stage(&spool, staged);

    if (err == TT_OK)
        err = tt_file_write(staged->fd, content, strlen(content));
    if (err == TT_OK)
        err = tt_file_sync(staged->fd);
    if (err == TT_OK)
        err = tt_spool_keep(&spool, staged, NAME(kind, id, format));
    return err;
}

static void keep_rendition(const char *id, const char *preset, enum tt_picture_format format,
                           const char *content) {
    struct tt_staged staged;

    assert_int_equal(tt_spool_stage(&spool, &staged), TT_OK);
    assert_int_equal(tt_file_write(staged.fd, content, strlen(content)), TT_OK);
    assert_int_equal(tt_spool_keep(&spool, &staged, RENDITION(id, preset, format)), TT_OK);
    tt_spool_discard(&spool, &staged);
}

static void keep_and_discard(enum tt_spool_kind kind, const char *id, enum tt_picture_format format,
                             const char *content) {
    struct tt_staged staged;

    assert_int_equal(keep(&staged, kind, id, format, content), TT_OK);
    tt_spool_discard(&spool, &staged);
}

static void assert_content(enum tt_spool_kind kind, const char *id, enum tt_picture_format format,
                           const char *content) {
    char bytes[64];
    int64_t size_bytes;
    size_t got;
    int fd;

    assert_int_equal(tt_spool_read(&spool, NAME(kind, id, format), &fd, &size_bytes), TT_OK);
    assert_int_equal(size_bytes, strlen(content));
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(tt_file_read_at(fd, 0, bytes, sizeof bytes, &got), TT_OK);
    assert_int_equal(got, strlen(content));
    assert_memory_equal(bytes, content, got);
    assert_int_equal(close(fd), 0);
}

static bool knows_id_1(void *context, const struct tt_spool_name *name) {
    int *asked = context;

    *asked += 1;
    return strcmp(name->id, ID_1) == 0;
}

static int64_t sweep(void) {
    int64_t removed = -1;
    int asked = 0;

    assert_int_equal(tt_spool_sweep(&spool, knows_id_1, &asked, &removed), TT_OK);
    return removed;
}

static void makes_directories_for_the_group(void **state) {
    mode_t before = umask(0007);

    assert_int_equal(close_spool(state), 0);
    assert_int_equal(open_spool(state), 0);
    assert_int_equal(mode_of("spool"), 02770);
    assert_int_equal(mode_of("spool/originals"), 02770);
    assert_int_equal(mode_of("spool/processed"), 02770);
    assert_int_equal(mode_of("spool/tmp"), 02770);
    keep_and_discard(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG, "x");
    assert_int_equal(mode_of("spool/originals/" ID_1 ".jpg"), 0660);
    tt_spool_close(&spool);
    (void)umask(0077);
    assert_int_equal(tt_spool_open(&spool, scratch), TT_OK); /* and leaves theirs as they are */
    assert_int_equal(mode_of("spool/originals"), 02770);
    (void)umask(before);
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
    assert_int_equal(other.kind_fds[TT_SPOOL_ORIGINAL], -1);
    tt_err_clear();
    assert_int_equal(tt_spool_open(&other, scratch_path("missing")), TT_ERR_STORAGE);
    assert_non_null(strstr(tt_err_cause(), "missing"));
}

static void keeps_and_reads(void **state) {
    (void)state;
    keep_and_discard(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG, "the original");
    keep_and_discard(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "the result");
    assert_int_equal(tt_spool_sync(&spool), TT_OK);
    assert_true(exists("spool/originals/" ID_1 ".jpg"));
    assert_true(exists("spool/processed/" ID_1 ".png"));
    assert_content(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG, "the original");
    assert_content(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "the result");
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
    assert_int_equal(rmdir(scratch_path("spool/tmp")), 0); /* nothing was left in it */
}

static void the_descriptor_stays_after_keeping(void **state) {
    struct tt_staged staged;
    char byte;
    size_t got;

    (void)state;
    assert_int_equal(keep(&staged, TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG, "x"), TT_OK);
    assert_int_equal(tt_file_read_at(staged.fd, 0, &byte, 1, &got), TT_OK);
    assert_int_equal(got, 1);
    tt_spool_discard(&spool, &staged);
    assert_content(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG, "x");
    assert_int_equal(rmdir(scratch_path("spool/tmp")), 0);
}

static void never_replaces_a_file(void **state) {
    struct tt_staged staged;

    (void)state;
    keep_and_discard(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "first");
    assert_int_equal(keep(&staged, TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "second"),
                     TT_ERR_STORAGE);
    assert_non_null(strstr(tt_err_cause(), ID_1 ".png"));
    tt_spool_discard(&spool, &staged);
    assert_content(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "first");
}

static void removes_and_finds_nothing_quietly(void **state) {
    int64_t size_bytes;
    int fd;

    (void)state;
    keep_and_discard(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG, "x");
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
    keep_and_discard(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "the result");
    keep_rendition(ID_1, "thumb", TT_FORMAT_PNG, "small");
    keep_rendition(ID_1, "at-2x", TT_FORMAT_WEBP, "two");
    assert_true(exists("spool/processed/" ID_1 "-thumb.png"));
    assert_true(exists("spool/processed/" ID_1 "-at-2x.webp"));
    assert_int_equal(
        tt_spool_read(&spool, RENDITION(ID_1, "thumb", TT_FORMAT_PNG), &fd, &size_bytes), TT_OK);
    assert_int_equal(size_bytes, 5);
    assert_int_equal(close(fd), 0);
    assert_content(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "the result");
    assert_int_equal(tt_spool_remove(&spool, RENDITION(ID_1, "thumb", TT_FORMAT_PNG)), TT_OK);
    assert_int_equal(
        tt_spool_read(&spool, RENDITION(ID_1, "thumb", TT_FORMAT_PNG), &fd, &size_bytes),
        TT_ERR_NOT_FOUND);
    assert_true(exists("spool/processed/" ID_1 ".png"));
}

static void only_presets_become_names(void **state) {
    static const char *const bad[] = {
        NULL,
        "",
        "..",
        "/",
        "../x",
        "a/b",
        "a.b",
        "Thumb",
        "a b",
        "ä",
        "a\n",
        "a_b",
        "a1234567890123456789012345678901",
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
    keep_rendition(ID_1, longest, TT_FORMAT_WEBP, "x");
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
    assert_int_equal(sweep(), 0); /* nor are they the sweep's */
}

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
    keep_and_discard(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG, "known");
    keep_and_discard(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "known");
    keep_and_discard(TT_SPOOL_ORIGINAL, ID_2, TT_FORMAT_JPEG, "unknown");
    keep_and_discard(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG, "unknown");
    keep_and_discard(TT_SPOOL_PROCESSED, ID_3, TT_FORMAT_JPEG, "unknown");
    assert_int_equal(sweep(), 3);
    assert_int_equal(sweep(), 0);
    assert_false(exists("spool/originals/" ID_2 ".jpg"));
    assert_false(exists("spool/processed/" ID_2 ".png"));
    assert_false(exists("spool/processed/" ID_3 ".jpg"));
    assert_content(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG, "known");
    assert_content(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "known");
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
    (void)snprintf(path, sizeof path, "spool/tmp/%s", held.tmp_name);
    assert_true(exists(path));
    assert_int_equal(tt_spool_keep(&spool, &held, NAME(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG)),
                     TT_OK);
    tt_spool_discard(&spool, &held);
    assert_false(exists(path));
}

/* As the journal does for a row whose result was evicted. */
static bool knows_originals(void *context, const struct tt_spool_name *name) {
    (void)context;
    return name->kind == TT_SPOOL_ORIGINAL;
}

static void the_sweep_asks_for_each_kind(void **state) {
    int64_t removed;

    (void)state;
    keep_and_discard(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG, "here");
    keep_and_discard(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "evicted");
    assert_int_equal(tt_spool_sweep(&spool, knows_originals, NULL, &removed), TT_OK);
    assert_int_equal(removed, 1);
    assert_content(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_PNG, "here");
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
    keep_rendition(ID_1, "thumb", TT_FORMAT_PNG, "known");
    keep_rendition(ID_1, "thumb-2", TT_FORMAT_PNG, "unknown");
    keep_rendition(ID_1, "thumb", TT_FORMAT_JPEG, "unknown");
    keep_rendition(ID_2, "thumb", TT_FORMAT_PNG, "unknown");
    keep_and_discard(TT_SPOOL_PROCESSED, ID_1, TT_FORMAT_PNG, "evicted");
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
    assert_int_equal(keep(&held, TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG, "fetched"), TT_OK);
    assert_int_equal(sweep(), 0);
    assert_content(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG, "fetched");
    tt_spool_discard(&spool, &held);
    assert_int_equal(sweep(), 1);
}

/* Knows nothing when first asked, and everything from then on. */
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
    keep_and_discard(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG, "just recorded");
    assert_int_equal(tt_spool_sweep(&spool, knows_late, &asked, &removed), TT_OK);
    assert_int_equal(removed, 0);
    assert_content(TT_SPOOL_PROCESSED, ID_2, TT_FORMAT_PNG, "just recorded");
}

/* Keeps a file and dies before its row is in the journal. */
static int die_after_keeping(int number) {
    struct tt_journal *journal;
    struct tt_staged staged;

    (void)number;
    if (tt_journal_open(&journal, scratch) != TT_OK ||
        keep(&staged, TT_SPOOL_ORIGINAL, ID_2, TT_FORMAT_JPEG, "orphan") != TT_OK ||
        tt_spool_sync(&spool) != TT_OK)
        return 1;
    (void)kill(getpid(), SIGKILL);
    return 2;
}

static bool journal_knows(void *context, const struct tt_spool_name *name) {
    struct tt_journal_row row;

    return tt_journal_find(context, name->id, &row) != TT_ERR_NOT_FOUND;
}

static void a_death_before_the_row_leaves_what_the_sweep_removes(void **state) {
    struct tt_journal_row row = {.id = ID_1, .filename = "a.jpg", .original_kept = true};
    struct tt_journal *journal;
    int64_t removed;

    (void)state;
    row.processed = (struct tt_journal_file){5, TT_FORMAT_PNG, 1, 1, {0}};
    row.original = (struct tt_journal_file){5, TT_FORMAT_JPEG, 1, 1, {0}};
    assert_int_equal(scratch_wait(scratch_fork(die_after_keeping, 0)), 128 + SIGKILL);
    assert_true(exists("spool/originals/" ID_2 ".jpg"));
    assert_int_equal(tt_journal_open(&journal, scratch), TT_OK);
    keep_and_discard(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG, "known");
    assert_int_equal(tt_journal_insert(journal, &row, NULL, 0), TT_OK);
    assert_int_equal(tt_spool_sweep(&spool, journal_knows, journal, &removed), TT_OK);
    tt_journal_close(journal);
    /* The file under the orphan's id, and where staged files have names, that one too. */
    assert_int_equal(removed, spool.no_tmpfile ? 2 : 1);
    assert_false(exists("spool/originals/" ID_2 ".jpg"));
    assert_content(TT_SPOOL_ORIGINAL, ID_1, TT_FORMAT_JPEG, "known");
}

static void check_asks_for_free_space(void **state) {
    (void)state;
    assert_int_equal(tt_spool_check(&spool, 0), TT_OK);
    assert_int_equal(tt_spool_check(&spool, 4096), TT_OK);
    assert_int_equal(tt_spool_check(&spool, INT64_MAX), TT_ERR_SPOOL_FULL);
}

/* A mount of this process alone, so that nothing of it outlives the test. */
static bool mount_small_disk(void) {
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("small", scratch, "tmpfs", 0, "size=128k,nr_inodes=16") == 0;
}

static void a_full_disk_is_told(void **state) {
    static const char block[4096];
    struct tt_staged staged[16];
    enum tt_err err = TT_OK;
    int made;

    (void)state;
    tt_spool_close(&spool);
    if (!mount_small_disk())
        skip();
    assert_int_equal(tt_spool_open(&spool, scratch), TT_OK);
    assert_int_equal(tt_spool_stage(&spool, &staged[0]), TT_OK);
    for (int i = 0; err == TT_OK && i < 64; i++)
        err = tt_file_write(staged[0].fd, block, sizeof block);
    assert_int_equal(err, TT_ERR_SPOOL_FULL);
    assert_int_equal(tt_spool_check(&spool, 4096), TT_ERR_SPOOL_FULL);
    tt_spool_discard(&spool, &staged[0]);
    assert_int_equal(tt_spool_check(&spool, 4096), TT_OK);
    /* No inodes left is as full as no blocks left. */
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
    assert_int_equal(umount2(scratch, MNT_DETACH), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_spool, close_spool)
#define TEST_NAMED(function)                                                                       \
    { #function " named", function, open_spool_named, close_spool, NULL }

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
        TEST(the_sweep_removes_what_no_row_knows),
        TEST_NAMED(the_sweep_spares_staged_files_in_use),
        TEST(the_sweep_asks_for_each_kind),
        TEST(the_sweep_asks_for_each_rendition),
        TEST(the_sweep_spares_a_file_until_its_maker_is_done),
        TEST_NAMED(the_sweep_spares_a_file_until_its_maker_is_done),
        TEST(the_sweep_asks_again_before_it_removes),
        TEST(a_death_before_the_row_leaves_what_the_sweep_removes),
        TEST_NAMED(a_death_before_the_row_leaves_what_the_sweep_removes),
        TEST(check_asks_for_free_space),
        TEST(a_full_disk_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
