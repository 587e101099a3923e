/* The spool of a test, both ways of staging, and files in it. This is included after cmocka.h. */
#ifndef TINTYPE_TESTS_STORE_FILES_H
#define TINTYPE_TESTS_STORE_FILES_H

#include <fcntl.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tintype/file.h"
#include "tintype/spool.h"

#define ID_1 "01890a5d-ac96-7000-8000-000000000001"
#define ID_2 "01890a5d-ac96-7000-8000-000000000002"
#define ID_3 "01890a5d-ac96-7000-8000-000000000003"

/* The first names an original or a result, the second a rendition. */
#define NAME(kind, id, format) (&(const struct tt_spool_name){kind, id, "", format})
#define RENDITION(id, preset, format)                                                              \
    (&(const struct tt_spool_name){TT_SPOOL_RENDITION, id, preset, format})

/* The spool of the running test. */
static struct tt_spool spool;

static inline int open_spool(void **state) {
    tt_err_take(TT_OK);
    return scratch_make(state) == 0 && tt_spool_open(&spool, scratch) == TT_OK ? 0 : -1;
}

/* Opens it as on a file system without O_TMPFILE. */
static inline int open_spool_named(void **state) {
    int failed = open_spool(state);

    spool.no_tmpfile = true;
    return failed;
}

static inline int close_spool(void **state) {
    tt_spool_close(&spool);
    return scratch_remove(state);
}

static inline bool exists(const char *name) {
    struct stat status;

    return lstat(scratch_path(name), &status) == 0;
}

static inline void make_file(const char *name) {
    int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0660);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

/* Stages and keeps a file of that content, which the caller discards. */
static inline enum tt_err keep(struct tt_staged *staged, const struct tt_spool_name *name,
                               const char *content) {
    enum tt_err err = tt_spool_stage(&spool, staged);

    if (err == TT_OK)
        err = tt_file_write(staged->fd, content, strlen(content));
    if (err == TT_OK)
        err = tt_file_sync(staged->fd);
    if (err == TT_OK)
        err = tt_spool_keep(&spool, staged, name);
    return err;
}

static inline void keep_and_discard(const struct tt_spool_name *name, const char *content) {
    struct tt_staged staged;

    assert_int_equal(keep(&staged, name, content), TT_OK);
    tt_spool_discard(&spool, &staged);
}

static inline void assert_content(const struct tt_spool_name *name, const char *content) {
    char bytes[64];
    int64_t size_bytes;
    size_t got;
    int fd;

    assert_int_equal(tt_spool_read(&spool, name, &fd, &size_bytes), TT_OK);
    assert_int_equal(size_bytes, strlen(content));
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(tt_file_read_at(fd, 0, bytes, sizeof bytes, &got), TT_OK);
    assert_int_equal(got, strlen(content));
    assert_memory_equal(bytes, content, got);
    assert_int_equal(close(fd), 0);
}

static inline bool knows_id_1(void *context, const struct tt_spool_name *name) {
    (void)context;
    return strcmp(name->id, ID_1) == 0;
}

/* Sweeps what is not of ID_1, and returns how many files that removed. */
static inline int64_t sweep(void) {
    int64_t removed = -1;

    assert_int_equal(tt_spool_sweep(&spool, knows_id_1, NULL, &removed), TT_OK);
    return removed;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_spool, close_spool)
#define TEST_NAMED(function)                                                                       \
    { #function " named", function, open_spool_named, close_spool, NULL }

#endif
