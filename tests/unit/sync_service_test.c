/* Units of src/sync/service.c: the pause and the window of a service. */
#include "sync/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1000000)

#define RANDOM UINT64_MAX

static enum tt_service_change report(struct tt_service *service, enum tt_err err, int64_t now_ms) {
    return tt_service_report(service, err, 0, now_ms, RANDOM);
}

/* Makes a service in full swing. */
static void open_window(struct tt_service *service) {
    tt_service_init(service, 16);
    for (int i = 0; i < 20; i++)
        assert_int_equal(report(service, TT_OK, NOW_MS), TT_SERVICE_SAME);
    assert_int_equal(service->window, 16);
}

static bool may_start(const struct tt_service *service, int64_t now_ms) {
    return now_ms >= tt_service_next_ms(service);
}

static void start(struct tt_service *service, int64_t now_ms) {
    assert_true(may_start(service, now_ms));
    tt_service_start(service, now_ms);
}

static void begins_with_one_request(void **state) {
    struct tt_service service;

    (void)state;
    tt_service_init(&service, 16);
    start(&service, NOW_MS);
    assert_false(may_start(&service, NOW_MS));
    service.in_flight = 0;
    report(&service, TT_OK, NOW_MS);
    assert_int_equal(service.window, 2);
}

static void an_outage_pauses_and_one_request_tries_it_out(void **state) {
    struct tt_service service;

    (void)state;
    open_window(&service);
    assert_int_equal(report(&service, TT_ERR_CLOUD_AWAY, NOW_MS), TT_SERVICE_PAUSED);
    assert_true(tt_service_is_paused(&service));
    assert_false(may_start(&service, NOW_MS));
    assert_true(service.resumes_ms <= NOW_MS + 1001);
    start(&service, service.resumes_ms);
    assert_false(may_start(&service, service.resumes_ms));
    assert_int_equal(report(&service, TT_OK, NOW_MS + 2000), TT_SERVICE_RESUMED);
    assert_false(tt_service_is_paused(&service));
}

static void a_trial_without_an_answer_is_not_the_only_one(void **state) {
    struct tt_service service;
    int64_t now_ms;

    (void)state;
    tt_service_init(&service, 3);
    report(&service, TT_ERR_CLOUD_AWAY, NOW_MS);
    now_ms = service.resumes_ms;
    for (int i = 0; i < 3; i++) {
        start(&service, now_ms);
        assert_false(may_start(&service, now_ms + 4999));
        now_ms += 5000;
    }
    /* More than sync.in_flight are never on their way, however long they take. */
    assert_int_equal(tt_service_next_ms(&service), INT64_MAX);
    tt_service_end(&service);
    assert_true(may_start(&service, now_ms));
    /* The answer to one of them opens the service again, for two beside the one that still hangs.
     */
    assert_int_equal(report(&service, TT_OK, now_ms), TT_SERVICE_RESUMED);
    tt_service_end(&service);
    start(&service, now_ms);
    start(&service, now_ms);
    assert_int_equal(tt_service_next_ms(&service), INT64_MAX);
}

/* Every second answer trickles, and is still on its way in the end. */
static void late_answers_do_not_fill_the_window(void **state) {
    struct tt_service service;

    (void)state;
    tt_service_init(&service, 16);
    start(&service, NOW_MS);
    assert_false(may_start(&service, NOW_MS + 4999));
    for (int i = 0; i < 14; i++) {
        start(&service, NOW_MS + 5000);
        tt_service_end(&service);
        report(&service, TT_OK, NOW_MS + 5000);
        start(&service, NOW_MS + 5000);
    }
    assert_int_equal(service.in_flight, 15);
}

static void a_pause_outlasts_the_patience(void **state) {
    struct tt_service service;

    (void)state;
    open_window(&service);
    service.in_flight = 15;
    service.started_ms = NOW_MS;
    tt_service_report(&service, TT_ERR_CLOUD_AWAY, 60000, NOW_MS, 0);
    assert_int_equal(tt_service_next_ms(&service), NOW_MS + 60001);
    start(&service, NOW_MS + 60001);
}

static void requests_that_fail_together_count_once(void **state) {
    struct tt_service service;
    int64_t resumes_ms;

    (void)state;
    open_window(&service);
    report(&service, TT_ERR_CLOUD_AWAY, NOW_MS);
    resumes_ms = service.resumes_ms;
    for (int i = 0; i < 15; i++)
        assert_int_equal(report(&service, TT_ERR_CLOUD_AWAY, NOW_MS), TT_SERVICE_SAME);
    assert_int_equal(service.failures, 1);
    assert_int_equal(service.resumes_ms, resumes_ms);
}

static void pauses_grow_to_half_a_minute(void **state) {
    struct tt_service service;
    int64_t now_ms = NOW_MS;
    int64_t longest_ms = 0;

    (void)state;
    tt_service_init(&service, 16);
    for (int i = 0; i < 20; i++) {
        report(&service, TT_ERR_CLOUD_KEYS, now_ms);
        assert_true(service.resumes_ms > now_ms);
        assert_true(service.resumes_ms <= now_ms + 30001);
        now_ms = service.resumes_ms;
    }
    for (uint64_t random = 0; random < 100; random++) {
        tt_service_report(&service, TT_ERR_CLOUD_KEYS, 0, now_ms, random * 1234567891);
        if (service.resumes_ms - now_ms > longest_ms)
            longest_ms = service.resumes_ms - now_ms;
        now_ms = service.resumes_ms;
    }
    assert_true(longest_ms > 20000);
}

static void another_reason_is_news(void **state) {
    struct tt_service service;

    (void)state;
    tt_service_init(&service, 16);
    assert_int_equal(report(&service, TT_ERR_CLOUD_AWAY, NOW_MS), TT_SERVICE_PAUSED);
    assert_int_equal(report(&service, TT_ERR_CLOUD_KEYS, NOW_MS + 60000), TT_SERVICE_PAUSED);
    assert_int_equal(service.since_ms, NOW_MS);
}

static void throttling_halves_the_window(void **state) {
    struct tt_service service;

    (void)state;
    open_window(&service);
    assert_int_equal(tt_service_report(&service, TT_ERR_CLOUD_THROTTLED, 3000, NOW_MS, 0),
                     TT_SERVICE_SAME);
    assert_int_equal(service.window, 8);
    assert_false(tt_service_is_paused(&service));
    assert_int_equal(tt_service_next_ms(&service), NOW_MS + 3001);
    for (int i = 0; i < 10; i++)
        report(&service, TT_ERR_CLOUD_THROTTLED, NOW_MS + 10000 * i);
    assert_int_equal(service.window, 1);
}

static void success_of_before_ends_no_throttling(void **state) {
    struct tt_service service;

    (void)state;
    open_window(&service);
    tt_service_report(&service, TT_ERR_CLOUD_THROTTLED, 3000, NOW_MS, 0);
    for (int i = 0; i < 7; i++)
        assert_int_equal(report(&service, TT_OK, NOW_MS + 10), TT_SERVICE_SAME);
    assert_int_equal(service.window, 8);
    assert_false(may_start(&service, NOW_MS + 3000));
    assert_int_equal(report(&service, TT_OK, NOW_MS + 3010), TT_SERVICE_SAME);
    assert_int_equal(service.window, 9);
    assert_int_equal(service.failures, 0);
}

static void one_failed_request_says_nothing_of_the_service(void **state) {
    struct tt_service service;

    (void)state;
    open_window(&service);
    assert_int_equal(report(&service, TT_ERR_CLOUD_FAILED, NOW_MS), TT_SERVICE_SAME);
    assert_int_equal(service.window, 16);
    assert_true(may_start(&service, NOW_MS));
}

static void a_failed_trial_keeps_the_pause(void **state) {
    struct tt_service service;

    (void)state;
    tt_service_init(&service, 16);
    report(&service, TT_ERR_CLOUD_AWAY, NOW_MS);
    assert_int_equal(report(&service, TT_ERR_CLOUD_FAILED, NOW_MS + 5000), TT_SERVICE_SAME);
    assert_true(tt_service_is_paused(&service));
    assert_false(may_start(&service, NOW_MS + 5000));
}

static void an_object_that_is_refused_shows_that_the_service_answers(void **state) {
    struct tt_service service;

    (void)state;
    tt_service_init(&service, 16);
    report(&service, TT_ERR_CLOUD_SETUP, NOW_MS);
    assert_int_equal(report(&service, TT_ERR_CLOUD_OBJECT, NOW_MS + 5000), TT_SERVICE_RESUMED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_one_request),
        cmocka_unit_test(an_outage_pauses_and_one_request_tries_it_out),
        cmocka_unit_test(a_trial_without_an_answer_is_not_the_only_one),
        cmocka_unit_test(a_pause_outlasts_the_patience),
        cmocka_unit_test(requests_that_fail_together_count_once),
        cmocka_unit_test(pauses_grow_to_half_a_minute),
        cmocka_unit_test(another_reason_is_news),
        cmocka_unit_test(late_answers_do_not_fill_the_window),
        cmocka_unit_test(throttling_halves_the_window),
        cmocka_unit_test(success_of_before_ends_no_throttling),
        cmocka_unit_test(one_failed_request_says_nothing_of_the_service),
        cmocka_unit_test(a_failed_trial_keeps_the_pause),
        cmocka_unit_test(an_object_that_is_refused_shows_that_the_service_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
