/* Units of src/sync/heartbeat.c: the text is compared to the letter. */
#include "sync/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define NOW_MS INT64_C(1800000000000)

static struct tt_buf text;

static int setup(void **state) {
    (void)state;
    tt_buf_init(&text, TT_HEARTBEAT_MAX_BYTES);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    tt_buf_fini(&text);
    return 0;
}

static void all_of_it(void **state) {
    const struct tt_journal_backlog backlog = {.waiting = 3,
                                               .dead = 2,
                                               .removals = 7,
                                               .oldest_ms = NOW_MS - 61999,
                                               .events = 9,
                                               .dropped = 5,
                                               .local_since_ms = 1};

    (void)state;
    tt_heartbeat_format(&text, "node-1", &backlog, NOW_MS, NOW_MS + 7);
    assert_string_equal(
        tt_buf_text(&text),
        "{\"event\":\"heartbeat\",\"Node\":\"node-1\",\"Heartbeat\":1,\"OldestUnsyncedSeconds\":61,"
        "\"WaitingImages\":3,\"DeadImages\":2,\"Removals\":7,\"EventsDropped\":5,"
        "\"_aws\":{\"Timestamp\":1800000000007,\"CloudWatchMetrics\":[{\"Namespace\":\"tintype\","
        "\"Dimensions\":[[\"Node\"]],\"Metrics\":[{\"Name\":\"Heartbeat\",\"Unit\":\"Count\"},"
        "{\"Name\":\"OldestUnsyncedSeconds\",\"Unit\":\"Seconds\"},"
        "{\"Name\":\"WaitingImages\",\"Unit\":\"Count\"},{\"Name\":\"DeadImages\",\"Unit\":"
        "\"Count\"},{\"Name\":\"Removals\",\"Unit\":\"Count\"},"
        "{\"Name\":\"EventsDropped\",\"Unit\":\"Count\"}]}]}}");
}

static void no_age_without_images_or_before_now(void **state) {
    struct tt_journal_backlog backlog = {0};

    (void)state;
    tt_heartbeat_format(&text, "n", &backlog, NOW_MS, NOW_MS);
    assert_non_null(strstr(tt_buf_text(&text), "\"OldestUnsyncedSeconds\":0,"));
    tt_buf_fini(&text);
    backlog.oldest_ms = NOW_MS + 5000;
    tt_heartbeat_format(&text, "n", &backlog, NOW_MS, NOW_MS);
    assert_non_null(strstr(tt_buf_text(&text), "\"OldestUnsyncedSeconds\":0,"));
}

static const struct {
    const char *node, *written;
} nodes[] = {
    {"a\"b\\c", "\"Node\":\"a\\\"b\\\\c\","},
    {"a\n\x01z", "\"Node\":\"a\\n\\u0001z\","},
    {"n\xC3\xBC", "\"Node\":\"n\xC3\xBC\","},
    {"n\xFCr\xFF", "\"Node\":\"n\\u00fcr\\u00ff\","},
};

static void any_node_is_a_json_string(void **state) {
    const struct tt_journal_backlog backlog = {0};

    (void)state;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        tt_buf_fini(&text);
        tt_heartbeat_format(&text, nodes[i].node, &backlog, NOW_MS, NOW_MS);
        assert_non_null(strstr(tt_buf_text(&text), nodes[i].written));
    }
}

static void the_longest_fits(void **state) {
    const struct tt_journal_backlog backlog = {.waiting = INT64_MAX,
                                               .dead = INT64_MAX,
                                               .removals = INT64_MAX,
                                               .oldest_ms = 1,
                                               .dropped = INT64_MAX};
    char node[256];

    (void)state;
    memset(node, '\xFF', sizeof node);
    node[255] = '\0';
    tt_heartbeat_format(&text, node, &backlog, INT64_MAX, INT64_MAX);
    assert_false(text.overflowed);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_of_it),
        TEST(no_age_without_images_or_before_now),
        TEST(any_node_is_a_json_string),
        TEST(the_longest_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
