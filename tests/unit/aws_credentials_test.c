/* src/aws/credentials.c and credentials_local.c: keys of this machine, which source comes before
 * which, refresh, forgetting, and what must never be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "catch_log.h"
#include "credentials_rig.h"

/* ---- environment ---- */

static void environment_gives_keys(void **state) {
    (void)state;
    set_variable("AWS_ACCESS_KEY_ID", "ENVIRONMENT");
    set_variable("AWS_SECRET_ACCESS_KEY", SECRET);
    assert_keys("ENVIRONMENT", SECRET, "");
    /* The keys are kept, so a change of the environment is seen only by a new look. */
    set_variable("AWS_SESSION_TOKEN", TOKEN);
    assert_keys_at(NOW_MS + 9999 * MINUTE_MS, "ENVIRONMENT", SECRET, "");
    tt_aws_credentials_forget(credentials);
    assert_keys("ENVIRONMENT", SECRET, TOKEN);
    set_variable("AWS_SECURITY_TOKEN", "OLD");
    tt_aws_credentials_forget(credentials);
    assert_keys("ENVIRONMENT", SECRET, TOKEN);
    set_variable("AWS_SESSION_TOKEN", "");
    tt_aws_credentials_forget(credentials);
    assert_keys("ENVIRONMENT", SECRET, "OLD");
    const struct tt_aws_keys *keys;
    assert_int_equal(tt_aws_credentials_get(credentials, NOW_MS, &keys), TT_OK);
    assert_int_equal(keys->expires_at_ms, 0);
}

static void environment_must_be_whole(void **state) {
    (void)state;
    write_keys("FILE"); /* a later source must not stand in for a broken one */
    set_variable("AWS_ACCESS_KEY_ID", "ENVIRONMENT");
    assert_none("AWS_SECRET_ACCESS_KEY");
    set_variable("AWS_SECRET_ACCESS_KEY", SECRET "\n");
    assert_none("AWS_SECRET_ACCESS_KEY has a blank");
    char text[TT_AWS_TOKEN_SIZE + 1];
    memset(text, 'x', sizeof text);
    text[TT_AWS_SECRET_KEY_SIZE] = '\0';
    set_variable("AWS_SECRET_ACCESS_KEY", text);
    assert_none("AWS_SECRET_ACCESS_KEY has over 256 bytes");
    text[TT_AWS_SECRET_KEY_SIZE - 1] = '\0';
    set_variable("AWS_SECRET_ACCESS_KEY", text);
    assert_keys("ENVIRONMENT", text, "");
    tt_aws_credentials_forget(credentials);
    text[TT_AWS_SECRET_KEY_SIZE - 1] = text[TT_AWS_SECRET_KEY_SIZE] = 'x';
    text[TT_AWS_TOKEN_SIZE] = '\0';
    set_variable("AWS_SESSION_TOKEN", text);
    assert_none("AWS_SESSION_TOKEN has over 8192 bytes");
    set_variable("AWS_SESSION_TOKEN", "");
    text[TT_AWS_ACCESS_KEY_SIZE] = '\0';
    set_variable("AWS_ACCESS_KEY_ID", text);
    assert_none("AWS_ACCESS_KEY_ID has over 128 bytes");
}

/* ---- files ---- */

static void files_give_keys(void **state) {
    (void)state;
    aws_file_write("AWS_SHARED_CREDENTIALS_FILE", "credentials",
                   "[work]\naws_access_key_id=WORK\naws_secret_access_key=" SECRET
                   "\naws_session_token=" TOKEN "\n");
    aws_file_write("AWS_CONFIG_FILE", "config",
                   "[default]\naws_access_key_id=CONFIG\naws_secret_access_key=" SECRET "\n");
    assert_keys("CONFIG", SECRET, "");
    set_variable("AWS_PROFILE", "work");
    tt_aws_credentials_forget(credentials);
    assert_keys("WORK", SECRET, TOKEN);
}

static void a_corrected_file_is_read_after_forgetting(void **state) {
    (void)state;
    write_keys("WRONG");
    assert_keys("WRONG", SECRET, "");
    write_keys("RIGHT");
    assert_keys("WRONG", SECRET, "");
    tt_aws_credentials_forget(credentials);
    assert_keys("RIGHT", SECRET, "");
    aws_file_write("AWS_SHARED_CREDENTIALS_FILE", "credentials",
                   "[default]\naws_access_key_id=HALF\n");
    tt_aws_credentials_forget(credentials);
    assert_none("no aws_secret_access_key");
    /* After a failure the next call looks anew by itself. */
    write_keys("RIGHT");
    assert_keys("RIGHT", SECRET, "");
}

static void a_missing_profile_ends_the_chain(void **state) {
    (void)state;
    set_container();
    write_keys("FILE");
    set_variable("AWS_PROFILE", "absent");
    assert_none("\"absent\"");
    assert_int_equal(key_server->request_count, 0);
}

static void unsupported_profiles_are_told_and_passed(void **state) {
    (void)state;
    aws_file_write("AWS_CONFIG_FILE", "config", "[default]\ncredential_process=/bin/keys\n");
    assert_none("credential_process, which is not supported");
    set_container();
    assert_keys("CONTAINER", SECRET, TOKEN);
}

static void nothing_tells_what_was_tried(void **state) {
    static const char *const words[] = {"AWS_ACCESS_KEY_ID",
                                        "\"default\"",
                                        "config",
                                        "credentials",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_CONTAINER_CREDENTIALS",
                                        "AWS_EC2_METADATA_DISABLED"};
    (void)state;
    set_variable("AWS_CONFIG_FILE", "/nowhere/config");
    set_variable("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_none(words[i]);
}

/* ---- precedence ---- */

static void sources_come_in_their_order(void **state) {
    (void)state;
    set_instance();
    assert_keys("INSTANCE", SECRET, TOKEN);
    set_container();
    tt_aws_credentials_forget(credentials);
    assert_keys("CONTAINER", SECRET, TOKEN);
    set_web_identity();
    tt_aws_credentials_forget(credentials);
    assert_keys("WEB", SECRET, TOKEN "&/=");
    write_keys("FILE");
    tt_aws_credentials_forget(credentials);
    assert_keys("FILE", SECRET, ""); /* the token of the keys before is gone */
    set_variable("AWS_ACCESS_KEY_ID", "ENVIRONMENT");
    set_variable("AWS_SECRET_ACCESS_KEY", SECRET);
    tt_aws_credentials_forget(credentials);
    assert_keys("ENVIRONMENT", SECRET, "");
    assert_int_equal(key_server->request_count, 5);
}

/* ---- refresh ---- */

static void keys_are_refreshed_before_they_expire(void **state) {
    int64_t late_ms = NOW_MS + 55 * MINUTE_MS;
    (void)state;
    set_container();
    assert_keys("CONTAINER", SECRET, TOKEN);
    key_server_answer("GET /keys?x=1", 200, json_keys("NEW", 120));
    assert_keys_at(late_ms - 1, "CONTAINER", SECRET, TOKEN);
    assert_int_equal(tt_http_in_flight(http), 0);
    assert_keys_at(late_ms, "CONTAINER", SECRET,
                   TOKEN); /* this call begins a look in the background */
    assert_int_equal(tt_http_in_flight(http), 1);
    assert_keys_at(late_ms, "CONTAINER", SECRET, TOKEN);
    assert_int_equal(tt_http_in_flight(http), 1);
    finish();
    assert_keys_at(late_ms, "NEW", SECRET, TOKEN);
    assert_int_equal(tt_http_in_flight(http), 0);
    assert_int_equal(key_server->request_count, 2);
}

static void a_failed_refresh_keeps_the_old_keys(void **state) {
    int64_t late_ms = NOW_MS + 55 * MINUTE_MS;
    (void)state;
    set_container();
    assert_keys("CONTAINER", SECRET, TOKEN);
    key_server_answer("GET /keys?x=1", 500, TOKEN);
    assert_keys_at(late_ms, "CONTAINER", SECRET, TOKEN);
    finish();
    catch_log();
    assert_keys_at(late_ms + 1, "CONTAINER", SECRET, TOKEN);
    const char *text = caught_log();
    assert_non_null(strstr(text, "answered 500"));
    assert_null(strstr(text, "hidden"));
    assert_keys_at(late_ms + 9999, "CONTAINER", SECRET, TOKEN);
    finish();
    assert_int_equal(key_server->request_count, 2); /* it is not tried again at once */
    assert_keys_at(late_ms + 10000, "CONTAINER", SECRET, TOKEN);
    finish();
    assert_int_equal(key_server->request_count, 3); /* after a while it is tried again */
    assert_keys_at(NOW_MS + 60 * MINUTE_MS - 1, "CONTAINER", SECRET, TOKEN);
    finish();
    assert_none_at(NOW_MS + 60 * MINUTE_MS, "answered 500");
    assert_none_at(NOW_MS + 60 * MINUTE_MS, "answered 500");
    key_server_answer("GET /keys?x=1", 200, json_keys("NEW", 120));
    assert_keys_at(NOW_MS + 60 * MINUTE_MS, "NEW", SECRET, TOKEN);
}

static void a_refresh_that_nobody_asked_about_for_long_is_made_anew(void **state) {
    (void)state;
    set_container();
    assert_keys("CONTAINER", SECRET, TOKEN);
    key_server_answer("GET /keys?x=1", 200, json_keys("NEW", 120));
    assert_keys_at(NOW_MS + 55 * MINUTE_MS, "CONTAINER", SECRET, TOKEN);
    finish();
    key_server_answer("GET /keys?x=1", 200, json_keys("NEWEST", 600));
    assert_keys_at(NOW_MS + 300 * MINUTE_MS, "NEWEST", SECRET, TOKEN);
}

/* ---- forgetting, freeing ---- */

static void a_look_that_was_under_way_is_forgotten_too(void **state) {
    (void)state;
    set_container();
    const struct tt_aws_keys *keys;
    assert_int_equal(tt_aws_credentials_get(credentials, NOW_MS, &keys), TT_ERR_BUSY);
    tt_aws_credentials_forget(credentials);
    write_keys("FILE"); /* the look that is under way began without this file */
    assert_keys("FILE", SECRET, "");
}

static void keys_of_a_service_are_asked_for_anew_after_forgetting(void **state) {
    (void)state;
    set_container();
    assert_keys("CONTAINER", SECRET, TOKEN);
    key_server_answer("GET /keys?x=1", 200, json_keys("NEW", 60));
    assert_keys("CONTAINER", SECRET, TOKEN);
    tt_aws_credentials_forget(credentials);
    assert_keys("NEW", SECRET, TOKEN);
    set_variable("AWS_ACCESS_KEY_ID", "ENVIRONMENT");
    set_variable("AWS_SECRET_ACCESS_KEY", SECRET);
    tt_aws_credentials_forget(credentials);
    assert_keys("ENVIRONMENT", SECRET, ""); /* the token of the service is gone */
}

static void may_be_freed_under_way(void **state) {
    (void)state;
    tt_aws_credentials_free(NULL);
    set_web_identity();
    const struct tt_aws_keys *keys;
    assert_int_equal(tt_aws_credentials_get(credentials, NOW_MS, &keys), TT_ERR_BUSY);
    /* The teardown close_all frees it with its request in flight. */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(environment_gives_keys),
        TEST(environment_must_be_whole),
        TEST(files_give_keys),
        TEST(a_corrected_file_is_read_after_forgetting),
        TEST(a_missing_profile_ends_the_chain),
        TEST(unsupported_profiles_are_told_and_passed),
        TEST(nothing_tells_what_was_tried),
        TEST(sources_come_in_their_order),
        TEST(keys_are_refreshed_before_they_expire),
        TEST(a_failed_refresh_keeps_the_old_keys),
        TEST(a_refresh_that_nobody_asked_about_for_long_is_made_anew),
        TEST(a_look_that_was_under_way_is_forgotten_too),
        TEST(keys_of_a_service_are_asked_for_anew_after_forgetting),
        TEST(may_be_freed_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
