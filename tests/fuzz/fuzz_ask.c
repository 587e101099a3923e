/* libFuzzer on both ends of the agent's socket: a question to the agent, with what S3 answers it
 * where it asks there, and an answer to a worker.
 *
 * The first byte tells which; the agent's input is cut at its first NUL byte, behind which are the
 * status and the object of S3. */
#include "../unit/sync_askers.h"

#include "fuzz.h"

#include <pthread.h>

#include "tintype/log.h"

/* What the worker is answered. */
static uint8_t packet[2 * TT_ASK_ANSWER_MAX_BYTES];
static size_t packet_bytes;

/* An agent's end for workers, on a socket of its own. It answers each question with the packet. */
static void *answer_workers(void *context) {
    int listen_fd = *(const int *)context;
    char question[TT_ASK_QUESTION_SIZE];
    for (;;) {
        struct pollfd waited = {.fd = listen_fd, .events = POLLIN};
        poll(&waited, 1, -1);
        int fd = accept(listen_fd, NULL, NULL);
        if (fd < 0)
            continue;
        CHECK(recv(fd, question, sizeof question, 0) > 0);
        send(fd, packet, packet_bytes, MSG_NOSIGNAL);
        close(fd);
    }
}

static char worker_dir[SCRATCH_PATH_SIZE];

static void remove_all(void) {
    teardown(NULL);
}

static void start(void) {
    static int listen_fd;
    pthread_t thread;
    const char *memory = "/dev/shm";
    CHECK(setenv("TMPDIR", access(memory, W_OK) == 0 ? memory : "/tmp", 1) == 0);
    tt_log_open("fuzz_ask", TT_LOG_ERROR);
    CHECK(setup(NULL) == 0);
    CHECK(atexit(remove_all) == 0);
    snprintf(worker_dir, sizeof worker_dir, "%s", scratch_path("worker"));
    CHECK(mkdir(worker_dir, 0700) == 0);
    CHECK(tt_ask_listen(worker_dir, &listen_fd) == TT_OK);
    CHECK(pthread_create(&thread, NULL, answer_workers, &listen_fd) == 0);
}

/* Whatever the agent did, it goes back to where it was: nothing asked, nothing fetched. */
static void put_back(void) {
    const struct tt_spool_name name = tt_journal_row_name(&row, TT_JOURNAL_PROCESSED);
    while (asker_count > 0)
        tt_file_close(&askers[--asker_count]);
    turn();
    CHECK(tt_spool_remove(&agent.spool, &name) == TT_OK);
    execute("UPDATE image SET processed_evicted = 1, original_evicted = 1, renditions_evicted = 3, "
            "rendition_bytes = 0");
    while (sent_count > 0)
        free(sent[--sent_count].body);
    CHECK(tt_serve_is_idle(serve));
}

/* S3 sends what it is made to say, a success to the file and a failure as text. */
static void answer_fetch(const char *text, size_t length) {
    struct sent *one = &sent[sent_count - 1];
    if (length > 0 && text[0] == '2' && one->sink_fd >= 0)
        CHECK(write(one->sink_fd, text + 1, length - 1) == (ssize_t)length - 1);
    if (length > 0 && text[0] == '2')
        answer_with(sent_count - 1, new_answer(200, ""));
    else
        answer_with(sent_count - 1, new_answer(400, length > 0 ? text + 1 : ""));
}

static void ask_the_agent(const uint8_t *data, size_t size) {
    char *text = fuzz_text(data, size);
    size_t length = strlen(text);
    size_t rest = length < size ? length + 1 : length;
    if (length > 0 && length < 4096) {
        int fd = say(text, length);
        turn();
        CHECK(sent_count <= 1);
        if (sent_count == 1)
            answer_fetch(text + rest, size - rest);
        const char *said = heard(fd);
        CHECK(said && (strncmp(said, "ok", 2) == 0 || strncmp(said, "error ", 6) == 0));
        put_back();
        agent.now_ms += 600000; /* S3 is tried again, whatever it said */
    }
    free(text);
}

static void answer_the_worker(const uint8_t *data, size_t size) {
    static const struct tt_ask_question question = {.verb = TT_ASK_PRESIGN,
                                                    .id = "018bcfe5-6801-7000-8000-000000000000"};
    char url[TT_ASK_ANSWER_MAX_BYTES];
    packet_bytes = size < sizeof packet ? size : sizeof packet;
    memcpy(packet, data, packet_bytes);
    enum tt_err err = tt_ask(worker_dir, &question, PATIENCE_MS, url);
    CHECK(err == TT_OK || tt_err_row(err)->http_status != 0);
    for (const char *c = url; *c != '\0'; c++)
        CHECK(*c > ' ' && *c <= '~');
    CHECK(err == TT_OK || url[0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!serve)
        start();
    if (size < 1)
        return 0;
    tt_err_take(TT_OK);
    if (data[0] % 2 == 0)
        ask_the_agent(data + 1, size - 1);
    else
        answer_the_worker(data + 1, size - 1);
    return 0;
}
