/* src/base/config_load.c: the file, the environment, and the problems named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tintype/config.h"
#include "tintype/log.h"

static struct tt_config config;
static char path[] = "/tmp/tintype-config-test-XXXXXX";
static char *problems;

/* The environment has only what a test sets. */
static int clear_environment(void **state) {
    (void)state;
    tt_err_take(TT_OK);
    return clearenv();
}

static int make_file(void **state) {
    int fd = mkstemp(path);
    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static int free_problems(void **state) {
    (void)state;
    free(problems);
    problems = NULL;
    return 0;
}

static enum tt_err load_from(const char *file_path) {
    size_t size = 0;
    free(problems);
    problems = NULL;
    FILE *out = open_memstream(&problems, &size);
    assert_non_null(out);
    enum tt_err err = tt_config_load(&config, file_path, out);
    assert_int_equal(fclose(out), 0);
    assert_true(err == TT_OK ? problems[0] == '\0' || strstr(problems, "warning: ")
                             : problems[0] != '\0');
    return err;
}

static enum tt_err load_bytes(const char *text, size_t length) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return load_from(path);
}

static enum tt_err load(const char *text) {
    return load_bytes(text, strlen(text));
}

/* Asserts that the problems are exactly these, each as "LINE: text" of the file. */
static void assert_problems(const char *const *expected, size_t count) {
    size_t length = 0;
    char all[4096];
    all[0] = '\0';
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(all + length, sizeof all - length, "%s:%s\n", path, expected[i]);
    assert_string_equal(problems, all);
}

static void assert_problem(const char *expected) {
    assert_problems(&expected, 1);
}

static void defaults_are_the_documented_ones(void **state) {
    (void)state;
    assert_int_equal(load_from(NULL), TT_OK);
    assert_string_equal(config.server.listen, "/run/tintype/tintyped.sock");
    assert_string_equal(config.server.base_path, "/api");
    assert_true(config.server.decode_slots >= 1);
    assert_int_equal(config.server.workers, 4 * config.server.decode_slots);
    assert_int_equal(config.server.max_requests, 10000);
    assert_int_equal(config.server.max_body_bytes, 26214400);
    assert_int_equal(config.server.idle_seconds, 30);
    assert_int_equal(config.server.request_seconds, 600);
    assert_int_equal(config.server.drain_seconds, 60);
    assert_string_equal(config.server.cors_origins, "");
    assert_string_equal(config.storage.dir, "/var/lib/tintype");
    assert_int_equal(config.storage.quota_bytes, 0);
    assert_int_equal(config.storage.keep_local_seconds, -1);
    assert_true(config.storage.keep_original);
    assert_int_equal(config.image.options.width_px, 1024);
    assert_int_equal(config.image.options.height_px, 1024);
    assert_int_equal(config.image.options.fit, TT_FIT_INSIDE);
    assert_true(config.image.options.grayscale);
    assert_int_equal(config.image.options.format, TT_FORMAT_PNG);
    assert_int_equal(config.image.options.quality, 85);
    assert_int_equal(config.image.limits.max_pixels, 100000000);
    assert_int_equal(config.image.limits.max_memory_bytes, 536870912);
    assert_int_equal(config.image.limits.max_chunk_bytes, 8388608);
    assert_int_equal(config.image.limits.max_scans, 100);
    assert_int_equal(config.image.cpu_seconds, 20);
    assert_int_equal(config.auth.mode, TT_AUTH_NONE);
    assert_string_equal(config.s3.bucket, "");
    assert_string_equal(config.s3.processed_prefix, "processed/");
    assert_string_equal(config.s3.original_prefix, "originals/");
    assert_string_equal(config.s3.region, "");
    assert_string_equal(config.s3.endpoint, "");
    assert_int_equal(config.s3.path_style, TT_S3_PATH_STYLE_AUTO);
    assert_string_equal(config.s3.ca_file, "");
    assert_int_equal(config.s3.sse, TT_S3_SSE_NONE);
    assert_string_equal(config.s3.sse_kms_key_id, "");
    assert_string_equal(config.dynamodb.table, "");
    assert_string_equal(config.cloudwatch.log_group, "");
    assert_string_equal(config.cloudwatch.log_stream, "");
    assert_int_equal(config.delivery.remote, TT_DELIVERY_REDIRECT);
    assert_string_equal(config.delivery.cloudfront_url, "");
    assert_int_equal(config.sync.in_flight, 16);
    assert_string_equal(config.sync.node, "");
    assert_int_equal(config.log.level, TT_LOG_INFO);
}

static void empty_file_gives_the_defaults(void **state) {
    (void)state;
    assert_int_equal(load(""), TT_OK);
    assert_string_equal(config.server.base_path, "/api");
    assert_int_equal(load("\n\n; nothing\n# at all\n[server]\n"), TT_OK);
}

static void file_beats_defaults_and_environment_beats_the_file(void **state) {
    (void)state;
    assert_int_equal(setenv("TINTYPE_IMAGE_WIDTH", "300", 1), 0);
    assert_int_equal(load("[image]\nwidth = 100\nheight=200 ; pixels\n"), TT_OK);
    assert_int_equal(config.image.options.width_px, 300);
    assert_int_equal(config.image.options.height_px, 200);
    assert_int_equal(config.image.options.quality, 85);
}

static void last_line_needs_no_end_and_lines_may_end_in_crlf(void **state) {
    (void)state;
    assert_int_equal(load("[image]\r\nwidth=100\r\nheight=200"), TT_OK);
    assert_int_equal(config.image.options.width_px, 100);
    assert_int_equal(config.image.options.height_px, 200);
}

static void section_may_come_twice(void **state) {
    (void)state;
    assert_int_equal(load("[image]\nwidth=100\n[s3]\nbucket=abc\n[image]\nheight=200\n"), TT_OK);
    assert_int_equal(config.image.options.height_px, 200);
    assert_string_equal(config.s3.bucket, "abc");
}

static void every_problem_is_named_with_its_line(void **state) {
    static const char *const expected[] = {
        "1: \"width\" stands before the first [section]",
        "4: no such key: \"widht\" in [image]; did you mean \"width\" in [image]?",
        "5: quality takes a whole number from 1 to 100",
        "6: no such key: \"nonsense\" in [image]",
        "8: no such key: \"width\" in [unheard]",
        "9: no such key: \"no value here\" in [unheard]",
        "11: \"dir\" has no \"= value\"",
        "12: no such key: \"continued\" in [storage]",
    };
    (void)state;
    assert_int_equal(load("width=1\n"
                          "; a comment\n"
                          "[image]\n"
                          "widht=100\n"
                          "quality=0\n"
                          "nonsense=\n"
                          "[unheard]\n"
                          "width=1\n"
                          "no value here\n"
                          "[storage]\n"
                          "dir\n"
                          "  continued\n"),
                     TT_ERR_CONFIG);
    assert_problems(expected, sizeof expected / sizeof *expected);
    assert_string_equal(tt_err_cause(), "problems in the configuration: 8");
}

static void repeated_key_is_a_problem(void **state) {
    (void)state;
    assert_int_equal(load("[image]\nwidth=100\n[image]\nwidth=100\n"), TT_ERR_CONFIG);
    assert_problem("4: \"width\" was set on line 2 already");
}

static void broken_section_ends_the_reading(void **state) {
    (void)state;
    assert_int_equal(load("[image]\nwidth=100\n[storage\ndir=/x\n"), TT_ERR_CONFIG);
    assert_problem("3: the section has no \"]\" at its end");
}

static void overlong_line_is_a_problem_and_the_next_is_read(void **state) {
    static const char *const expected[] = {
        "2: the line has more than 4350 bytes, or a NUL byte",
        "4: quality takes a whole number from 1 to 100",
    };
    static char text[20000];
    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "[storage]\ndir=", 14);
    snprintf(text + 19000, 1000, "\n[image]\nquality=0\n");
    assert_int_equal(load(text), TT_ERR_CONFIG);
    assert_problems(expected, sizeof expected / sizeof *expected);
}

static void overlong_value_is_a_problem(void **state) {
    (void)state;
    char text[600];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    memcpy(text, "[server]\nbase_path=/", 20);
    assert_int_equal(load(text), TT_ERR_CONFIG);
    assert_problem("2: the value has 580 bytes; base_path takes 255 at most");
}

static void nul_byte_is_a_problem(void **state) {
    static const char text[] = "[image]\nwidth=1\0"
                               "00\nheight=200\n";
    (void)state;
    assert_int_equal(load_bytes(text, sizeof text - 1), TT_ERR_CONFIG);
    assert_problem("2: the line has more than 4350 bytes, or a NUL byte");
    assert_int_equal(config.image.options.height_px, 200);
}

static void unreadable_file_is_a_problem(void **state) {
    (void)state;
    assert_int_equal(load_from("/nonexistent/tintype.ini"), TT_ERR_CONFIG);
    assert_string_equal(problems, "/nonexistent/tintype.ini: No such file or directory\n");
    assert_int_equal(load_from("/tmp"), TT_ERR_CONFIG);
    assert_string_equal(problems, "/tmp: Is a directory\n");
}

static void variables_that_are_no_keys_are_problems(void **state) {
    (void)state;
    assert_int_equal(setenv("TINTYPE_FOO_BAR", "1", 1), 0);
    assert_int_equal(load_from(NULL), TT_ERR_CONFIG);
    assert_string_equal(problems, "TINTYPE_FOO_BAR: no such key\n");
    assert_int_equal(unsetenv("TINTYPE_FOO_BAR"), 0);
    assert_int_equal(setenv("TINTYPE_IMAGE_HIGHT", "1", 1), 0);
    assert_int_equal(load_from(NULL), TT_ERR_CONFIG);
    assert_string_equal(problems,
                        "TINTYPE_IMAGE_HIGHT: no such key; did you mean TINTYPE_IMAGE_HEIGHT?\n");
}

static void bad_value_of_a_variable_is_a_problem(void **state) {
    (void)state;
    assert_int_equal(setenv("TINTYPE_SERVER_WORKERS", "", 1), 0);
    assert_int_equal(load_from(NULL), TT_ERR_CONFIG);
    assert_string_equal(problems,
                        "TINTYPE_SERVER_WORKERS: workers takes a whole number from 0 to 1024\n");
}

static void other_variables_and_the_path_of_the_file_are_left_alone(void **state) {
    (void)state;
    assert_int_equal(setenv("TINTYPE_CONFIG", "/etc/tintype.ini", 1), 0);
    assert_int_equal(setenv("TINTYPES_FOO", "1", 1), 0);
    assert_int_equal(setenv("HOME", "/", 1), 0);
    assert_int_equal(load_from(NULL), TT_OK);
}

static void second_load_forgets_the_first(void **state) {
    (void)state;
    assert_int_equal(load("[s3]\nbucket=abc\n"), TT_OK);
    assert_string_equal(config.s3.bucket, "abc");
    assert_int_equal(load(""), TT_OK);
    assert_string_equal(config.s3.bucket, "");
}

static void the_node_is_named_or_the_host(void **state) {
    (void)state;
    memset(&config, 0, sizeof config);
    char node[TT_CONFIG_NODE_SIZE];
    tt_config_name_node(&config, node);
    char host[TT_CONFIG_NODE_SIZE];
    assert_int_equal(gethostname(host, sizeof host), 0);
    assert_string_equal(node, host);
    strcpy(config.sync.node, "node-1");
    tt_config_name_node(&config, node);
    assert_string_equal(node, "node-1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear_environment, free_problems)

static void print_values(char text[16384]) {
    FILE *out = fmemopen(text, 16384, "w");
    assert_non_null(out);
    tt_config_print_values(out, &config);
    assert_int_equal(fclose(out), 0);
}

static void printed_values_load_as_they_were(void **state) {
    static char first[16384];
    static char second[16384];
    (void)state;
    setenv("TINTYPE_IMAGE_FIT", "cover", 1);
    setenv("TINTYPE_IMAGE_WATERMARK_TEXT", "# a=b; [c] \"d\"", 1);
    assert_int_equal(load("[server]\nbase_path = /\nmax_body_bytes = 3M\nworkers = 0\n"
                          "[image]\ngrayscale = off\nquality = 7\n"),
                     TT_OK);
    unsetenv("TINTYPE_IMAGE_FIT");
    unsetenv("TINTYPE_IMAGE_WATERMARK_TEXT");
    print_values(first);
    assert_non_null(
        strstr(first, "[server]\nlisten = /run/tintype/tintyped.sock\nuser = \nbase_path = \n"));
    assert_non_null(strstr(first, "\nmax_body_bytes = 3145728\n"));
    assert_non_null(strstr(first, "\n\n[image]\nwidth = 1024\nheight = 1024\nfit = cover\n"
                                  "grayscale = false\n"));
    assert_int_equal(load(first), TT_OK);
    print_values(second);
    assert_string_equal(first, second);
}

/* An upgrade must not keep the service from starting: a key that went is told, and nothing else. */
static void a_key_of_an_older_version_is_a_warning(void **state) {
    (void)state;
    assert_int_equal(load("[image]\nreduced_decode = true\nwidth = 7\n"), TT_OK);
    assert_problem(
        "2: warning: \"reduced_decode\" in [image] is ignored: every picture is decoded in full");
    assert_int_equal(config.image.options.width_px, 7);
    assert_int_equal(load("[image]\nreduced_decode\n"), TT_OK);
    assert_non_null(strstr(problems, ":2: warning: "));

    assert_int_equal(setenv("TINTYPE_IMAGE_REDUCED_DECODE", "true", 1), 0);
    assert_int_equal(load_from(NULL), TT_OK);
    assert_string_equal(problems, "TINTYPE_IMAGE_REDUCED_DECODE: warning: it is ignored: "
                                  "every picture is decoded in full\n");

    assert_int_equal(load("[preset.a]\nreduced_decode = true\n"), TT_ERR_CONFIG);
    assert_int_equal(load("[image]\nreduced_decod = true\n"), TT_ERR_CONFIG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(printed_values_load_as_they_were, clear_environment),
        cmocka_unit_test_setup(a_key_of_an_older_version_is_a_warning, clear_environment),
        TEST(defaults_are_the_documented_ones),
        TEST(empty_file_gives_the_defaults),
        TEST(file_beats_defaults_and_environment_beats_the_file),
        TEST(last_line_needs_no_end_and_lines_may_end_in_crlf),
        TEST(section_may_come_twice),
        TEST(every_problem_is_named_with_its_line),
        TEST(repeated_key_is_a_problem),
        TEST(broken_section_ends_the_reading),
        TEST(overlong_line_is_a_problem_and_the_next_is_read),
        TEST(overlong_value_is_a_problem),
        TEST(nul_byte_is_a_problem),
        TEST(unreadable_file_is_a_problem),
        TEST(variables_that_are_no_keys_are_problems),
        TEST(bad_value_of_a_variable_is_a_problem),
        TEST(other_variables_and_the_path_of_the_file_are_left_alone),
        TEST(second_load_forgets_the_first),
        TEST(the_node_is_named_or_the_host),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
