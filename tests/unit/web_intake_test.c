/* The way of a picture's bytes through a body parser and the intake, src/web/intake.c: what
 * arrives, what is refused, and how often a hostile client can have it hashed and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <assert.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tintype/arena.h"
#include "tintype/file.h"
#include "web/body.h"
#include "web/intake.h"

#define BODY_BYTES ((size_t)2 << 20)

/* The program finds the two functions below before those of the libraries. */
static int writes;
static int updates;

ssize_t write(int fd, const void *bytes, size_t length) {
    writes++;
    return syscall(SYS_write, fd, bytes, length);
}

int EVP_DigestUpdate(EVP_MD_CTX *context, const void *bytes, size_t length) {
    static int (*real)(EVP_MD_CTX *, const void *, size_t);
    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "EVP_DigestUpdate");
        memcpy(&real, &symbol, sizeof symbol); /* ISO C has no cast to a function's address */
    }
    updates++;
    return real(context, bytes, length);
}

struct fixture {
    struct tt_intake intake;
    struct tt_hash hash;
    struct tt_journal_file file;
    uint8_t gathered[TT_INTAKE_GATHER_BYTES];
    uint8_t body[BODY_BYTES + 256];
    size_t body_bytes;
    uint8_t picture[BODY_BYTES]; /* what the body holds */
    size_t picture_bytes;
};

static const uint8_t png_start[] = {0x89, 'P', 'N', 'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13};

static int fixture_open(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || tt_hash_init(&fixture->hash) != TT_OK)
        return -1;
    fixture->intake = (struct tt_intake){.fd = memfd_create("original", MFD_CLOEXEC),
                                         .hash = &fixture->hash,
                                         .file = &fixture->file,
                                         .gathered = fixture->gathered};
    tt_err_take(TT_OK);
    *state = fixture;
    return fixture->intake.fd >= 0 ? 0 : -1;
}

static int fixture_close(void **state) {
    struct fixture *fixture = *state;
    close(fixture->intake.fd);
    tt_hash_fini(&fixture->hash);
    free(fixture);
    return 0;
}

/* ---- hostile bodies ---- */

static void add(struct fixture *fixture, const void *bytes, size_t length) {
    assert_in_range(length, 0, sizeof fixture->body - fixture->body_bytes);
    memcpy(fixture->body + fixture->body_bytes, bytes, length);
    fixture->body_bytes += length;
}

static void add_text(struct fixture *fixture, const char *text) {
    add(fixture, text, strlen(text));
}

static void add_picture(struct fixture *fixture, const void *bytes, size_t length) {
    assert_in_range(length, 0, sizeof fixture->picture - fixture->picture_bytes);
    memcpy(fixture->picture + fixture->picture_bytes, bytes, length);
    fixture->picture_bytes += length;
}

/* Adds a form whose file is the scrap, over and over. */
static void add_form(struct fixture *fixture, const char *scrap) {
    add_text(fixture,
             "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n");
    add_picture(fixture, png_start, sizeof png_start);
    while (fixture->picture_bytes < BODY_BYTES - 256)
        add_picture(fixture, scrap, strlen(scrap));
    add(fixture, fixture->picture, fixture->picture_bytes);
    add_text(fixture, "\r\n--B--\r\n");
}

static void make_near_boundaries(struct fixture *fixture) {
    add_form(fixture, "\r\n--B-");
}

static void make_near_beginnings(struct fixture *fixture) {
    add_form(fixture, "\r\n--C");
}

/* The base64 text of png_start. */
static const char base64_start[] = "iVBORw0KGgoAAAAN";

/* Adds the text of png_start and zeros, each character in the form that is asked for. */
static void add_base64(struct fixture *fixture, void (*add_character)(struct fixture *, char)) {
    static const uint8_t zeros[3];
    add_picture(fixture, png_start, sizeof png_start);
    for (const char *c = base64_start; *c != '\0'; c++)
        add_character(fixture, *c);
    while (fixture->body_bytes < BODY_BYTES - 256) {
        for (int i = 0; i < 4; i++)
            add_character(fixture, 'A');
        add_picture(fixture, zeros, sizeof zeros);
    }
}

static void add_line(struct fixture *fixture, char character) {
    const char line[] = {character, '\n'};
    add(fixture, line, sizeof line);
}

static void add_escape(struct fixture *fixture, char character) {
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", (unsigned)character);
    add_text(fixture, escape);
}

static void add_escaped_line(struct fixture *fixture, char character) {
    const char line[] = {character, '\\', 'n'};
    add(fixture, line, sizeof line);
}

static void make_lines_of_one(struct fixture *fixture) {
    add_base64(fixture, add_line);
}

static void make_escapes(struct fixture *fixture) {
    add_text(fixture, "{\"image\":\"");
    add_base64(fixture, add_escape);
    add_text(fixture, "\"}");
}

static void make_escaped_lines(struct fixture *fixture) {
    add_text(fixture, "{\"image\":\"");
    add_base64(fixture, add_escaped_line);
    add_text(fixture, "\"}");
}

static void make_raw(struct fixture *fixture) {
    fixture->picture_bytes = BODY_BYTES;
    memcpy(fixture->picture, png_start, sizeof png_start);
    add(fixture, fixture->picture, fixture->picture_bytes);
}

static const struct {
    const char *content_type;
    void (*make)(struct fixture *fixture);
} hostile[] = {
    {"multipart/form-data; boundary=B", make_near_boundaries},
    {"multipart/form-data; boundary=B", make_near_beginnings},
    {"text/plain", make_lines_of_one},
    {"application/json", make_escapes},
    {"application/json", make_escaped_lines},
    {"image/png", make_raw},
};

/* ---- what is done with them ---- */

static enum tt_err take_picture(void *context, const uint8_t *bytes, size_t length) {
    return tt_intake_take(context, bytes, length);
}

static enum tt_err take_option(void *context, const char *name, const char *value) {
    (void)context;
    fail_msg("an option: %s=%s", name, value);
    (void)value;
    return TT_OK;
}

static enum tt_err take_filename(void *context, const char *raw, size_t length) {
    (void)context;
    (void)raw;
    (void)length;
    return TT_OK;
}

static void take_in(struct fixture *fixture, const char *content_type, size_t piece) {
    const struct tt_body_target target = {&fixture->intake, take_picture, take_option,
                                          take_filename};
    struct tt_arena arena;
    struct tt_body *body;
    tt_arena_init(&arena, 1 << 20);
    assert_int_equal(tt_body_open(&body, &arena, content_type, &target), TT_OK);
    writes = updates = 0;
    for (size_t done = 0, part; done < fixture->body_bytes; done += part) {
        part = fixture->body_bytes - done < piece ? fixture->body_bytes - done : piece;
        assert_int_equal(tt_body_push(body, fixture->body + done, part), TT_OK);
    }
    assert_int_equal(tt_body_end(body), TT_OK);
    assert_int_equal(tt_intake_end(&fixture->intake), TT_OK);
    tt_arena_fini(&arena);
}

static void assert_arrived(struct fixture *fixture) {
    uint8_t digest[TT_HASH_BYTES];
    uint8_t *arrived =
        mmap(NULL, fixture->picture_bytes, PROT_READ, MAP_SHARED, fixture->intake.fd, 0);
    assert_ptr_not_equal(arrived, MAP_FAILED);
    assert_int_equal(lseek(fixture->intake.fd, 0, SEEK_END), fixture->picture_bytes);
    assert_memory_equal(arrived, fixture->picture, fixture->picture_bytes);
    munmap(arrived, fixture->picture_bytes);
    assert_int_equal(fixture->file.size_bytes, fixture->picture_bytes);
    assert_int_equal(fixture->file.format, TT_FORMAT_PNG);
    assert_int_equal(tt_hash_file(fixture->intake.fd, digest), TT_OK);
    assert_memory_equal(fixture->file.sha256, digest, sizeof digest);
}

/* However a client cuts its body into scraps, and the web server into pieces, it is written and
 * hashed 16 times for each MiB of the picture, and once for the rest. */
static void test_hostile_bodies_cost_what_they_weigh(void **state) {
    static const size_t pieces[] = {1, 7, 65536, BODY_BYTES};
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
            void *made = NULL;
            if (fixture_open(&made) != 0) {
                fail_msg("no memory for the fixture");
                return;
            }
            struct fixture *fixture = made;
            hostile[i].make(fixture);
            take_in(fixture, hostile[i].content_type, pieces[p]);
            int most = (int)(fixture->picture_bytes * 16 / (1 << 20)) + 1;
            assert_in_range(writes, 1, most);
            assert_in_range(updates, 1, most);
            assert_arrived(fixture);
            fixture_close(&made);
        }
    }
}

/* ---- what is refused ---- */

static void test_no_picture_is_refused_before_it_is_written(void **state) {
    struct fixture *fixture = *state;
    static const uint8_t text[] = "These are thirty-two plain bytes";
    static_assert(sizeof text == 33, "what sniffing takes");
    assert_int_equal(tt_intake_take(&fixture->intake, text, 31), TT_OK);
    assert_int_equal(tt_intake_take(&fixture->intake, text + 31, 1), TT_ERR_PICTURE_TYPE);
    assert_int_equal(lseek(fixture->intake.fd, 0, SEEK_END), 0);
}

static void test_few_bytes_are_judged_at_the_end(void **state) {
    struct fixture *fixture = *state;
    static const uint8_t text[] = "short";
    assert_int_equal(tt_intake_take(&fixture->intake, text, 5), TT_OK);
    assert_int_equal(tt_intake_end(&fixture->intake), TT_ERR_PICTURE_TYPE);
}

static void test_a_short_picture_arrives(void **state) {
    struct fixture *fixture = *state;
    add_picture(fixture, png_start, sizeof png_start);
    assert_int_equal(tt_intake_take(&fixture->intake, png_start, sizeof png_start), TT_OK);
    assert_int_equal(tt_intake_end(&fixture->intake), TT_OK);
    assert_arrived(fixture);
}

static void test_no_bytes_are_refused(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(tt_intake_end(&fixture->intake), TT_ERR_BODY_EMPTY);
}

static void test_a_write_that_fails_is_told(void **state) {
    struct fixture *fixture = *state;
    close(fixture->intake.fd);
    fixture->intake.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_int_equal(tt_intake_take(&fixture->intake, png_start, sizeof png_start), TT_OK);
    assert_int_equal(tt_intake_end(&fixture->intake), TT_ERR_SPOOL_FULL);
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_bodies_cost_what_they_weigh),
        CASE(test_no_picture_is_refused_before_it_is_written),
        CASE(test_few_bytes_are_judged_at_the_end),
        CASE(test_a_short_picture_arrives),
        CASE(test_no_bytes_are_refused),
        CASE(test_a_write_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
