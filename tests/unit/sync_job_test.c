/* Units of src/sync/job.c and queue.c: what is started, put off, tried again, and when the next
 * turn is. */
#include "sync/job.h"

#include "sync_cloud.h"

#include <unistd.h>

static struct tt_jobs *jobs;

static int setup_with(void **state, int in_flight) {
    if (open_journal(state) != 0)
        return -1;
    make_agent(in_flight);
    jobs = tt_jobs_new(&agent, cloud);
    return jobs ? 0 : -1;
}

static int setup(void **state) {
    return setup_with(state, IN_FLIGHT);
}

/* Every service takes one request at a time. */
static int setup_narrow(void **state) {
    return setup_with(state, 1);
}

static int teardown(void **state) {
    tt_cloud_free(cloud);
    tt_jobs_free(jobs);
    free_agent();
    return close_journal(state);
}

static void add_file(const struct tt_journal_row *row, int number) {
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    struct tt_staged staged;

    assert_int_equal(tt_spool_stage(&agent.spool, &staged), TT_OK);
    assert_int_equal(ftruncate(staged.fd, row->files[number].size_bytes), 0);
    assert_int_equal(tt_spool_keep(&agent.spool, &staged, &name), TT_OK);
    tt_spool_discard(&agent.spool, &staged);
}

/* Sets the hash to that of the file that add_file makes. */
static void hash_file(struct tt_journal_file *file) {
    static const char zeros[8192];
    struct tt_hash hash;

    assert_true(file->size_bytes <= (int64_t)sizeof zeros);
    assert_int_equal(tt_hash_init(&hash), TT_OK);
    assert_int_equal(tt_hash_update(&hash, zeros, (size_t)file->size_bytes), TT_OK);
    assert_int_equal(tt_hash_finish(&hash, file->sha256), TT_OK);
    tt_hash_fini(&hash);
}

/* Adds an image with its files, as a worker does. */
static struct tt_journal_row add_image_with(int number, enum tt_sync_state sync_state,
                                            int renditions) {
    struct tt_journal_row row = make_row(number);

    row.sync_state = sync_state;
    add_renditions(&row, renditions);
    for (int i = 0; i < row.file_count; i++)
        hash_file(&row.files[i]);
    insert(&row);
    for (int i = 0; i < row.file_count; i++)
        add_file(&row, i);
    tt_jobs_look(jobs);
    return row;
}

static struct tt_journal_row add_image(int number, enum tt_sync_state sync_state) {
    return add_image_with(number, sync_state, 0);
}

/* Deletes a row as a worker does that is killed before it removes the files. */
static void delete_row(const char *id) {
    struct tt_journal_row gone;

    assert_int_equal(tt_journal_delete(journal, id, &gone), TT_OK);
    tt_jobs_look(jobs);
}

static void turn(void) {
    agent.woken_ms = TT_NEVER_MS;
    tt_jobs_turn(jobs);
    assert_string_equal(tt_err_cause(), "");
}

/* Does as the loop does: turns as long as the next turn is asked for at once. */
static void turn_until_quiet(void) {
    for (int i = 0; i < 10; i++) {
        turn();
        if (agent.woken_ms > agent.now_ms)
            return;
    }
    fail_msg("turns without end");
}

static void wait_for_wake(void) {
    assert_true(agent.woken_ms > agent.now_ms && agent.woken_ms != TT_NEVER_MS);
    agent.now_ms = agent.woken_ms;
    turn_until_quiet();
}

/* Has both objects carried, and the item sent. */
static void carry_to_the_table(void) {
    turn_until_quiet();
    answer_ok("");
    answer_ok("");
    assert_string_equal(last_sent()->target, "PutItem");
}

/* ---- turns that come ---- */

static void item_that_failed_is_tried_again(void **state) {
    struct tt_journal_row row = add_image(1, TT_SYNC_PENDING);

    (void)state;
    carry_to_the_table();
    answer_error("InternalServerError", "no");
    turn_until_quiet();
    assert_int_equal(tt_journal_find(journal, row.id, &row), TT_OK);
    assert_int_equal(row.sync_state, TT_SYNC_STORED);
    assert_int_equal(row.attempts, 1);
    wait_for_wake();
    assert_int_equal(sent_count, 4);
    assert_string_equal(last_sent()->target, "PutItem");
}

static void answer_without_an_etag_is_not_s3s(void **state) {
    struct tt_journal_row row = add_image(1, TT_SYNC_PENDING);

    (void)state;
    turn_until_quiet();
    answer_with(0, (struct tt_http_answer){.status = 200, .body = "Please sign in"});
    turn_until_quiet();
    assert_int_equal(tt_journal_find(journal, row.id, &row), TT_OK);
    assert_int_equal(row.sync_state, TT_SYNC_PENDING);
    assert_int_equal(row.attempts, 1);
    assert_non_null(strstr(row.last_error, "ETag"));
}

static void what_is_spoilt_here_is_dead_at_the_second_attempt(void **state) {
    struct tt_journal_row whole = add_image(1, TT_SYNC_PENDING);
    struct tt_journal_row spoilt = make_row(2);

    (void)state;
    insert(&spoilt);
    add_file(&spoilt, RESULT);
    add_file(&spoilt, ORIGINAL);
    turn_until_quiet();
    assert_int_equal(sent_count, 2);
    for (int i = 0; i < 2; i++)
        answer_error_at(i, "XAmzContentSHA256Mismatch", "spoilt");
    turn_until_quiet();
    while (sent_count < 3)
        wait_for_wake();
    for (int i = 0; i < 3 && agent.woken_ms != TT_NEVER_MS; i++)
        wait_for_wake();
    assert_int_equal(tt_journal_find(journal, spoilt.id, &spoilt), TT_OK);
    assert_int_equal(spoilt.sync_state, TT_SYNC_DEAD);
    assert_int_equal(tt_journal_find(journal, whole.id, &whole), TT_OK);
    assert_int_equal(whole.sync_state, TT_SYNC_PENDING);
}

static void item_waits_as_long_as_the_table_pauses(void **state) {
    struct tt_journal_row row = add_image(1, TT_SYNC_PENDING);

    (void)state;
    carry_to_the_table();
    answer_away();
    turn_until_quiet();
    assert_int_equal(agent.woken_ms, tt_cloud_resumes_ms(cloud, TT_AWS_DYNAMODB));
    wait_for_wake();
    assert_int_equal(sent_count, 4);
    answer_ok("{}");
    turn_until_quiet();
    assert_int_equal(tt_journal_find(journal, row.id, &row), TT_OK);
    assert_int_equal(row.sync_state, TT_SYNC_SYNCED);
    assert_true(tt_jobs_is_idle(jobs));
}

static void change_that_nobody_told_of_is_found(void **state) {
    struct tt_journal_row row = make_row(1);

    (void)state;
    turn_until_quiet();
    assert_true(agent.woken_ms <= agent.now_ms + 60000);
    row.sync_state = TT_SYNC_STORED;
    insert(&row);
    wait_for_wake();
    assert_string_equal(last_sent()->target, "PutItem");
}

static void journal_that_failed_is_tried_again(void **state) {
    (void)state;
    add_image(1, TT_SYNC_PENDING);
    execute("ALTER TABLE image RENAME TO elsewhere");
    turn_until_quiet();
    assert_int_equal(sent_count, 0);
    execute("ALTER TABLE elsewhere RENAME TO image");
    wait_for_wake();
    assert_int_equal(sent_count, 1);
}

static void hurry_shortens_every_wait(void **state) {
    (void)state;
    add_image(1, TT_SYNC_PENDING);
    turn_until_quiet();
    answer_error("InternalError", "no");
    turn_until_quiet();
    agent.now_ms -= 3600000;
    turn_until_quiet();
    assert_int_equal(sent_count, 1);
    tt_jobs_hurry(jobs);
    turn_until_quiet();
    assert_int_equal(sent_count, 2);
}

/* ---- who comes first ---- */

/* An image that fails by itself does not take every trial of a service that pauses. */
static void another_image_is_the_next_trial(void **state) {
    (void)state;
    add_image(1, TT_SYNC_PENDING);
    turn_until_quiet();
    add_image(2, TT_SYNC_PENDING);
    assert_non_null(strstr(last_sent()->url, make_row(1).id));
    answer_error("AccessDenied", "no");
    turn_until_quiet();
    wait_for_wake();
    assert_int_equal(sent_count, 2);
    assert_non_null(strstr(last_sent()->url, make_row(2).id));
}

static void assert_sent(int index, const char *method, const char *id) {
    assert_int_equal(sent_count, index + 1);
    assert_string_equal(last_sent()->method, method);
    assert_non_null(strstr(last_sent()->url, id));
}

/* The one request by which a service is tried out hangs, and is given up at last. */
static void trial_that_hangs_holds_up_no_other_image(void **state) {
    struct tt_journal_row hangs = add_image(1, TT_SYNC_PENDING);
    struct tt_journal_row other = add_image(2, TT_SYNC_PENDING);

    (void)state;
    pause_service(TT_AWS_S3);
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_S3);
    turn_until_quiet();
    assert_sent(0, "PUT", hangs.id);
    wait_for_wake();
    assert_int_equal(agent.now_ms, tt_cloud_next_ms(cloud, TT_AWS_S3) - 5000);
    assert_sent(1, "PUT", other.id);
    answer_ok("");
    assert_sent(2, "PUT", other.id);
    answer_ok("");
    assert_string_equal(last_sent()->target, "PutItem");
    answer_with(0, (struct tt_http_answer){.err = TT_ERR_CLOUD_FAILED, .cause = "timed out"});
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
    turn_until_quiet();
    wait_for_wake();
    assert_int_equal(tt_journal_find(journal, hangs.id, &hangs), TT_OK);
    assert_int_equal(hangs.sync_state, TT_SYNC_PENDING);
    assert_int_equal(hangs.attempts, 1);
    assert_sent(4, "PUT", hangs.id);
}

/* The table takes one request at a time from now on, until it answers one well. */
static void narrow_the_table(void) {
    for (int window = IN_FLIGHT; window > 1; window /= 2) {
        slow_service_down(TT_AWS_DYNAMODB, 0);
        agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_DYNAMODB);
    }
    agent.now_ms += 100;
}

/* Images that come from S3 without end do not take every place at the table from removals. */
static void removals_find_places_at_a_narrow_table(void **state) {
    int removed = 0;

    (void)state;
    for (int i = 1; i <= 20; i++)
        add_image(i, TT_SYNC_PENDING);
    narrow_the_table();
    turn_until_quiet();
    for (int round = 0; round < 12; round++) {
        /* S3 answers every request, and the table one. */
        for (int i = sent_count; i-- > 0;) {
            if (!is_waiting_of(i, TT_AWS_S3))
                continue;
            answer_ok_at(i);
            i = sent_count;
        }
        if (round == 4) {
            add_image(30, TT_SYNC_SYNCED);
            delete_row(make_row(30).id);
        }
        for (int i = 0; i < sent_count; i++)
            if (is_waiting_of(i, TT_AWS_DYNAMODB)) {
                removed += strcmp(sent[i].target, "DeleteItem") == 0;
                answer_ok_at(i);
                break;
            }
        narrow_the_table();
        turn_until_quiet();
    }
    assert_int_equal(removed, 1);
}

static void long_throttling_of_the_table_leaves_places_to_s3(void **state) {
    struct tt_journal_row row;

    (void)state;
    for (int i = 1; i <= 12; i++)
        add_image(i, TT_SYNC_PENDING);
    slow_service_down(TT_AWS_DYNAMODB, 60000);
    for (int i = 0; i < 30; i++) {
        turn_until_quiet();
        for (int j = 0; j < sent_count; j++)
            if (sent[j].done)
                answer_ok_at(j);
        agent.now_ms += 100;
    }
    assert_int_equal(sent_count, 24);
    assert_int_equal(tt_journal_find(journal, make_row(12).id, &row), TT_OK);
    assert_int_equal(row.sync_state, TT_SYNC_STORED);
}

/* ---- renditions ---- */

/* The last request has that method, and is about the object of that key. */
static void assert_object(const char *method, const char *key) {
    char expected[256];

    snprintf(expected, sizeof expected, "https://s3.example/pictures/%s", key);
    assert_string_equal(last_sent()->method, method);
    assert_string_equal(last_sent()->url, expected);
}

static void assert_objects_in_order(const char *method, const char *id) {
    static const char *const before_id[] = {"results/", "results/", "results/", "uploads/"};
    static const char *const after_id[] = {".png", "-thumb.png", "-large.jpg", ".jpg"};
    char end[128];

    for (size_t i = 0; i < 4; i++) {
        snprintf(end, sizeof end, "%s%s%s", before_id[i], id, after_id[i]);
        turn_until_quiet();
        assert_object(method, end);
        answer_ok("");
    }
}

static void renditions_are_carried_before_the_item(void **state) {
    struct tt_journal_row row = add_image_with(1, TT_SYNC_PENDING, 2);

    (void)state;
    assert_objects_in_order("PUT", row.id);
    turn_until_quiet();
    assert_string_equal(last_sent()->target, "PutItem");
    assert_non_null(strstr(
        last_sent()->body,
        "\"Renditions\":{\"M\":{\"thumb\":{\"M\":{\"S3Path\":{\"S\":\"s3://pictures/results/"));
    assert_non_null(
        strstr(last_sent()->body,
               "-large.jpg\"},\"Size\":{\"N\":\"200\"},\"Format\":{\"S\":\"JPEG\"},"
               "\"Width\":{\"N\":\"65\"},\"Height\":{\"N\":\"49\"},\"Sha256\":{\"S\":\""));
    answer_ok("{}");
    turn_until_quiet();
    assert_int_equal(tt_journal_find(journal, row.id, &row), TT_OK);
    assert_int_equal(row.sync_state, TT_SYNC_SYNCED);
}

static void item_without_renditions_names_none(void **state) {
    (void)state;
    add_image(1, TT_SYNC_PENDING);
    carry_to_the_table();
    assert_null(strstr(last_sent()->body, "Renditions"));
}

static void rendition_that_is_lost_here_is_named(void **state) {
    struct tt_journal_row row = add_image_with(1, TT_SYNC_PENDING, 2);
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_RENDITION + 1);

    (void)state;
    assert_int_equal(tt_spool_remove(&agent.spool, &name), TT_OK);
    turn_until_quiet();
    answer_ok("");
    answer_ok("");
    turn_until_quiet();
    assert_int_equal(tt_journal_find(journal, row.id, &row), TT_OK);
    assert_int_equal(row.sync_state, TT_SYNC_DEAD);
    assert_non_null(strstr(row.last_error, "rendition large is not in the spool"));
}

static void removal_takes_renditions_along(void **state) {
    struct tt_journal_row row = add_image_with(1, TT_SYNC_SYNCED, 2);

    (void)state;
    delete_row(row.id);
    turn_until_quiet();
    assert_string_equal(last_sent()->target, "DeleteItem");
    answer_ok("{}");
    assert_objects_in_order("DELETE", row.id);
    turn_until_quiet();
    assert_int_equal(ask("SELECT count(*) FROM removal"), 0);
    assert_int_equal(ask("SELECT count(*) FROM rendition"), 0);
}

/* ---- removals ---- */

static void removal_that_s3_holds_up_asks_the_table_seldom(void **state) {
    struct tt_journal_row row = add_image(1, TT_SYNC_SYNCED);
    int table_requests = 0;

    (void)state;
    delete_row(row.id);
    turn_until_quiet();
    assert_string_equal(last_sent()->target, "DeleteItem");
    pause_service(TT_AWS_S3);
    answer_ok("{}");
    for (int i = 0; i < 20; i++) {
        agent.now_ms += 10;
        turn_until_quiet();
        while (last_sent()->done) {
            table_requests += is_waiting_of(sent_count - 1, TT_AWS_DYNAMODB);
            answer_ok("{}");
        }
    }
    assert_int_equal(table_requests, 0);
    agent.now_ms += 2000;
    for (int i = 0; i < 3; i++) { /* the item, the result, the original */
        turn_until_quiet();
        answer_ok("{}");
    }
    turn_until_quiet();
    assert_int_equal(ask("SELECT count(*) FROM removal"), 0);
}

static void removal_that_is_not_allowed_backs_off(void **state) {
    struct tt_journal_row row = add_image(1, TT_SYNC_SYNCED);

    (void)state;
    delete_row(row.id);
    turn_until_quiet();
    answer_ok("{}");
    answer_error("AccessDenied", "no");
    turn_until_quiet();
    assert_true(ask("SELECT retry_at_ms FROM removal") > agent.now_ms);
    assert_int_equal(ask("SELECT attempts FROM removal"), 1);
}

/* An image may be read ahead, then deleted and removed from the cloud, while its file is left in
 * the spool. */
static void deleted_image_does_not_come_back(void **state) {
    struct tt_journal_row row;

    (void)state;
    add_image(1, TT_SYNC_PENDING);
    row = add_image(2, TT_SYNC_PENDING);
    turn_until_quiet(); /* the first is on its way, and the second was read ahead */
    assert_int_equal(sent_count, 1);
    delete_row(row.id);
    execute("DELETE FROM removal");
    answer_error("EntityTooLarge", "no");
    turn_until_quiet();
    assert_int_equal(sent_count, 1);
    assert_true(tt_jobs_is_idle(jobs));
}

#define TEST(function)        cmocka_unit_test_setup_teardown(function, setup, teardown)
#define TEST_NARROW(function) cmocka_unit_test_setup_teardown(function, setup_narrow, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(item_that_failed_is_tried_again),
        TEST(answer_without_an_etag_is_not_s3s),
        TEST(what_is_spoilt_here_is_dead_at_the_second_attempt),
        TEST(item_waits_as_long_as_the_table_pauses),
        TEST(change_that_nobody_told_of_is_found),
        TEST(journal_that_failed_is_tried_again),
        TEST(hurry_shortens_every_wait),
        TEST_NARROW(another_image_is_the_next_trial),
        TEST(trial_that_hangs_holds_up_no_other_image),
        TEST(removals_find_places_at_a_narrow_table),
        TEST(long_throttling_of_the_table_leaves_places_to_s3),
        TEST(renditions_are_carried_before_the_item),
        TEST(item_without_renditions_names_none),
        TEST(rendition_that_is_lost_here_is_named),
        TEST(removal_takes_renditions_along),
        TEST(removal_that_s3_holds_up_asks_the_table_seldom),
        TEST(removal_that_is_not_allowed_backs_off),
        TEST_NARROW(deleted_image_does_not_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
