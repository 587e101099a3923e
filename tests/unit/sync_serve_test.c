/* Units of src/sync/serve.c: who asks over the socket, and URLs. What is fetched is
 * sync_fetch_test.c's. */
#include "sync_askers.h"

#include <sys/stat.h>

static struct pollfd fds[TT_SERVE_CLIENTS_MAX + 1];

/* ---- presign ---- */

static void presigns_a_url(void **state) {
    char expected[256];
    const char *packet;
    int fd = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);

    (void)state;
    turn();
    packet = heard(fd);
    assert_non_null(packet);
    snprintf(expected, sizeof expected, "ok https://s3.example/pictures/results/%s.png?", row.id);
    assert_memory_equal(packet, expected, strlen(expected));
    assert_non_null(strstr(packet, "X-Amz-Expires=300&"));
    assert_non_null(strstr(packet, "&response-content-type=image%2Fpng"));
    assert_non_null(strstr(packet, "&response-content-disposition=inline%3B%20filename%3D%22photo"
                                   "%201.jpg%22%3B%20filename%2A%3DUTF-8%27%27photo%25201.jpg"));
    assert_string_equal(heard(fd), "");
    assert_int_equal(sent_count, 0);
}

static void presigns_an_original(void **state) {
    char expected[256];
    const char *packet;
    int fd = put_question(TT_ASK_PRESIGN, TT_SPOOL_ORIGINAL, row.id);

    (void)state;
    execute("UPDATE image SET sync_state = 'stored'");
    turn();
    packet = heard(fd);
    snprintf(expected, sizeof expected, "ok https://s3.example/pictures/uploads/%s.jpg?", row.id);
    assert_non_null(packet);
    assert_memory_equal(packet, expected, strlen(expected));
}

static void presigns_a_rendition(void **state) {
    char expected[256];
    const char *packet;
    int fd = put_rendition_question(TT_ASK_PRESIGN, "large");
    int unknown = put_rendition_question(TT_ASK_PRESIGN, "small");

    (void)state;
    turn();
    packet = heard(fd);
    assert_non_null(packet);
    snprintf(expected, sizeof expected, "ok https://s3.example/pictures/results/%s-large.jpg?",
             row.id);
    assert_memory_equal(packet, expected, strlen(expected));
    assert_non_null(strstr(packet, "&response-content-type=image%2Fjpeg"));
    assert_heard(unknown, "error not-found ");
    assert_int_equal(sent_count, 0);
}

static void what_the_cloud_has_not_is_not_found(void **state) {
    static const char *const changes[] = {
        "UPDATE image SET sync_state = 'pending', processed_evicted = 0, original_evicted = 0",
        "UPDATE image SET sync_state = 'dead'", "UPDATE image SET sync_state = 'off'",
        "UPDATE image SET sync_state = 'synced', original_kept = 0", "DELETE FROM image"};

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        int presigned = put_question(TT_ASK_PRESIGN, TT_SPOOL_ORIGINAL, row.id);
        int fetched = put_question(TT_ASK_FETCH, TT_SPOOL_ORIGINAL, row.id);

        execute(changes[i]);
        turn();
        assert_heard(presigned, "error not-found ");
        assert_heard(fetched, "error not-found ");
    }
    assert_int_equal(sent_count, 0);
}

static void keys_on_their_way_are_waited_for(void **state) {
    int first = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    int second;

    (void)state;
    move_keys_away();
    turn();
    assert_null(heard(first));
    assert_int_equal(agent.woken_ms, NOW_MS + PATIENCE_MS);
    answer_keys();
    turn();
    assert_heard(first, "ok https://");
    tt_cloud_forget_keys(cloud);
    second = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    turn();
    agent.now_ms += PATIENCE_MS;
    turn();
    assert_heard(second, "error busy ");
}

static void missing_keys_are_told_and_not_looked_for_each_time(void **state) {
    int first = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    int second, third;

    (void)state;
    lose_keys();
    turn();
    assert_heard(first, "error cloud-credentials ");
    set_keys("FOUND");
    second = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    turn();
    assert_heard(second, "error cloud-credentials ");
    agent.now_ms = tt_cloud_resumes_ms(cloud, TT_AWS_S3);
    third = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    turn();
    assert_heard(third, "ok https://");
}

/* ---- clients ---- */

static void other_packets_are_refused(void **state) {
    char long_packet[200];

    (void)state;
    memset(long_packet, 'x', sizeof long_packet);
    static const char *const packets[] = {"x", "presign processed ../../etc/passwd", "delete x"};
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        int fd = say(packets[i], strlen(packets[i]));

        turn();
        assert_heard(fd, "error malformed-request ");
    }
    for (size_t length = TT_ASK_QUESTION_SIZE - 2; length < sizeof long_packet; length++) {
        int fd = say(long_packet, length);

        turn();
        assert_heard(fd, "error malformed-request ");
        tt_file_close(&askers[--asker_count]);
    }
    /* A packet that is too long is refused, though it begins as a question does. */
    size_t length =
        (size_t)snprintf(long_packet, sizeof long_packet, "presign processed %s", row.id);
    int fd = say(long_packet, length + 100);
    turn();
    assert_heard(fd, "error malformed-request ");
    assert_int_equal(sent_count, 0);
}

static void silent_clients_are_closed(void **state) {
    int silent = call();
    int late;

    (void)state;
    turn();
    assert_int_equal(agent.woken_ms, NOW_MS + PATIENCE_MS);
    assert_int_equal(tt_serve_fds(serve, fds), 2);
    agent.now_ms += PATIENCE_MS - 1;
    late = call();
    turn();
    assert_null(heard(silent));
    agent.now_ms++;
    turn();
    assert_string_equal(heard(silent), "");
    assert_null(heard(late));
    assert_int_equal(tt_serve_fds(serve, fds), 2);
}

static void clients_that_go_are_forgotten(void **state) {
    (void)state;
    call();
    put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, row.id);
    turn();
    assert_int_equal(tt_serve_fds(serve, fds), 3);
    while (asker_count > 0)
        tt_file_close(&askers[--asker_count]);
    turn();
    assert_int_equal(tt_serve_fds(serve, fds), 1);
    assert_int_equal(write(last_sent()->sink_fd, content, sizeof content), sizeof content);
    answer_ok("");
    assert_true(tt_serve_is_idle(serve));
}

static void more_clients_than_places_wait(void **state) {
    (void)state;
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX + 2; i++)
        call();
    turn();
    assert_int_equal(tt_serve_fds(serve, fds),
                     TT_SERVE_CLIENTS_MAX); /* the listener is not among them */
    turn();
    agent.now_ms += PATIENCE_MS;
    turn();
    assert_string_equal(heard(askers[0]), "");
    turn();
    assert_int_equal(tt_serve_fds(serve, fds), 3);
    assert_null(heard(askers[TT_SERVE_CLIENTS_MAX + 1]));
}

static void waits_for_what_may_happen(void **state) {
    int silent = call();

    (void)state;
    (void)silent;
    turn();
    assert_int_equal(tt_serve_fds(serve, fds), 2);
    assert_int_equal(poll(fds, 2, 0), 0);
    call();
    assert_int_equal(poll(fds, 2, 0), 1);
    assert_int_equal(send(silent, "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(poll(fds, 2, 0), 2);
    turn();
    /* A client that waits for its answer wakes nobody by saying more. */
    int asker = put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, row.id);
    turn();
    assert_int_equal(send(asker, "more", 4, MSG_NOSIGNAL), 4);
    assert_int_equal(tt_serve_fds(serve, fds), 3);
    assert_int_equal(poll(fds, 3, 0), 0);
}

/* ---- start and end ---- */

static void socket_goes_with_it(void **state) {
    struct stat status;
    int fd = ask_back();

    (void)state;
    turn();
    assert_int_equal(stat(scratch_path("agent.sock"), &status), 0);
    assert_int_equal(tt_cloud_in_flight(cloud), 1);
    tt_cloud_free(cloud);
    cloud = NULL;
    tt_serve_free(serve);
    serve = NULL;
    assert_int_equal(stat(scratch_path("agent.sock"), &status), -1);
    assert_string_equal(heard(fd), "");
    assert_int_equal(kept_bytes(), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(presigns_a_url),
        TEST(presigns_an_original),
        TEST(presigns_a_rendition),
        TEST(what_the_cloud_has_not_is_not_found),
        TEST(keys_on_their_way_are_waited_for),
        TEST(missing_keys_are_told_and_not_looked_for_each_time),
        TEST(other_packets_are_refused),
        TEST(silent_clients_are_closed),
        TEST(clients_that_go_are_forgotten),
        TEST(more_clients_than_places_wait),
        TEST(waits_for_what_may_happen),
        TEST(socket_goes_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
