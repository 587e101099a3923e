/* Units of src/sync/fetch.c, by way of serve.c: files that come back, and what keeps them away. */
#include "sync_askers.h"

static struct tt_journal_row find_row(void) {
    struct tt_journal_row found;

    assert_int_equal(tt_journal_find(journal, row.id, &found), TT_OK);
    return found;
}

static void deliver(const char *bytes, size_t length) {
    assert_int_equal(write(last_sent()->sink_fd, bytes, length), length);
    answer_ok("");
    assert_true(tt_serve_is_idle(serve));
    assert_string_equal(tt_err_cause(), "");
}

static void fetches_a_file_back(void **state) {
    char expected[256];
    int fd = ask_back();

    (void)state;
    turn();
    assert_null(heard(fd));
    assert_false(tt_serve_is_idle(serve));
    assert_int_equal(sent_count, 1);
    assert_string_equal(last_sent()->method, "GET");
    snprintf(expected, sizeof expected, "https://s3.example/pictures/results/%s.png", row.id);
    assert_string_equal(last_sent()->url, expected);
    assert_int_equal(last_sent()->max_answer_bytes, sizeof content);
    deliver(content, sizeof content);
    assert_string_equal(heard(fd), "ok");
    assert_string_equal(heard(fd), "");
    assert_int_equal(kept_bytes(), sizeof content);
    assert_false(find_row().files[TT_JOURNAL_PROCESSED].evicted);
    row = find_row();
    assert_true(row.files[tt_journal_row_original(&row)].evicted);
    assert_int_equal(ask("SELECT local_since_ms FROM image"), NOW_MS);
    fd = ask_back();
    turn();
    assert_string_equal(heard(fd), "ok");
    assert_int_equal(sent_count, 1);
}

static void fetches_a_rendition_back(void **state) {
    char expected[256];
    int large = put_rendition_question(TT_ASK_FETCH, "large");
    int thumb = put_rendition_question(TT_ASK_FETCH, "thumb");
    int again = put_rendition_question(TT_ASK_FETCH, "large");
    int unknown = put_rendition_question(TT_ASK_FETCH, "small");
    int64_t size_bytes;
    int fd;

    (void)state;
    turn();
    assert_heard(unknown, "error not-found ");
    assert_int_equal(sent_count, 2); /* one for each file */
    snprintf(expected, sizeof expected, "https://s3.example/pictures/results/%s-large.jpg", row.id);
    assert_string_equal(sent[0].url, expected);
    assert_int_equal(sent[0].max_answer_bytes, sizeof content);
    assert_int_equal(write(sent[0].sink_fd, content, sizeof content), sizeof content);
    answer_ok_at(0);
    assert_string_equal(heard(large), "ok");
    assert_string_equal(heard(again), "ok");
    assert_null(heard(thumb));
    row = find_row();
    assert_false(row.files[TT_JOURNAL_RENDITION + 1].evicted);
    assert_true(row.files[TT_JOURNAL_RENDITION].evicted && row.files[TT_JOURNAL_PROCESSED].evicted);
    assert_int_equal(ask("SELECT kept_bytes FROM image"), sizeof content);
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_RENDITION + 1);
    assert_int_equal(tt_spool_read(&agent.spool, &name, &fd, &size_bytes), TT_OK);
    tt_file_close(&fd);
    assert_int_equal(size_bytes, sizeof content);
    answer_away();
    assert_heard(thumb, "error cloud-unreachable ");
}

static void askers_of_one_file_share_a_fetch(void **state) {
    int first = ask_back();
    int second = ask_back();
    int original = put_question(TT_ASK_FETCH, TT_SPOOL_ORIGINAL, row.id);

    (void)state;
    turn();
    assert_int_equal(sent_count, 2);
    int result = strstr(sent[0].url, "/results/") ? 0 : 1;
    assert_non_null(strstr(sent[result].url, "/results/"));
    int third = ask_back();
    turn();
    assert_int_equal(sent_count, 2);
    assert_int_equal(write(sent[result].sink_fd, content, sizeof content), sizeof content);
    answer_ok_at(result);
    assert_string_equal(heard(first), "ok");
    assert_string_equal(heard(second), "ok");
    assert_string_equal(heard(third), "ok");
    assert_null(heard(original));
    answer_error_at(1 - result, "InternalError", "try again");
    assert_string_equal(heard(original), "error cloud-failed InternalError: try again");
}

/* A few files are fetched back at once, and whoever asks for another is told so. */
static void too_many_fetches_are_refused(void **state) {
    int fd = -1;

    (void)state;
    for (int i = 0; i < TT_SERVE_FETCHES_MAX; i++)
        put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, add_row(10 + i).id);
    turn();
    assert_int_equal(sent_count, TT_SERVE_FETCHES_MAX); /* more than S3's window has places */
    fd = ask_back();
    turn();
    assert_heard(fd, "error busy ");
    answer_error("InternalError", "no");
    fd = ask_back();
    turn();
    assert_null(heard(fd));
    assert_int_equal(sent_count, TT_SERVE_FETCHES_MAX + 1);
}

static void quota_and_disk_have_room_first(void **state) {
    int fd = ask_back();

    (void)state;
    config.storage.quota_bytes = (int64_t)sizeof content - 1;
    turn();
    assert_heard(fd, "error storage-full ");
    assert_int_equal(sent_count, 0);
    assert_int_equal(kept_bytes(), -1);
    config.storage.quota_bytes++;
    fd = ask_back();
    turn();
    deliver(content, sizeof content);
    assert_string_equal(heard(fd), "ok");
}

static void other_content_is_refused(void **state) {
    static const char same_size[] = "THE bytes of a picture";
    const struct {
        const char *bytes;
        size_t length;
    } others[] = {{same_size, sizeof same_size}, {content, sizeof content - 1}, {content, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        int fd = ask_back();

        turn();
        deliver(others[i].bytes, others[i].length);
        assert_heard(fd, "error cloud-refused ");
        assert_int_equal(kept_bytes(), -1);
        assert_true(find_row().files[TT_JOURNAL_PROCESSED].evicted);
    }
}

static void object_that_is_gone(void **state) {
    int fd = ask_back();

    (void)state;
    turn();
    answer_error("NoSuchKey", "not there");
    assert_string_equal(heard(fd), "error cloud-refused NoSuchKey: not there");
    assert_true(tt_serve_is_idle(serve));
}

/* Keys that may put but not read are no reason for uploads to wait. */
static void forbidden_object_pauses_nothing(void **state) {
    int fd = ask_back();

    (void)state;
    turn();
    answer_error("AccessDenied", "no");
    assert_string_equal(heard(fd), "error cloud-credentials AccessDenied: no");
    assert_false(tt_cloud_is_paused(cloud, TT_AWS_S3));
}

static void image_deleted_meanwhile_leaves_no_file(void **state) {
    struct tt_journal_row gone;
    int fd = ask_back();

    (void)state;
    turn();
    assert_int_equal(tt_journal_delete(journal, row.id, &gone), TT_OK);
    deliver(content, sizeof content);
    assert_heard(fd, "error not-found ");
    assert_int_equal(kept_bytes(), -1);
}

static void journal_that_fails_leaves_no_file(void **state) {
    int fd = ask_back();

    (void)state;
    turn();
    execute("CREATE TRIGGER stop BEFORE UPDATE ON image BEGIN SELECT RAISE(ABORT, 'no'); END");
    deliver(content, sizeof content);
    assert_heard(fd, "error journal-unavailable ");
    assert_int_equal(kept_bytes(), -1);
}

/* An eviction, or a crash before the journal knew of it, may leave a file that a sweep is about to
 * take. */
static void file_that_was_left_makes_way(void **state) {
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_PROCESSED);
    struct tt_staged staged;
    int fd = ask_back();

    (void)state;
    assert_int_equal(tt_spool_stage(&agent.spool, &staged), TT_OK);
    assert_int_equal(tt_file_write(staged.fd, "half", 4), TT_OK);
    assert_int_equal(tt_spool_keep(&agent.spool, &staged, &name), TT_OK);
    tt_spool_discard(&agent.spool, &staged);
    turn();
    assert_int_equal(sent_count, 1);
    deliver(content, sizeof content);
    assert_string_equal(heard(fd), "ok");
    assert_int_equal(kept_bytes(), sizeof content);
    assert_false(find_row().files[TT_JOURNAL_PROCESSED].evicted);
}

static void file_that_the_storage_lost_comes_back(void **state) {
    int fd = ask_back();

    (void)state;
    execute("UPDATE image SET processed_evicted = 0");
    turn();
    deliver(content, sizeof content);
    assert_string_equal(heard(fd), "ok");
    assert_int_equal(kept_bytes(), sizeof content);
}

static void pause_of_s3_is_told_at_once(void **state) {
    int fd = ask_back();

    (void)state;
    pause_service(TT_AWS_S3);
    turn();
    assert_heard(fd, "error cloud-unreachable ");
    assert_int_equal(sent_count, 0);
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_S3);
    fd = ask_back();
    turn();
    assert_int_equal(sent_count, 1); /* the fetch tries S3 out */
    answer_away();
    assert_string_equal(heard(fd), "error cloud-unreachable no route");
}

static void throttling_is_waited_for(void **state) {
    int fd = ask_back();

    (void)state;
    slow_service_down(TT_AWS_S3, 0);
    turn();
    assert_null(heard(fd));
    assert_int_equal(sent_count, 0);
    assert_int_equal(agent.woken_ms, tt_cloud_resumes_ms(cloud, TT_AWS_S3));
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_S3);
    turn();
    assert_int_equal(sent_count, 1);
}

static void fetch_waits_for_keys_but_not_for_ever(void **state) {
    int fd = ask_back();

    (void)state;
    move_keys_away();
    turn();
    assert_null(heard(fd));
    assert_int_equal(agent.woken_ms, NOW_MS + PATIENCE_MS);
    agent.now_ms += PATIENCE_MS;
    turn();
    assert_heard(fd, "error busy ");
    assert_true(tt_serve_is_idle(serve));
}

static void fetch_without_keys(void **state) {
    int fd = ask_back();

    (void)state;
    lose_keys();
    turn();
    assert_heard(fd, "error cloud-credentials ");
    assert_true(tt_serve_is_idle(serve));
}

static void agent_that_stops_fetches_nothing_new(void **state) {
    int first = ask_back();
    int second;

    (void)state;
    turn();
    agent.stopping = true;
    second = put_question(TT_ASK_FETCH, TT_SPOOL_ORIGINAL, row.id);
    turn();
    assert_heard(second, "error agent-unavailable ");
    deliver(content, sizeof content);
    assert_string_equal(heard(first), "ok");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(fetches_a_file_back),
        TEST(fetches_a_rendition_back),
        TEST(askers_of_one_file_share_a_fetch),
        TEST(too_many_fetches_are_refused),
        TEST(quota_and_disk_have_room_first),
        TEST(other_content_is_refused),
        TEST(object_that_is_gone),
        TEST(forbidden_object_pauses_nothing),
        TEST(image_deleted_meanwhile_leaves_no_file),
        TEST(journal_that_fails_leaves_no_file),
        TEST(file_that_was_left_makes_way),
        TEST(file_that_the_storage_lost_comes_back),
        TEST(pause_of_s3_is_told_at_once),
        TEST(throttling_is_waited_for),
        TEST(fetch_waits_for_keys_but_not_for_ever),
        TEST(fetch_without_keys),
        TEST(agent_that_stops_fetches_nothing_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
