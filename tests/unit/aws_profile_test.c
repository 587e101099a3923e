/* src/aws/profile.c: names, places and precedence of the shared files, and their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>

#include "aws/profile.h"
#include "aws_environment.h"

static struct tt_profile profile;
static char problem[TT_PROFILE_PROBLEM_SIZE];

static void write_credentials(const char *text) {
    aws_file_write("AWS_SHARED_CREDENTIALS_FILE", "credentials", text);
}

static void write_config(const char *text) {
    aws_file_write("AWS_CONFIG_FILE", "config", text);
}

static void name_profile(const char *name) {
    assert_int_equal(setenv("AWS_PROFILE", name, 1), 0);
}

static void assert_read(void) {
    if (!tt_profile_read(&profile, problem))
        fail_msg("%s", problem);
}

/* Asserts that reading fails with a sentence that has all of these words. */
static void assert_problem(const char *words[], size_t count) {
    assert_false(tt_profile_read(&profile, problem));
    for (size_t i = 0; i < count; i++)
        if (!strstr(problem, words[i]))
            fail_msg("no \"%s\" in \"%s\"", words[i], problem);
}
#define ASSERT_PROBLEM(...)                                                                        \
    assert_problem((const char *[]){__VA_ARGS__},                                                  \
                   sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *))

static void assert_keys(const char *id, const char *secret, const char *token) {
    assert_string_equal(profile.keys.access_key_id, id);
    assert_string_equal(profile.keys.secret_access_key, secret);
    assert_string_equal(profile.keys.session_token, token);
    assert_int_equal(profile.keys.expires_at_ms, 0);
}

static void finds_nothing_where_nothing_is(void **state) {
    (void)state;
    assert_read();
    assert_false(profile.is_found);
    assert_false(profile.is_named);
    assert_string_equal(profile.name, "default");
    assert_string_equal(profile.credentials_path, scratch_path(".aws/credentials"));
    assert_string_equal(profile.config_path, scratch_path(".aws/config"));
    assert_string_equal(profile.unread, "");
    assert_keys("", "", "");
}

static void reads_the_files_at_home(void **state) {
    (void)state;
    assert_int_equal(mkdir(scratch_path(".aws"), 0700), 0);
    aws_file_write("UNUSED", ".aws/credentials",
                   "[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n");
    aws_file_write("UNUSED", ".aws/config", "[default]\nregion = eu-west-3\n");
    assert_read();
    assert_true(profile.is_found);
    assert_keys("AK", "SK", "");
    assert_string_equal(profile.region, "eu-west-3");
    /* A path that a variable names may be below home too. */
    write_config("");
    assert_int_equal(setenv("AWS_CONFIG_FILE", "~/config", 1), 0);
    assert_read();
    assert_string_equal(profile.config_path, scratch_path("config"));
    assert_string_equal(profile.region, "");
}

static void home_is_found_without_a_variable(void **state) {
    (void)state;
    assert_int_equal(unsetenv("HOME"), 0);
    assert_true(tt_profile_read(&profile, problem));
    assert_int_equal(profile.config_path[0], '/');
    assert_int_equal(strcmp(profile.config_path, "/.aws/config") == 0, 0);
}

static void names_choose_a_section(void **state) {
    (void)state;
    write_credentials("[default]\naws_access_key_id=AK0\naws_secret_access_key=SK0\n"
                      "[profile work]\naws_access_key_id=AK1\naws_secret_access_key=SK1\n"
                      "[work]\naws_access_key_id=AK2\naws_secret_access_key=SK2\n"
                      "aws_session_token=T2\n");
    write_config("[default]\nregion=r-0\n[work]\nregion=r-1\n[profile work]\nregion=r-2\n"
                 "[profile worker]\nregion=r-3\n");
    assert_read();
    assert_keys("AK0", "SK0", "");
    assert_string_equal(profile.region, "r-0");
    name_profile("work");
    assert_read();
    assert_true(profile.is_named);
    assert_keys("AK2", "SK2", "T2");
    assert_string_equal(profile.region, "r-2");
    name_profile(""); /* an empty variable counts as one that is not set */
    assert_read();
    assert_false(profile.is_named);
    assert_keys("AK0", "SK0", "");
    write_config("[profile empty]\n");
    name_profile("empty");
    assert_read();
    assert_true(profile.is_found);
}

static void section_headers_may_be_quoted(void **state) {
    (void)state;
    write_config("[profile \"a b\"]\nregion=r-1\n[profile 'c']\nregion=r-2\n"
                 "[  profile\td  ]\nregion=r-3\n[profile default]\nregion=r-4\n"
                 "[profile\"e\"]\nregion=r-5\n[profile \"f]\nregion=r-6\n");
    name_profile("a b");
    assert_read();
    assert_string_equal(profile.region, "r-1");
    name_profile("c");
    assert_read();
    assert_string_equal(profile.region, "r-2");
    name_profile("d");
    assert_read();
    assert_string_equal(profile.region, "r-3");
    name_profile("default");
    assert_read();
    assert_string_equal(profile.region, "r-4");
    name_profile("e");
    ASSERT_PROBLEM("\"e\"", "config", "credentials");
    name_profile("f");
    ASSERT_PROBLEM("\"f\"");
}

static void keys_of_two_files_are_not_mixed(void **state) {
    (void)state;
    write_config("[default]\naws_access_key_id=AK1\naws_secret_access_key=SK1\n"
                 "aws_session_token=T1\nregion=r-1\n");
    assert_read();
    assert_keys("AK1", "SK1", "T1");
    write_credentials("[default]\naws_access_key_id=AK2\naws_secret_access_key=SK2\n");
    assert_read();
    assert_keys("AK2", "SK2", "");
    assert_string_equal(profile.region, "r-1");
    write_credentials("[default]\naws_access_key_id=AK2\n");
    ASSERT_PROBLEM("credentials", "no aws_secret_access_key", "\"default\"");
    /* Without an id it has no keys, and the other file's are good. */
    write_credentials("[default]\naws_secret_access_key=SK2\nregion=r-2\n");
    assert_read();
    assert_keys("AK1", "SK1", "T1");
    assert_string_equal(profile.region, "r-2");
}

static void settings_are_read_as_the_sdks_write_them(void **state) {
    (void)state;
    write_config(
        "# a comment\n[default]\nAWS_ACCESS_KEY_ID = AK\naws_secret_access_key = S/K+=\n"
        "aws_session_token =\naws_security_token = OLD\ns3 =\n    addressing_style = path\n"
        "output = json\n");
    assert_read();
    assert_keys("AK", "S/K+=", "OLD");
    write_config("[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n"
                 "aws_session_token=NEW\naws_security_token=OLD\n");
    assert_read();
    assert_keys("AK", "SK", "NEW");
    write_config("[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n"
                 "aws_security_token=OLD\naws_session_token=NEW\n");
    assert_read();
    assert_keys("AK", "SK", "NEW");
}

static void a_named_profile_must_be_there(void **state) {
    (void)state;
    write_credentials("[other]\naws_access_key_id=AK\naws_secret_access_key=SK\n");
    write_config("[profile other]\nregion=r-1\n");
    name_profile("missing");
    ASSERT_PROBLEM("AWS_PROFILE", "\"missing\"", profile.credentials_path, profile.config_path);
    name_profile("default");
    ASSERT_PROBLEM("\"default\"");
    name_profile("other");
    assert_read();
}

static void sources_of_others_are_told(void **state) {
    (void)state;
    write_config("[default]\nrole_arn=arn:aws:iam::1:role/a\n");
    assert_read();
    assert_string_equal(profile.unsupported, "role_arn");
    write_config("[default]\ncredential_process=/bin/keys\n");
    assert_read();
    assert_string_equal(profile.unsupported, "credential_process");
    write_config("[default]\nsso_session=me\n");
    assert_read();
    assert_string_equal(profile.unsupported, "sso_session");
    write_config("[default]\nrole_arn=arn:aws:iam::1:role/a\nweb_identity_token_file=/run/token\n"
                 "role_session_name=me\n");
    assert_read();
    assert_null(profile.unsupported);
    assert_string_equal(profile.role.arn, "arn:aws:iam::1:role/a");
    assert_string_equal(profile.role.token_file, "/run/token");
    assert_string_equal(profile.role.session_name, "me");
}

/* "[default]", an id and a secret, and name = count times 'x'. */
static const char *long_setting(const char *name, size_t count) {
    static char text[40000];
    size_t length = (size_t)snprintf(text, sizeof text,
                                     "[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n"
                                     "%s = ",
                                     name);
    assert_true(length + count + 2 < sizeof text);
    memset(text + length, 'x', count);
    text[length + count] = '\n';
    text[length + count + 1] = '\0';
    return text;
}

static void bounds_are_told_by_name_and_line(void **state) {
    (void)state;
    write_credentials(long_setting("aws_access_key_id", 128));
    assert_read();
    write_credentials(long_setting("aws_access_key_id", 129));
    ASSERT_PROBLEM("aws_access_key_id", "line 4", "over 128 bytes");
    write_credentials(long_setting("aws_secret_access_key", 256));
    assert_read();
    write_credentials(long_setting("aws_secret_access_key", 257));
    ASSERT_PROBLEM("aws_secret_access_key", "line 4", "over 256 bytes");
    assert_null(strstr(problem, "xxxx"));
    write_credentials(long_setting("aws_session_token", 8192));
    assert_read();
    assert_int_equal(strlen(profile.keys.session_token), 8192);
    write_credentials(long_setting("aws_session_token", 8193));
    ASSERT_PROBLEM("aws_session_token", "line 4", "over 8192 bytes");
    write_credentials(long_setting("aws_session_token", 30000));
    ASSERT_PROBLEM("credentials", "line 4");
    write_credentials(long_setting("region", 64));
    ASSERT_PROBLEM("region", "line 4", "over 63 bytes");
    write_credentials(
        long_setting("output", 1000)); /* a setting that nobody here reads may be of any length */
    assert_read();
}

static void names_have_a_bound(void **state) {
    (void)state;
    name_profile("0123456789012345678901234567890123456789");
    write_credentials("[0123456789012345678901234567890123456789]\nregion=r-1\n");
    write_config("[profile 0123456789012345678901234567890123456789]\nrole_session_name=me\n");
    assert_read();
    assert_string_equal(profile.region, "r-1");
    assert_string_equal(profile.role.session_name, "me");
    /* inih cuts the name in brackets, and what is left must not pass for ours. */
    write_credentials("[0123456789012345678901234567890123456789x]\nregion=r-1\n");
    write_config("[profile 0123456789012345678901234567890123456789xyz]\nregion=r-1\n");
    ASSERT_PROBLEM("AWS_PROFILE");
    name_profile("01234567890123456789012345678901234567890");
    ASSERT_PROBLEM("AWS_PROFILE", "over 40 bytes");
}

static void blanks_in_keys_are_told(void **state) {
    (void)state;
    write_credentials("[default]\naws_access_key_id=AK\naws_secret_access_key=S K # mine\n");
    ASSERT_PROBLEM("aws_secret_access_key", "line 3", "blank");
    assert_null(strstr(problem, "mine"));
}

static void unreadable_files_are_passed_over_and_told(void **state) {
    (void)state;
    /* A directory cannot be read, by root either. */
    assert_int_equal(setenv("AWS_SHARED_CREDENTIALS_FILE", scratch, 1), 0);
    assert_read();
    assert_non_null(strstr(profile.unread, scratch));
    name_profile("work");
    ASSERT_PROBLEM("\"work\"", "cannot be read");
    write_config("[profile work]\nregion=r-1\n");
    assert_read();
    assert_string_equal(profile.region, "r-1");
}

static void broken_lines_are_told(void **state) {
    (void)state;
    write_config("[default]\nregion=r-1\n[profile x\nregion=r-2\n");
    ASSERT_PROBLEM("config", "line 3");
}

static void wipes(void **state) {
    static const struct tt_profile blank;
    (void)state;
    write_credentials("[default]\naws_access_key_id=AK\naws_secret_access_key=SK\n");
    assert_read();
    tt_profile_wipe(&profile);
    assert_memory_equal(&profile, &blank, sizeof profile);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, aws_environment_make, scratch_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(finds_nothing_where_nothing_is),
        TEST(reads_the_files_at_home),
        TEST(home_is_found_without_a_variable),
        TEST(names_choose_a_section),
        TEST(section_headers_may_be_quoted),
        TEST(keys_of_two_files_are_not_mixed),
        TEST(settings_are_read_as_the_sdks_write_them),
        TEST(a_named_profile_must_be_there),
        TEST(sources_of_others_are_told),
        TEST(bounds_are_told_by_name_and_line),
        TEST(names_have_a_bound),
        TEST(blanks_in_keys_are_told),
        TEST(unreadable_files_are_passed_over_and_told),
        TEST(broken_lines_are_told),
        TEST(wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
