/* Units of src/sync/serve.c and fetch.c: questions over the socket, URLs, files that come back. */
#include "sync/serve.h"

#include "fake_exchange.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "scratch.h"
#include "store_rows.h"
#include "tintype/ask.h"
#include "tintype/file.h"

#define PATIENCE_MS 5000
#define ASKERS_MAX  80

static const char content[] = "the bytes of a picture";

static struct tt_serve *serve;
static struct tt_journal_row row;
static int askers[ASKERS_MAX]; /* the workers' ends */
static int asker_count;
static struct pollfd fds[TT_SERVE_CLIENTS_MAX + 1];

/* A row that the cloud has, of whose files none is here; its result is content, and so is the
 * second of its renditions, "large". */
static struct tt_journal_row add_row(int number) {
    struct tt_journal_row added = make_row(number);
    struct tt_hash hash;

    assert_int_equal(tt_hash_init(&hash), TT_OK);
    assert_int_equal(tt_hash_update(&hash, content, sizeof content), TT_OK);
    assert_int_equal(tt_hash_finish(&hash, added.processed.sha256), TT_OK);
    tt_hash_fini(&hash);
    added.processed.size_bytes = sizeof content;
    added.sync_state = TT_SYNC_SYNCED;
    add_renditions(&added, 2);
    added.renditions[1].file.size_bytes = sizeof content;
    memcpy(added.renditions[1].file.sha256, added.processed.sha256, TT_HASH_BYTES);
    insert(&added);
    execute("UPDATE image SET processed_evicted = 1, original_evicted = 1, renditions_evicted = 3, "
            "rendition_bytes = 0");
    return added;
}

static int setup(void **state) {
    if (open_journal(state) != 0)
        return -1;
    make_agent(scratch, journal);
    asker_count = 0;
    row = add_row(1);
    serve = tt_serve_new(&agent);
    return serve != NULL ? 0 : -1;
}

static int teardown(void **state) {
    while (asker_count > 0)
        tt_file_close(&askers[--asker_count]);
    tt_serve_free(serve);
    free_agent();
    return close_journal(state);
}

/* ---- a worker ---- */

/* Connects, and says nothing. */
static int call(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0 && asker_count < ASKERS_MAX);
    assert_true(tt_ask_path(scratch, address.sun_path));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    askers[asker_count++] = fd;
    return fd;
}

static int say(const void *packet, size_t length) {
    int fd = call();

    assert_int_equal(send(fd, packet, length, MSG_NOSIGNAL), length);
    return fd;
}

static int put_question(enum tt_ask_verb verb, enum tt_spool_kind kind, const char *id) {
    struct tt_ask_question question = {.verb = verb, .kind = kind};
    char text[TT_ASK_QUESTION_SIZE];

    (void)snprintf(question.id, sizeof question.id, "%s", id);
    return say(text, tt_ask_format(&question, text));
}

static int put_rendition_question(enum tt_ask_verb verb, const char *rendition) {
    struct tt_ask_question question = {.verb = verb, .kind = TT_SPOOL_RENDITION};
    char text[TT_ASK_QUESTION_SIZE];

    (void)snprintf(question.id, sizeof question.id, "%s", row.id);
    (void)snprintf(question.rendition, sizeof question.rendition, "%s", rendition);
    return say(text, tt_ask_format(&question, text));
}

/* The packet that came; "" when the connection was ended without one, NULL when it still stands. */
static const char *heard(int fd) {
    static char packet[TT_ASK_ANSWER_MAX_BYTES + 1];
    ssize_t length = recv(fd, packet, sizeof packet - 1, 0);

    if (length < 0 && errno == EAGAIN)
        return NULL;
    packet[length > 0 ? length : 0] = '\0';
    return packet;
}

static void assert_heard(int fd, const char *beginning) {
    const char *packet = heard(fd);

    assert_non_null(packet);
    if (strncmp(packet, beginning, strlen(beginning)) != 0)
        assert_string_equal(packet, beginning);
}

static void turn(void) {
    agent.woken_ms = TT_NEVER_MS;
    tt_serve_turn(serve);
    assert_string_equal(tt_err_cause(), "");
}

/* ---- presign ---- */

static void presigns_a_url(void **state) {
    char expected[256];
    const char *packet;
    int fd = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);

    (void)state;
    turn();
    packet = heard(fd);
    assert_non_null(packet);
    (void)snprintf(expected, sizeof expected, "ok https://cloud.example/pictures/results/%s.png?",
                   row.id);
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
    (void)snprintf(expected, sizeof expected, "ok https://cloud.example/pictures/uploads/%s.jpg?",
                   row.id);
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
    (void)snprintf(expected, sizeof expected,
                   "ok https://cloud.example/pictures/results/%s-large.jpg?", row.id);
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
    signer_err = TT_ERR_BUSY;
    turn();
    assert_null(heard(first));
    assert_int_equal(agent.woken_ms, NOW_MS + PATIENCE_MS);
    signer_err = TT_OK;
    turn();
    assert_heard(first, "ok https://");
    signer_err = TT_ERR_BUSY;
    second = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    turn();
    agent.now_ms += PATIENCE_MS;
    turn();
    assert_heard(second, "error busy ");
}

static void missing_keys_are_told_and_not_looked_for_each_time(void **state) {
    int first = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    int second;

    (void)state;
    signer_err = TT_ERR_CLOUD_KEYS;
    turn();
    assert_heard(first, "error cloud-credentials ");
    (void)tt_service_report(&agent.services[TT_AWS_S3], TT_ERR_CLOUD_KEYS, 0, NOW_MS, 500);
    second = put_question(TT_ASK_PRESIGN, TT_SPOOL_PROCESSED, row.id);
    turn();
    assert_heard(second, "error cloud-credentials ");
    assert_int_equal(signer_calls, 1);
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
    /* What is too long is no question for its beginning. */
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
    (void)call();
    (void)put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, row.id);
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
        (void)call();
    turn();
    assert_int_equal(tt_serve_fds(serve, fds), TT_SERVE_CLIENTS_MAX); /* and no listener */
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
    (void)call();
    assert_int_equal(poll(fds, 2, 0), 1);
    assert_int_equal(send(silent, "x", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(poll(fds, 2, 0), 2);
    turn();
    /* One that is answered later wakes nobody with what it adds. */
    int asker = put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, row.id);
    turn();
    assert_int_equal(send(asker, "more", 4, MSG_NOSIGNAL), 4);
    assert_int_equal(tt_serve_fds(serve, fds), 3);
    assert_int_equal(poll(fds, 3, 0), 0);
}

/* ---- fetch ---- */

static struct tt_journal_row find_row(void) {
    struct tt_journal_row found;

    assert_int_equal(tt_journal_find(journal, row.id, &found), TT_OK);
    return found;
}

/* What the spool has of the row's result: its size; -1 for none. */
static int64_t kept_bytes(void) {
    int fd;
    int64_t size_bytes;
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_PROCESSED);
    enum tt_err err = tt_spool_read(&agent.spool, &name, &fd, &size_bytes);

    tt_file_close(&fd);
    return err == TT_OK ? size_bytes : -1;
}

static int ask_back(void) {
    return put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, row.id);
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
    (void)snprintf(expected, sizeof expected, "https://cloud.example/pictures/results/%s.png",
                   row.id);
    assert_string_equal(last_sent()->url, expected);
    assert_int_equal(last_sent()->max_answer_bytes, sizeof content);
    deliver(content, sizeof content);
    assert_string_equal(heard(fd), "ok");
    assert_string_equal(heard(fd), "");
    assert_int_equal(kept_bytes(), sizeof content);
    assert_false(find_row().processed_evicted);
    assert_true(find_row().original_evicted);
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
    assert_int_equal(sent_count, 2); /* each once */
    (void)snprintf(expected, sizeof expected, "https://cloud.example/pictures/results/%s-large.jpg",
                   row.id);
    assert_string_equal(sent[0].url, expected);
    assert_int_equal(sent[0].max_answer_bytes, sizeof content);
    assert_int_equal(write(sent[0].sink_fd, content, sizeof content), sizeof content);
    answer_ok_at(0);
    assert_string_equal(heard(large), "ok");
    assert_string_equal(heard(again), "ok");
    assert_null(heard(thumb));
    row = find_row();
    assert_false(row.renditions[1].evicted);
    assert_true(row.renditions[0].evicted && row.processed_evicted);
    assert_int_equal(ask("SELECT kept_bytes FROM image"), sizeof content);
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_RENDITION + 1);
    assert_int_equal(tt_spool_read(&agent.spool, &name, &fd, &size_bytes), TT_OK);
    tt_file_close(&fd);
    assert_int_equal(size_bytes, sizeof content);
    answer_error(TT_ERR_CLOUD_AWAY, "Away", "no");
    assert_heard(thumb, "error cloud-unreachable ");
}

static void askers_of_one_file_share_a_fetch(void **state) {
    int first = ask_back();
    int second = ask_back();
    int original = put_question(TT_ASK_FETCH, TT_SPOOL_ORIGINAL, row.id);

    (void)state;
    turn();
    assert_int_equal(sent_count, 2);
    sent_count--; /* the first two's is the one before the original's */
    if (strstr(last_sent()->url, "/results/") == NULL)
        fail();
    int third = ask_back();
    turn();
    assert_int_equal(sent_count, 1);
    assert_int_equal(write(last_sent()->sink_fd, content, sizeof content), sizeof content);
    answer_ok("");
    assert_string_equal(heard(first), "ok");
    assert_string_equal(heard(second), "ok");
    assert_string_equal(heard(third), "ok");
    assert_null(heard(original));
    sent_count++;
    answer_error(TT_ERR_CLOUD_FAILED, "InternalError", "InternalError: try again");
    assert_string_equal(heard(original), "error cloud-failed InternalError: try again");
}

/* A few at once; whoever comes then is told so. */
static void too_many_fetches_are_refused(void **state) {
    int fd = -1;

    (void)state;
    for (int i = 0; i < TT_SERVE_FETCHES_MAX; i++)
        (void)put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, add_row(10 + i).id);
    turn();
    assert_int_equal(sent_count, TT_SERVE_FETCHES_MAX); /* beyond S3's window of four */
    fd = ask_back();
    turn();
    assert_heard(fd, "error busy ");
    answer_error(TT_ERR_CLOUD_FAILED, "", "no");
    fd = ask_back();
    turn();
    assert_null(heard(fd));
    assert_int_equal(sent_count, TT_SERVE_FETCHES_MAX + 1);
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
        assert_true(find_row().processed_evicted);
    }
}

static void object_that_is_gone(void **state) {
    int fd = ask_back();

    (void)state;
    turn();
    answer_error(TT_ERR_NOT_FOUND, "NoSuchKey", "NoSuchKey: not there");
    assert_string_equal(heard(fd), "error cloud-refused NoSuchKey: not there");
    assert_true(tt_serve_is_idle(serve));
}

/* Who may not read is no reason for uploads to wait. */
static void forbidden_object_pauses_nothing(void **state) {
    int fd = ask_back();

    (void)state;
    turn();
    assert_string_equal(last_sent()->forgiven_code, "AccessDenied");
    answer_error(TT_ERR_CLOUD_KEYS, "AccessDenied", "AccessDenied: no");
    assert_string_equal(heard(fd), "error cloud-credentials AccessDenied: no");
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

/* Of an eviction, or a crash before the journal knew of it; a sweep may be about to take it. */
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
    assert_false(find_row().processed_evicted);
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
    struct tt_service *s3 = &agent.services[TT_AWS_S3];
    int fd = ask_back();

    (void)state;
    (void)tt_service_report(s3, TT_ERR_CLOUD_AWAY, 0, NOW_MS, 500);
    turn();
    assert_heard(fd, "error cloud-unreachable ");
    assert_int_equal(sent_count, 0);
    agent.now_ms = s3->resumes_ms;
    fd = ask_back();
    turn();
    assert_int_equal(sent_count, 1); /* it tries S3 out */
    answer_error(TT_ERR_CLOUD_AWAY, "", "no route");
    assert_string_equal(heard(fd), "error cloud-unreachable no route");
}

static void throttling_is_waited_for(void **state) {
    struct tt_service *s3 = &agent.services[TT_AWS_S3];
    int fd = ask_back();

    (void)state;
    (void)tt_service_report(s3, TT_ERR_CLOUD_THROTTLED, 0, NOW_MS, 50);
    turn();
    assert_null(heard(fd));
    assert_int_equal(sent_count, 0);
    assert_int_equal(agent.woken_ms, s3->resumes_ms);
    agent.now_ms = s3->resumes_ms;
    turn();
    assert_int_equal(sent_count, 1);
}

static void fetch_waits_for_keys_but_not_for_ever(void **state) {
    int fd = ask_back();

    (void)state;
    signer_err = TT_ERR_BUSY;
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
    signer_err = TT_ERR_CLOUD_KEYS;
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

/* ---- start and end ---- */

static void socket_goes_with_it(void **state) {
    struct stat status;
    int fd = ask_back();

    (void)state;
    turn();
    assert_int_equal(stat(scratch_path("agent.sock"), &status), 0);
    tt_serve_free(serve); /* with a fetch under way */
    serve = NULL;
    assert_int_equal(stat(scratch_path("agent.sock"), &status), -1);
    assert_string_equal(heard(fd), "");
    assert_int_equal(kept_bytes(), -1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
        TEST(fetches_a_file_back),
        TEST(fetches_a_rendition_back),
        TEST(askers_of_one_file_share_a_fetch),
        TEST(too_many_fetches_are_refused),
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
        TEST(socket_goes_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
