/* src/aws/files.c: which files the agent reads for the cloud. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws_environment.h"
#include "tintype/aws.h"

static struct tt_config config;
static struct tt_aws_files files;

static int set_up(void **state) {
    memset(&config, 0, sizeof config);
    return aws_environment_make(state);
}

static bool has(const char *path, bool is_certificate) {
    for (int i = 0; i < files.count; i++)
        if (strcmp(files.rows[i].path, path) == 0 && files.rows[i].is_certificate == is_certificate)
            return true;
    return false;
}

static void home_has_the_files_of_a_profile(void **state) {
    (void)state;
    tt_aws_files_find(&files, &config);
    assert_int_equal(files.count, 2);
    assert_true(has(scratch_path(".aws/credentials"), false));
    assert_true(has(scratch_path(".aws/config"), false));
}

static void variables_and_the_profile_name_others(void **state) {
    (void)state;
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/keys/credentials", 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/web/token", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/container/token", 1);
    setenv("AWS_CA_BUNDLE", "/ca/bundle.pem", 1);
    aws_file_write("AWS_CONFIG_FILE", "config",
                   "[default]\nrole_arn = a\nweb_identity_token_file = /profile/token\n");
    tt_aws_files_find(&files, &config);
    assert_int_equal(files.count, 6);
    assert_true(has("/keys/credentials", false));
    assert_true(has(scratch_path("config"), false));
    assert_true(has("/profile/token", false));
    assert_true(has("/web/token", false));
    assert_true(has("/container/token", false));
    assert_true(has("/ca/bundle.pem", true));
}

static void the_configuration_names_the_certificates(void **state) {
    (void)state;
    setenv("AWS_CA_BUNDLE", "/ca/bundle.pem", 1);
    snprintf(config.s3.ca_file, sizeof config.s3.ca_file, "/own/ca.pem");
    tt_aws_files_find(&files, &config);
    assert_true(has("/own/ca.pem", true));
    assert_false(has("/ca/bundle.pem", true));
}

static void a_path_that_is_too_long_is_passed_over(void **state) {
    (void)state;
    static char path[TT_CONFIG_PATH_MAX + 1];
    memset(path, 'a', sizeof path - 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
    tt_aws_files_find(&files, &config);
    assert_int_equal(files.count, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(home_has_the_files_of_a_profile, set_up, scratch_remove),
        cmocka_unit_test_setup_teardown(variables_and_the_profile_name_others, set_up,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(the_configuration_names_the_certificates, set_up,
                                        scratch_remove),
        cmocka_unit_test_setup_teardown(a_path_that_is_too_long_is_passed_over, set_up,
                                        scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
