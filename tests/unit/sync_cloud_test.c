/* Units of src/sync/cloud.c: how requests are signed, what an answer means for the service as a
 * whole, and what the log says of it. Pauses and windows in detail are sync_service_test.c's. */
#include "sync/cloud.h"

#include "sync_cloud.h"

#include "catch_log.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)

static struct tt_cloud_exchange exchange;
static struct tt_arena arena;
static struct tt_aws_outcome got; /* what done was called with last */
static int done_calls;

static int setup(void **state) {
    if (open_journal(state) != 0)
        return -1;
    make_agent(IN_FLIGHT);
    tt_arena_init(&arena, (size_t)256 * 1024);
    exchange = (struct tt_cloud_exchange){0};
    done_calls = 0;
    return 0;
}

static int teardown(void **state) {
    tt_cloud_free(cloud);
    free_agent();
    tt_arena_fini(&arena);
    return close_journal(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void take_outcome(void *context, const struct tt_aws_outcome *outcome,
                         const struct tt_http_answer *answer) {
    assert_ptr_equal(context, &exchange);
    assert_non_null(answer);
    assert_false(exchange.in_flight);
    got = *outcome;
    done_calls++;
}

/* Sends a signed request that has no body. */
static void send_to(enum tt_aws_service service) {
    struct tt_aws_signer signer;
    struct tt_http_request request;
    const struct tt_aws_call call = {.method = "GET", .path = "/x", .payload_sha256 = "e3b0"};

    assert_int_equal(tt_cloud_signer(cloud, service, &signer), TT_OK);
    assert_int_equal(tt_aws_call_sign(&request, &arena, &signer, &call), TT_OK);
    assert_int_equal(tt_cloud_start(cloud, service, &exchange, &request, take_outcome, &exchange),
                     TT_OK);
    assert_true(exchange.in_flight);
}

static void assert_has(const char *text, const char *words) {
    if (!strstr(text, words))
        fail_msg("no \"%s\" in \"%s\"", words, text);
}

static int count_lines(const char *text) {
    int count = 0;

    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

/* ---- signing ---- */

static void requests_are_signed_for_their_service(void **state) {
    static const char *const scopes[] = {"/20270115/eu-test-1/s3/aws4_request",
                                         "/20270115/us-east-1/dynamodb/aws4_request",
                                         "/20270115/us-east-1/logs/aws4_request"};

    (void)state;
    for (int i = 0; i < TT_AWS_SERVICE_COUNT; i++) {
        send_to((enum tt_aws_service)i);
        assert_string_equal(last_sent()->date, "20270115T080000Z");
        assert_has(last_sent()->authorization, "Credential=AKIDEXAMPLE/");
        assert_has(last_sent()->authorization, scopes[i]);
        answer_ok("{}");
        assert_int_equal(done_calls, i + 1);
        assert_int_equal(got.err, TT_OK);
    }
}

static void keys_on_their_way_are_no_failure(void **state) {
    struct tt_aws_signer signer;

    (void)state;
    move_keys_away();
    assert_int_equal(tt_cloud_signer(cloud, TT_AWS_S3, &signer), TT_ERR_BUSY);
    assert_string_equal(tt_err_cause(), "");
    assert_int_equal(tt_cloud_in_flight(cloud), 1);
    answer_keys();
    send_to(TT_AWS_S3);
    assert_has(last_sent()->authorization, "Credential=MOVED/");
}

static void missing_keys_pause_the_service_and_are_told(void **state) {
    struct tt_aws_signer signer;

    (void)state;
    lose_keys();
    catch_log();
    assert_int_equal(tt_cloud_signer(cloud, TT_AWS_S3, &signer), TT_ERR_CLOUD_KEYS);
    assert_has(tt_err_take(TT_ERR_CLOUD_KEYS).cause, "AWS_ACCESS_KEY_ID is not set");
    set_keys("FOUND");
    /* Nobody looks for keys before the pause is over. */
    assert_int_equal(tt_cloud_signer(cloud, TT_AWS_S3, &signer), TT_ERR_CLOUD_KEYS);
    assert_string_equal(tt_err_cause(), "");
    const char *log = caught_log();
    assert_has(log, "S3 pauses");
    assert_has(log, "AWS_ACCESS_KEY_ID is not set");
    assert_int_equal(count_lines(log), 1);
    assert_int_equal(tt_cloud_pause_reason(cloud, TT_AWS_S3), TT_ERR_CLOUD_KEYS);
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_S3);
    send_to(TT_AWS_S3);
    assert_has(last_sent()->authorization, "Credential=FOUND/");
}

static void refused_keys_are_forgotten(void **state) {
    (void)state;
    send_to(TT_AWS_DYNAMODB);
    set_keys("NEW");
    answer_error("UnrecognizedClientException", "no");
    assert_int_equal(got.err, TT_ERR_CLOUD_KEYS);
    assert_true(tt_cloud_is_paused(cloud, TT_AWS_DYNAMODB));
    send_to(TT_AWS_S3);
    assert_has(last_sent()->authorization, "Credential=NEW/");
}

/* ---- pauses ---- */

static void outage_is_told_once_and_its_end_too(void **state) {
    (void)state;
    catch_log();
    for (int i = 0; i < 3; i++) {
        send_to(TT_AWS_S3);
        answer_away();
        assert_int_equal(agent.woken_ms, tt_cloud_resumes_ms(cloud, TT_AWS_S3));
        assert_false(tt_cloud_may_start(cloud, TT_AWS_S3));
        agent.now_ms = agent.woken_ms;
        agent.woken_ms = TT_NEVER_MS;
        assert_true(tt_cloud_may_start(cloud, TT_AWS_S3));
    }
    agent.now_ms = NOW_MS + 42 * SECOND_MS;
    send_to(TT_AWS_S3);
    answer_ok("");
    const char *log = caught_log();
    assert_has(log, "S3 pauses, uploads go on and wait: ");
    assert_has(log, "(cloud-unreachable): no route; asked for \"pictures\" at https://s3.example, "
                    "region eu-test-1; next try in 1 s\n");
    assert_has(log, "S3 takes requests again, after 42 s\n");
    assert_int_equal(count_lines(log), 2);
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
}

static void one_service_pauses_alone(void **state) {
    (void)state;
    pause_service(TT_AWS_S3);
    assert_false(tt_cloud_may_start(cloud, TT_AWS_S3));
    assert_true(tt_cloud_may_start(cloud, TT_AWS_DYNAMODB));
    assert_true(tt_cloud_may_start(cloud, TT_AWS_LOGS));
    tt_cloud_hurry(cloud);
    assert_true(tt_cloud_may_start(cloud, TT_AWS_S3));
    assert_true(tt_cloud_is_paused(cloud, TT_AWS_S3)); /* until an answer shows that it works */
}

static void no_more_start_than_the_window_has_places(void **state) {
    struct tt_cloud_exchange others[IN_FLIGHT] = {0};
    const struct tt_http_request request = {.method = "GET", .url = "https://s3.example/"};

    (void)state;
    for (int i = 0; i < IN_FLIGHT; i++) {
        assert_true(tt_cloud_may_start(cloud, TT_AWS_S3));
        assert_int_equal(
            tt_cloud_start(cloud, TT_AWS_S3, &others[i], &request, ignore_outcome, NULL), TT_OK);
    }
    assert_false(tt_cloud_may_start(cloud, TT_AWS_S3));
    answer_ok_at(0);
    assert_true(tt_cloud_may_start(cloud, TT_AWS_S3));
}

static void one_request_without_an_answer_pauses_nothing(void **state) {
    const struct tt_http_request request = {.method = "GET", .url = "https://s3.example/"};
    const struct tt_http_answer none = {.err = TT_ERR_CLOUD_AWAY, .cause = "timed out"};
    struct tt_cloud_exchange later = {0};

    (void)state;
    send_to(TT_AWS_S3);
    assert_int_equal(tt_cloud_start(cloud, TT_AWS_S3, &later, &request, ignore_outcome, NULL),
                     TT_OK);
    answer_ok_at(1);
    answer_with(0, none);
    assert_int_equal(got.err, TT_ERR_CLOUD_AWAY);
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
    /* What was sent since may show that the service has gone away. */
    send_to(TT_AWS_S3);
    answer_with(2, none);
    assert_true(tt_cloud_is_paused(cloud, TT_AWS_S3));
}

static void hurry_ends_every_wait(void **state) {
    (void)state;
    pause_service(TT_AWS_S3);
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_S3);
    send_to(TT_AWS_S3);
    assert_int_equal(tt_cloud_next_ms(cloud, TT_AWS_S3), agent.now_ms + 5 * SECOND_MS);
    agent.now_ms -= 60 * MINUTE_MS; /* the clock was set back */
    assert_false(tt_cloud_may_start(cloud, TT_AWS_S3));
    tt_cloud_hurry(cloud);
    assert_true(tt_cloud_may_start(cloud, TT_AWS_S3));
}

static void failed_requests_are_told_once_in_ten_minutes(void **state) {
    (void)state;
    catch_log();
    for (int i = 0; i < 3; i++) {
        send_to(TT_AWS_DYNAMODB);
        answer_error("InternalServerError", "try again");
        assert_int_equal(got.err, TT_ERR_CLOUD_FAILED);
        agent.now_ms += 5 * MINUTE_MS - i;
    }
    const char *log = caught_log();
    assert_has(log, "DynamoDB: ");
    assert_has(log, "InternalServerError: try again; it is tried again\n");
    assert_int_equal(count_lines(log), 1);
    catch_log();
    send_to(TT_AWS_DYNAMODB);
    answer_error("InternalServerError", "try again");
    assert_int_equal(count_lines(caught_log()), 1);
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_DYNAMODB));
}

/* ---- what is no fault of the service's ---- */

static void forgiven_answer_pauses_nothing(void **state) {
    (void)state;
    exchange.forgiven_code = "AccessDenied";
    send_to(TT_AWS_S3);
    answer_error("AccessDenied", "no");
    assert_int_equal(got.err, TT_ERR_CLOUD_KEYS);
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
    send_to(TT_AWS_S3);
    answer_error("InvalidAccessKeyId", "no");
    assert_true(tt_cloud_is_paused(cloud, TT_AWS_S3));
}

static void disk_that_fails_pauses_nothing(void **state) {
    (void)state;
    send_to(TT_AWS_S3);
    answer_with(sent_count - 1,
                (struct tt_http_answer){.err = TT_ERR_SPOOL_FULL, .cause = "the disk is full"});
    assert_int_equal(got.err, TT_ERR_SPOOL_FULL);
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
}

/* ---- the clock ---- */

/* The service says that the time signed is wrong, and what its own is. */
static void answer_skewed(int64_t date_ms) {
    struct tt_http_answer answer = new_error(TT_AWS_S3, "RequestTimeTooSkewed", "no");

    answer.date_ms = date_ms;
    answer_with(sent_count - 1, answer);
}

static void wrong_clock_is_corrected_for(void **state) {
    (void)state;
    catch_log();
    send_to(TT_AWS_S3);
    answer_skewed(NOW_MS + 30 * MINUTE_MS);
    assert_int_equal(got.err, TT_ERR_CLOUD_FAILED); /* the request may soon be sent again */
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
    assert_int_equal(tt_cloud_now_ms(cloud), NOW_MS + 30 * MINUTE_MS);
    send_to(TT_AWS_S3);
    assert_string_equal(last_sent()->date, "20270115T083000Z");
    const char *log = caught_log();
    assert_has(log, "this machine's clock is 1800 s slow; requests are signed with the cloud's "
                    "time from now on. Set the clock\n");
    /* A service that finds fault with the corrected time too cannot be helped so. */
    answer_skewed(NOW_MS + 30 * MINUTE_MS);
    assert_int_equal(tt_cloud_pause_reason(cloud, TT_AWS_S3), TT_ERR_CLOUD_CLOCK);
}

static void clock_that_was_set_is_believed_again(void **state) {
    (void)state;
    find_skew(-20 * MINUTE_MS);
    agent.now_ms = NOW_MS - 20 * MINUTE_MS;
    catch_log();
    send_to(TT_AWS_S3);
    answer_skewed(agent.now_ms + 10 * SECOND_MS);
    assert_has(caught_log(), "this machine's clock agrees with the cloud's again\n");
    assert_int_equal(tt_cloud_now_ms(cloud), agent.now_ms);
    send_to(TT_AWS_S3);
    assert_string_equal(last_sent()->date, "20270115T074000Z");
}

static void fault_found_with_the_right_time_pauses(void **state) {
    static const int64_t dates_ms[] = {0, NOW_MS + 59 * SECOND_MS};

    (void)state;
    for (size_t i = 0; i < sizeof dates_ms / sizeof *dates_ms; i++) {
        send_to(TT_AWS_S3);
        answer_skewed(dates_ms[i]);
        assert_int_equal(got.err, TT_ERR_CLOUD_CLOCK);
        assert_int_equal(tt_cloud_pause_reason(cloud, TT_AWS_S3), TT_ERR_CLOUD_CLOCK);
        assert_int_equal(tt_cloud_now_ms(cloud), NOW_MS);
    }
}

/* ---- the configuration ---- */

static void services_are_those_that_the_configuration_names(void **state) {
    (void)state;
    config.dynamodb.table[0] = '\0';
    tt_cloud_free(cloud);
    cloud = tt_cloud_new(&agent);
    assert_non_null(cloud);
    assert_true(tt_cloud_has(cloud, TT_AWS_S3) && tt_cloud_has(cloud, TT_AWS_LOGS));
    assert_false(tt_cloud_has(cloud, TT_AWS_DYNAMODB));
    assert_false(tt_cloud_may_start(cloud, TT_AWS_DYNAMODB));
    config.s3.bucket[0] = '\0';
    assert_int_equal(tt_cloud_check(&config), TT_OK);
    config.cloudwatch.log_group[0] = '\0';
    assert_int_equal(tt_cloud_check(&config), TT_ERR_CONFIG);
    assert_has(tt_err_take(TT_ERR_CONFIG).cause, "nothing to sync to");
}

static void service_without_an_address_is_refused(void **state) {
    (void)state;
    config.s3.endpoint[0] = config.s3.region[0] = '\0';
    assert_int_equal(tt_cloud_check(&config), TT_ERR_CONFIG);
    assert_has(tt_err_take(TT_ERR_CONFIG).cause, "region");
    struct tt_cloud *other = tt_cloud_new(&agent);
    assert_null(other);
    assert_has(tt_err_take(TT_ERR_CONFIG).cause, "region");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(requests_are_signed_for_their_service),
        TEST(keys_on_their_way_are_no_failure),
        TEST(missing_keys_pause_the_service_and_are_told),
        TEST(refused_keys_are_forgotten),
        TEST(outage_is_told_once_and_its_end_too),
        TEST(one_service_pauses_alone),
        TEST(no_more_start_than_the_window_has_places),
        TEST(one_request_without_an_answer_pauses_nothing),
        TEST(hurry_ends_every_wait),
        TEST(failed_requests_are_told_once_in_ten_minutes),
        TEST(forgiven_answer_pauses_nothing),
        TEST(disk_that_fails_pauses_nothing),
        TEST(wrong_clock_is_corrected_for),
        TEST(clock_that_was_set_is_believed_again),
        TEST(fault_found_with_the_right_time_pauses),
        TEST(services_are_those_that_the_configuration_names),
        TEST(service_without_an_address_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
