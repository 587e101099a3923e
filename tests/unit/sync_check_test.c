/* Units of src/sync/check.c: what is asked when the agent starts, and what is forgiven. */
#include "sync/check.h"

#include "sync_cloud.h"

static struct tt_check check;

static int setup(void **state) {
    if (open_journal(state) != 0)
        return -1;
    make_agent(IN_FLIGHT);
    tt_check_init(&check, &config, cloud);
    return 0;
}

static int teardown(void **state) {
    tt_cloud_free(cloud);
    tt_check_fini(&check);
    free_agent();
    return close_journal(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void turn(void) {
    tt_check_turn(&check);
    assert_string_equal(tt_err_cause(), "");
}

static void bucket_and_table_are_asked_once(void **state) {
    (void)state;
    turn();
    assert_int_equal(sent_count, 2);
    assert_string_equal(sent[0].method, "GET");
    assert_string_equal(
        sent[0].url,
        "https://s3.example/pictures/results/00000000-0000-0000-0000-000000000000.png");
    assert_string_equal(sent[1].target, "GetItem");
    assert_non_null(strstr(sent[1].body, "\"00000000-0000-0000-0000-000000000000\""));
    answer_error_at(0, "NoSuchKey", "not there");
    answer_ok_at(1);
    turn();
    assert_int_equal(sent_count, 2);
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_DYNAMODB));
}

static void wrong_names_pause_their_services(void **state) {
    (void)state;
    turn();
    answer_error_at(0, "NoSuchBucket", "no");
    answer_error_at(1, "ResourceNotFoundException", "no");
    assert_int_equal(tt_cloud_pause_reason(cloud, TT_AWS_S3), TT_ERR_CLOUD_SETUP);
    assert_int_equal(tt_cloud_pause_reason(cloud, TT_AWS_DYNAMODB), TT_ERR_CLOUD_SETUP);
}

/* Keys that may put and not read are enough to deliver with. */
static void keys_that_may_not_read_are_forgiven(void **state) {
    (void)state;
    turn();
    answer_error_at(0, "AccessDenied", "no");
    answer_error_at(1, "AccessDeniedException", "no");
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_DYNAMODB));
}

static void keys_on_their_way_are_waited_for(void **state) {
    (void)state;
    move_keys_away();
    turn();
    turn();
    assert_int_equal(sent_count, 1);
    answer_keys();
    turn();
    assert_int_equal(sent_count, 3);
}

static void services_that_take_nothing_are_asked_later(void **state) {
    (void)state;
    pause_service(TT_AWS_S3);
    turn();
    assert_int_equal(sent_count, 1);
    assert_string_equal(last_sent()->target, "GetItem");
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_S3);
    turn();
    assert_int_equal(sent_count, 2);
    assert_string_equal(last_sent()->method, "GET");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(bucket_and_table_are_asked_once),
        TEST(wrong_names_pause_their_services),
        TEST(keys_that_may_not_read_are_forgiven),
        TEST(keys_on_their_way_are_waited_for),
        TEST(services_that_take_nothing_are_asked_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
