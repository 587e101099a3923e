/* libFuzzer on requests as the web server hands them over: CGI variables and a body, through
 * routes, handlers, journal and spool to the answer. The decoder is a stand-in.
 *
 * The input has lines "NAME=value" up to an empty one, and then the body. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fuzz.h"

#include "../unit/fake_worker.h"
#include "store/journal_handle.h"
#include "tintype/log.h"
#include "web/json.h"
#include "web/reply.h"

#define ROWS       3
#define PARAMS_MAX 16
#define BASE_MS    INT64_C(1700000000000)
#define LISTED_MAX 200

static struct tt_journal_row rows[ROWS];

/* Rows that the requests can name: one with renditions, and one whose files the cloud alone has. */
static void restore(void) {
    static const char digits[] = "01234567890123456789";
    for (int i = 0; i < ROWS; i++) {
        struct tt_journal_row *row = &rows[i];
        if (tt_journal_find(worker.journal, row->id, row) == TT_OK)
            continue;
        *row = new_row(i == 2 ? TT_SYNC_SYNCED : TT_SYNC_OFF);
        tt_uuid_floor(BASE_MS + i, row->id);
        if (i == 1)
            add_rendition(row, "thumb", 5);
        CHECK(tt_journal_insert(worker.journal, row, NULL, 0) == TT_OK);
        for (int number = 0; i != 2 && number < row->file_count; number++) {
            size_t skipped = sizeof digits - 1 - (size_t)row->files[number].size_bytes;
            CHECK(put_file(&worker.spool, row, number, digits + skipped) == TT_OK);
        }
    }
}

/* Removes what the request has added: rows with their files, and events. */
static void remove_others(void) {
    const struct tt_journal_query query = {.limit = LISTED_MAX};
    static struct tt_journal_row listed[LISTED_MAX];
    int count;
    bool has_more;
    CHECK(tt_journal_list(worker.journal, &query, listed, &count, &has_more) == TT_OK);
    for (int i = 0; i < count; i++) {
        bool is_ours = false;
        for (int j = 0; j < ROWS; j++)
            is_ours = is_ours || strcmp(listed[i].id, rows[j].id) == 0;
        if (is_ours)
            continue;
        CHECK(tt_journal_delete(worker.journal, listed[i].id, &listed[i]) == TT_OK);
        CHECK(tt_journal_row_remove_files(&listed[i], &worker.spool) == TT_OK);
    }
    CHECK(sqlite3_exec(worker.journal->db.sqlite, "DELETE FROM event; DELETE FROM removal", NULL,
                       NULL, NULL) == SQLITE_OK);
}

static void remove_all(void) {
    worker_close(NULL);
}

static void start(void) {
    const char *memory = "/dev/shm";
    CHECK(setenv("TMPDIR", access(memory, W_OK) == 0 ? memory : "/tmp", 1) == 0);
    tt_log_open("fuzz_request", TT_LOG_ERROR);
    CHECK(worker_open(NULL) == 0);
    CHECK(atexit(remove_all) == 0);
    strcpy(config.server.cors_origins, "https://a.example");
    strcpy(config.cloudwatch.log_group, "/tintype");
    config.image.options.format = TT_FORMAT_PNG;
    strcpy(config.presets[0].name, "small");
    config.presets[0].options.format = TT_FORMAT_WEBP;
    config.preset_count = 1;
    restore();
}

/* Sets the variables, and returns where the body begins. */
static char *take_params(char *text) {
    fake_params_clear();
    for (int i = 0; i < PARAMS_MAX && *text != '\0' && *text != '\n'; i++) {
        char *end = text + strcspn(text, "\n");
        char *value = memchr(text, '=', (size_t)(end - text));
        char *next = end + (*end == '\n');
        *end = '\0';
        if (value) {
            *value = '\0';
            fake_param_set(text, value + 1);
        }
        text = next;
    }
    return text + (*text == '\n');
}

/* The head has lines that no value has broken, and a body of JSON is JSON. */
static void check_answer(int status) {
    static const int known[] = {200, 204, 206, 303, 304, 307, 400, 403,
                                404, 405, 413, 415, 416, 422, 503, 507};
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        is_known = is_known || known[i] == status;
    CHECK(is_known);
    const char *body = answer_body();
    CHECK(status != 503 || strstr(body, "agent-unavailable"));
    CHECK(strncmp(answer, "Status: ", 8) == 0);
    for (const char *line = answer; line < body - 2; line = strstr(line, "\r\n") + 2) {
        size_t length = strcspn(line, "\r");
        size_t name = strcspn(line, ":");
        CHECK(name > 0 && name < length && line[name + 1] == ' ');
        for (size_t i = 0; i < length; i++)
            CHECK((unsigned char)line[i] >= ' ');
    }
    const char *type = answer_header("Content-Type");
    if (!type || !strstr(type, "json") || body[0] == '\0')
        return;
    json_t *root = json_loads(body, 0, NULL);
    CHECK(json_is_object(root));
    json_decref(root);
}

static void serve_one(void) {
    struct tt_request request;
    answer_length = 0;
    answer[0] = '\0';
    enum tt_err err = tt_request_init(&request, &worker);
    if (err == TT_OK) {
        tt_routes_answer(&request);
    } else {
        tt_request_end(&request, err);
        tt_reply_problem(&request);
    }
    check_answer(request.status);
    bool has_changed = request.method == TT_METHOD_POST || request.method == TT_METHOD_DELETE;
    tt_request_fini(&request);
    tt_arena_reset(&worker.arena);
    tt_err_take(TT_OK);
    if (!has_changed)
        return;
    remove_others();
    restore();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!worker.journal)
        start();
    char *text = fuzz_text(data, size);
    const char *body = take_params(text);
    sent_body = (const uint8_t *)body;
    sent_left = size - (size_t)(body - text);
    serve_one();
    fake_params_clear();
    free(text);
    return 0;
}
