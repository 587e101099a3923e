/* The serving side of an agent, and workers that ask it over the socket about a row that the cloud
 * has. Include it first. */
#ifndef TINTYPE_TESTS_SYNC_ASKERS_H
#define TINTYPE_TESTS_SYNC_ASKERS_H

#include "sync/serve.h"

#include "sync_cloud.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tintype/ask.h"
#include "tintype/file.h"

#define PATIENCE_MS 5000
#define ASKERS_MAX  80

static const char content[] = "the bytes of a picture";

static struct tt_serve *serve;
static struct tt_journal_row row;
static int askers[ASKERS_MAX]; /* the workers' ends */
static int asker_count;

/* Adds a row whose files are in the cloud, and none of them here. Its result has the bytes of
 * content, and so has the second of its renditions, "large". */
static inline struct tt_journal_row add_row(int number) {
    struct tt_journal_row added = make_row(number);
    struct tt_hash hash;

    add_renditions(&added, 2);
    struct tt_journal_file *result = &added.files[TT_JOURNAL_PROCESSED];
    struct tt_journal_file *large = &added.files[TT_JOURNAL_RENDITION + 1];
    assert_int_equal(tt_hash_init(&hash), TT_OK);
    assert_int_equal(tt_hash_update(&hash, content, sizeof content), TT_OK);
    assert_int_equal(tt_hash_finish(&hash, result->sha256), TT_OK);
    tt_hash_fini(&hash);
    memcpy(large->sha256, result->sha256, TT_HASH_BYTES);
    result->size_bytes = large->size_bytes = sizeof content;
    added.sync_state = TT_SYNC_SYNCED;
    insert(&added);
    execute("UPDATE image SET processed_evicted = 1, original_evicted = 1, renditions_evicted = 3, "
            "rendition_bytes = 0");
    return added;
}

static inline int setup(void **state) {
    if (open_journal(state) != 0)
        return -1;
    make_agent(IN_FLIGHT);
    asker_count = 0;
    row = add_row(1);
    serve = tt_serve_new(&agent, cloud);
    return serve ? 0 : -1;
}

static inline int teardown(void **state) {
    while (asker_count > 0)
        tt_file_close(&askers[--asker_count]);
    tt_cloud_free(cloud);
    tt_serve_free(serve);
    free_agent();
    return close_journal(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- a worker ---- */

/* Connects, and says nothing. */
static inline int call(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0 && asker_count < ASKERS_MAX);
    assert_true(tt_ask_path(scratch, address.sun_path));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    askers[asker_count++] = fd;
    return fd;
}

static inline int say(const void *packet, size_t length) {
    int fd = call();

    assert_int_equal(send(fd, packet, length, MSG_NOSIGNAL), length);
    return fd;
}

static inline int put_question(enum tt_ask_verb verb, enum tt_spool_kind kind, const char *id) {
    struct tt_ask_question question = {.verb = verb, .kind = kind};
    char text[TT_ASK_QUESTION_SIZE];

    snprintf(question.id, sizeof question.id, "%s", id);
    return say(text, tt_ask_format(&question, text));
}

static inline int put_rendition_question(enum tt_ask_verb verb, const char *rendition) {
    struct tt_ask_question question = {.verb = verb, .kind = TT_SPOOL_RENDITION};
    char text[TT_ASK_QUESTION_SIZE];

    snprintf(question.id, sizeof question.id, "%s", row.id);
    snprintf(question.rendition, sizeof question.rendition, "%s", rendition);
    return say(text, tt_ask_format(&question, text));
}

/* The packet that came; "" when the connection was ended without one, NULL when nothing came yet.
 */
static inline const char *heard(int fd) {
    static char packet[TT_ASK_ANSWER_MAX_BYTES + 1];
    ssize_t length = recv(fd, packet, sizeof packet - 1, 0);

    if (length < 0 && errno == EAGAIN)
        return NULL;
    packet[length > 0 ? length : 0] = '\0';
    return packet;
}

static inline void assert_heard(int fd, const char *beginning) {
    const char *packet = heard(fd);

    assert_non_null(packet);
    if (strncmp(packet, beginning, strlen(beginning)) != 0)
        assert_string_equal(packet, beginning);
}

static inline void turn(void) {
    agent.woken_ms = TT_NEVER_MS;
    tt_serve_turn(serve);
    assert_string_equal(tt_err_cause(), "");
}

/* The size of the row's result in the spool; -1 when it is not there. */
static inline int64_t kept_bytes(void) {
    int fd;
    int64_t size_bytes;
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_PROCESSED);
    enum tt_err err = tt_spool_read(&agent.spool, &name, &fd, &size_bytes);

    tt_file_close(&fd);
    return err == TT_OK ? size_bytes : -1;
}

/* Asks for the row's result to be fetched back. */
static inline int ask_back(void) {
    return put_question(TT_ASK_FETCH, TT_SPOOL_PROCESSED, row.id);
}

#endif
