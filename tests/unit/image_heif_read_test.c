/* src/image/heif_read.c: HEIC and AVIF to rows, what is refused, and that no second thread is
 * needed. The pictures are in tests/fixtures; the tests run in the project's directory. */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "picture_damage.h"
#include "tintype/image.h"

/* libheif 1.15 forgets what it holds of dav1d when a picture is damaged; the process that reads one
 * ends after it. */
const char *__lsan_default_suppressions(void);  // NOLINT(bugprone-reserved-identifier)
const char *__lsan_default_suppressions(void) { // NOLINT(bugprone-reserved-identifier)
    return "leak:libheif\nleak:libdav1d\nleak:libstdc++\n";
}

static struct file file;
static struct grid grid;

static const char *const names[] = {"color.heic", "alpha.heic", "profile.heic",
                                    "color.avif", "alpha.avif", "gray.avif"};
#define NAME_COUNT (sizeof names / sizeof *names)

static void load(const char *name) {
    char path[128];
    (void)snprintf(path, sizeof path, "tests/fixtures/%s", name);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    file.length = fread(file.bytes, 1, sizeof file.bytes, in);
    (void)fclose(in);
}

/* The colours that the fixtures were made of: see tests/fixtures/README. */
static void assert_near(int x, int y, int channel, int expected) {
    int sample = grid.samples[(y * grid.width_px + x) * grid.channels + channel];
    if (abs(sample - expected) > 24)
        fail_msg("(%d, %d)[%d] is %d, not %d", x, y, channel, sample, expected);
}

static void assert_ramps(void) {
    for (int y = 2; y < 24; y += 6)
        for (int x = 2; x < 32; x += 6) {
            assert_near(x, y, 0, x * 8);
            assert_near(x, y, 1, y * 10);
        }
}

static void colors_are_read(void **state) {
    static const char *const colored[] = {"color.heic", "profile.heic", "color.avif"};
    (void)state;
    for (int i = 0; i < 3; i++) {
        load(colored[i]);
        assert_decodes(&file, &in_color, &grid);
        assert_int_equal(grid.header.format, i < 2 ? TT_FORMAT_HEIC : TT_FORMAT_AVIF);
        assert_int_equal(grid.width_px, 32);
        assert_int_equal(grid.height_px, 24);
        assert_int_equal(grid.channels, 3);
        assert_int_equal(grid.header.orientation, 1);
        assert_ramps();
    }
}

static void alpha_is_kept(void **state) {
    static const char *const with_alpha[] = {"alpha.heic", "alpha.avif"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        load(with_alpha[i]);
        assert_decodes(&file, &in_color, &grid);
        assert_int_equal(grid.channels, 4);
        for (int y = 0; y < 24; y++)
            assert_near(5, y, 3, y * 255 / 23);
        assert_decodes(&file, &in_gray, &grid);
        assert_int_equal(grid.channels, 2);
        for (int y = 0; y < 24; y++)
            assert_near(5, y, 1, y * 255 / 23);
    }
}

static void gray_is_the_luma(void **state) {
    (void)state;
    load("gray.avif");
    assert_decodes(&file, &in_gray, &grid);
    assert_int_equal(grid.channels, 1);
    for (int y = 0; y < 24; y += 5)
        for (int x = 0; x < 32; x += 5)
            assert_near(x, y, 0, (299 * x * 8 + 587 * y * 10 + 114 * (x * y % 256)) / 1000);
}

static void a_profile_is_handed_out(void **state) {
    struct tt_arena arena;
    struct tt_picture_limits limits = test_limits;
    (void)state;
    load("profile.heic");
    int fd = file_open(file.bytes, file.length);
    for (limits.max_chunk_bytes = 10000; limits.max_chunk_bytes > 0;
         limits.max_chunk_bytes -= 9990) {
        struct tt_decoder *decoder = NULL;
        struct tt_picture_header header;
        tt_arena_init(&arena, (size_t)1 << 20);
        assert_int_equal(tt_decoder_open(&decoder, fd, &arena, &limits, &header), TT_OK);
        if (limits.max_chunk_bytes == 10000) {
            assert_int_equal(header.icc_bytes, 588);
            assert_memory_equal(header.icc_profile + 36, "acsp", 4); /* ICC.1:2010, 7.2.9 */
        } else {
            assert_null(header.icc_profile);
            assert_int_equal(header.icc_bytes, 0);
        }
        tt_decoder_close(decoder);
        tt_arena_fini(&arena);
    }
    (void)close(fd);
}

/* The reader calls this, and it is refused where a test wants it so. */
static bool pin_is_refused;
int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *processors) {
    if (pin_is_refused) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_sched_setaffinity, pid, size, processors);
}

/* The process is as the service's children are: of a user like any other, that may have no other
 * thread. A thread waited for would be ended by the alarm. */
static enum tt_err decode_without_threads(const char *name) {
    static const struct rlimit none = {0, 0};
    int status = 0;

    load(name);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(60);
        if ((geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) ||
            setrlimit(RLIMIT_NPROC, &none) < 0)
            _exit(TT_ERR_COUNT);
        _exit((int)decode_damaged(file.bytes, file.length, true));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (enum tt_err)WEXITSTATUS(status);
}

/* The library is loaded before, and every picture is read. */
static void pictures_are_read_without_a_second_thread(void **state) {
    (void)state;
    tt_image_load();
    for (size_t i = 0; i < NAME_COUNT; i++)
        assert_int_equal(decode_without_threads(names[i]), TT_OK);
}

/* HEIC needs no processor of its own. AVIF does where threads are refused, and that is not the
 * picture's fault. */
static void a_processor_of_its_own_may_be_refused(void **state) {
    (void)state;
    pin_is_refused = true;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        load(names[i]);
        assert_decodes(&file, &in_gray, &grid);
        enum tt_err err = decode_without_threads(names[i]);
        if (err != TT_OK) { /* on more than one processor */
            assert_int_equal(err, TT_ERR_INTERNAL);
            assert_int_equal(grid.header.format, TT_FORMAT_AVIF);
        }
    }
    pin_is_refused = false;
}

/* Only files whose pixels lie at the end can be cut so, as these do. */
static void every_cut_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        load(names[i]);
        for (size_t length = 12; length < file.length; length += 7) {
            enum tt_err err = decode_damaged(file.bytes, length, false);
            if (err != TT_ERR_PICTURE_BROKEN && err != TT_ERR_PICTURE_TYPE)
                fail_msg("%s, %zu bytes: %d %s", names[i], length, (int)err, tt_err_cause());
        }
    }
}

static void flipped_bits_are_answered(void **state) {
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        load(names[i]);
        assert_flips_are_answered(file.bytes, file.length);
    }
}

static void set_sizes(uint32_t width_px, uint32_t height_px) {
    size_t from = 0;
    for (size_t at = 0; at + 16 <= file.length; at++)
        if (memcmp(file.bytes + at, "ispe", 4) == 0) { /* ISO/IEC 23008-12, 6.5.3 */
            store_32(file.bytes + at + 8, width_px);
            store_32(file.bytes + at + 12, height_px);
            from = at;
        }
    assert_true(from > 0);
}

static void the_limit_of_pixels_holds_before_any_pixel(void **state) {
    (void)state;
    for (size_t i = 0; i < NAME_COUNT; i++) {
        load(names[i]);
        set_sizes(30000, 30000);
        assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "30000 x 30000");
        set_sizes(0xffffffff, 0xffffffff);
        assert_refused(&file, TT_ERR_PICTURE_TOO_LARGE, "larger than is accepted");
        set_sizes(0, 24);
        assert_refused(&file, TT_ERR_PICTURE_BROKEN, "");
    }
}

static void a_container_of_something_else_is_refused(void **state) {
    (void)state;
    file.length = 0;
    file_append(&file,
                "\0\0\0\x18"
                "ftypheic\0\0\0\0mif1heic",
                24);
    assert_refused(&file, TT_ERR_PICTURE_BROKEN, "");
}

/* Each of four levels of grids names the next 64 times. */
static void grids_of_grids_are_refused_at_once(void **state) {
    (void)state;
    load("refused/nested-grids.avif");
    assert_refused(&file, TT_ERR_PICTURE_TOO_COSTLY, "made of more pictures");
}

#ifndef TT_SANITIZED
/* The service's children have such a limit too. Without it libheif would take gigabytes for these
 * files; a sanitizer cannot live with it. */
static enum tt_err decode_in_bounded_memory(const char *name) {
    static const struct rlimit most = {(rlim_t)512 << 20, (rlim_t)512 << 20};
    int status = 0;
    load(name);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (setrlimit(RLIMIT_AS, &most) < 0)
            _exit(TT_ERR_COUNT);
        _exit((int)decode(file.bytes, file.length, &in_color, &grid));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (enum tt_err)WEXITSTATUS(status);
}

/* libheif calls both a mistake of its caller's. */
static void overlays_that_cannot_be_are_the_files_fault(void **state) {
    (void)state;
    /* An emulator's own memory counts against the limit. */
    if (getenv("TINTYPE_EMULATED"))
        skip();
    assert_int_equal(decode_in_bounded_memory("refused/overlay-of-itself.heic"),
                     TT_ERR_PICTURE_BROKEN);
    assert_int_equal(decode_in_bounded_memory("refused/overlay-canvas-30000.avif"),
                     TT_ERR_PICTURE_BROKEN);
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colors_are_read),
        cmocka_unit_test(alpha_is_kept),
        cmocka_unit_test(gray_is_the_luma),
        cmocka_unit_test(a_profile_is_handed_out),
        cmocka_unit_test(pictures_are_read_without_a_second_thread),
        cmocka_unit_test(a_processor_of_its_own_may_be_refused),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(flipped_bits_are_answered),
        cmocka_unit_test(the_limit_of_pixels_holds_before_any_pixel),
        cmocka_unit_test(a_container_of_something_else_is_refused),
        cmocka_unit_test(grids_of_grids_are_refused_at_once),
#ifndef TT_SANITIZED
        cmocka_unit_test(overlays_that_cannot_be_are_the_files_fault),
#endif
    };
    return cmocka_run_group_tests_name("image_heif_read", tests, NULL, NULL);
}
