/* Remote: asks the agent, and sends clients elsewhere. What worker and agent say to each other is
 * in src/store/ask.c. */
#include "web/remote.h"

#include <stdio.h>
#include <string.h>

#include "tintype/ask.h"
#include "web/reply.h"

#define PRESIGN_TIMEOUT_MS 5000
#define FETCH_TIMEOUT_MS   60000

/* A URL of the configuration, and a key of which every byte is escaped. */
#define LOCATION_MAX_BYTES (TT_CONFIG_TEXT_MAX + 3 * TT_SPOOL_OBJECT_KEY_SIZE)

_Static_assert(TT_ASK_ANSWER_MAX_BYTES <= TT_REPLY_HEADER_MAX_BYTES,
               "a presigned URL fits a header");

/* The agent found no object, or no row; the journal knows which. */
static enum tt_err explain_lost(struct tt_request *request) {
    struct tt_journal_row row;
    enum tt_err err = tt_journal_find(request->worker->journal, request->id, &row);
    return err != TT_OK ? err : tt_err_fail(TT_ERR_CLOUD_OBJECT, "S3 has no such object");
}

/* The worker waits in a seat, of which there are fewer than workers, so that others go on answering
 * whatever the agent does. */
static enum tt_err ask(struct tt_request *request, enum tt_ask_verb verb,
                       const struct tt_spool_name *name, int64_t timeout_ms,
                       char url[TT_ASK_ANSWER_MAX_BYTES]) {
    struct tt_place *place = &request->worker->place;
    enum tt_err err = tt_place_sit(place, request->client, false);
    if (err != TT_OK)
        return err == TT_ERR_BUSY ? TT_ERR_BUSY : TT_ERR_INTERNAL;
    struct tt_ask_question question = {.verb = verb, .kind = name->kind};
    memcpy(question.id, name->id, TT_UUID_SIZE);
    snprintf(question.rendition, sizeof question.rendition, "%s", name->rendition);
    err = tt_ask(request->worker->config->storage.dir, &question, timeout_ms, url);
    tt_place_leave(place);
    return err == TT_ERR_NOT_FOUND ? explain_lost(request) : err;
}

/* The object's address below delivery.cloudfront_url. */
static void append_public_url(struct tt_buf *text, const struct tt_config *config,
                              const struct tt_spool_name *name) {
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    tt_spool_object_key(config, name, key);
    tt_buf_append_format(text, "%s/", config->delivery.cloudfront_url);
    tt_buf_append_percent(text, key, true);
}

static enum tt_err send_elsewhere(struct tt_request *request, const char *url) {
    if (strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0)
        return tt_err_fail(TT_ERR_AGENT_AWAY, "the agent's answer is no address");
    tt_reply_header(request, "Location", "%s", url);
    /* The address is good for minutes, and the picture may be local again at any time. */
    tt_reply_header(request, "Cache-Control", "no-store");
    tt_reply_bytes(request, 307, NULL, "", 0);
    return TT_OK;
}

enum tt_err tt_remote_redirect(struct tt_request *request, const struct tt_journal_row *row,
                               int number) {
    const struct tt_config *config = request->worker->config;
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    if (config->delivery.cloudfront_url[0] == '\0') {
        char url[TT_ASK_ANSWER_MAX_BYTES];
        enum tt_err err = ask(request, TT_ASK_PRESIGN, &name, PRESIGN_TIMEOUT_MS, url);
        return err != TT_OK ? err : send_elsewhere(request, url);
    }
    struct tt_buf text;
    tt_buf_init(&text, LOCATION_MAX_BYTES);
    append_public_url(&text, config, &name);
    enum tt_err err = text.overflowed ? tt_err_fail(TT_ERR_NO_MEMORY, "an address in the cloud")
                                      : send_elsewhere(request, tt_buf_text(&text));
    tt_buf_fini(&text);
    return err;
}

enum tt_err tt_remote_fetch(struct tt_request *request, const struct tt_journal_row *row,
                            int number) {
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    char url[TT_ASK_ANSWER_MAX_BYTES]; /* stays empty: a fetch brings no address */
    return ask(request, TT_ASK_FETCH, &name, FETCH_TIMEOUT_MS, url);
}
