/* The list of images: its parameters (one table), a page of it, and the link to the next page. The
 * cursor is the last id of a page: ids sort by time, so whatever is inserted meanwhile lies before
 * or after it. */
#include "web/list.h"

#include <string.h>

#include "tintype/clock.h"
#include "tintype/text.h"
#include "web/document.h"
#include "web/query.h"
#include "web/reply.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200
#define NAMES_SIZE    128 /* of all parameters, or of all states */

/* A query and the memory its pointers point to. */
struct list {
    struct tt_journal_query query;
    char since_id[TT_UUID_SIZE];
    char until_id[TT_UUID_SIZE];
};

static enum tt_err set_limit(struct list *list, const char *value) {
    int64_t limit;
    if (!tt_text_parse_int(value, 1, LIMIT_MAX, &limit))
        return tt_err_refuse(TT_ERR_QUERY, "limit is a number from 1 to %d.", LIMIT_MAX);
    list->query.limit = (int)limit;
    return TT_OK;
}

static enum tt_err set_cursor(struct list *list, const char *value) {
    if (!tt_uuid_parse(value, NULL))
        return tt_err_refuse(TT_ERR_QUERY, "cursor is not one that a list gave out.");
    list->query.after_id = value;
    return TT_OK;
}

static enum tt_err set_order(struct list *list, const char *value) {
    list->query.ascending = strcmp(value, "asc") == 0;
    if (!list->query.ascending && strcmp(value, "desc") != 0)
        return tt_err_refuse(TT_ERR_QUERY, "order is asc or desc.");
    return TT_OK;
}

static enum tt_err set_filename(struct list *list, const char *value) {
    list->query.filename = value;
    return TT_OK;
}

static enum tt_err set_status(struct list *list, const char *value) {
    list->query.has_state = true;
    if (tt_sync_state_parse(value, &list->query.state))
        return TT_OK;
    char states[NAMES_SIZE];
    tt_text_choice_list(tt_sync_states, states, sizeof states);
    return tt_err_refuse(TT_ERR_QUERY, "status is %s.", states);
}

/* Makes the least id that lies at or after the time. Ids know milliseconds, so a time with digits
 * below them lies after all ids of its millisecond. */
static enum tt_err parse_time(const char *name, const char *value, char id[TT_UUID_SIZE]) {
    int64_t time_ms;
    bool exact;
    if (!tt_clock_parse_rfc3339(value, &time_ms, &exact))
        return tt_err_refuse(TT_ERR_QUERY, "%s is a time such as 2026-11-24T06:50:27Z (RFC 3339).",
                             name);
    tt_uuid_floor(exact ? time_ms : time_ms + 1, id);
    return TT_OK;
}

static enum tt_err set_since(struct list *list, const char *value) {
    list->query.since_id = list->since_id;
    return parse_time("since", value, list->since_id);
}

static enum tt_err set_until(struct list *list, const char *value) {
    list->query.until_id = list->until_id;
    return parse_time("until", value, list->until_id);
}

static const struct {
    const char *name;
    enum tt_err (*set)(struct list *list, const char *value);
} parameters[] = {
    {"limit", set_limit},       {"cursor", set_cursor}, {"order", set_order},
    {"filename", set_filename}, {"status", set_status}, {"since", set_since},
    {"until", set_until},
};

#define PARAMETER_COUNT (sizeof parameters / sizeof *parameters)

static enum tt_err refuse_name(void) {
    struct tt_text_choice choices[PARAMETER_COUNT + 1] = {0};
    for (size_t i = 0; i < PARAMETER_COUNT; i++)
        choices[i].name = parameters[i].name;
    char names[NAMES_SIZE];
    tt_text_choice_list(choices, names, sizeof names);
    return tt_err_refuse(TT_ERR_QUERY, "A parameter of the list is %s, and nothing else.", names);
}

static enum tt_err set_parameter(void *context, const char *name, const char *value) {
    for (size_t i = 0; i < PARAMETER_COUNT; i++)
        if (strcmp(name, parameters[i].name) == 0)
            return parameters[i].set(context, value);
    return refuse_name();
}

/* The link is the request's own query with another cursor (RFC 8288). Characters that no URI has,
 * which a lax web server may pass on, are escaped. */
static void add_next_link(struct tt_request *request, const char *next) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~%+=&:/?@!$'()*,;";
    struct tt_buf query;
    tt_buf_init(&query, 4096);
    for (const char *pair = request->query; *pair != '\0' && *pair != '#';) {
        size_t length = strcspn(pair, "&#");
        bool is_cursor = strncmp(pair, "cursor=", 7) == 0;
        for (size_t i = 0; i < length && !is_cursor; i++) {
            if (strchr(allowed, pair[i]))
                tt_buf_append(&query, pair + i, 1);
            else
                tt_buf_append_format(&query, "%%%02X", (unsigned)(unsigned char)pair[i]);
        }
        if (length > 0 && !is_cursor)
            tt_buf_append_text(&query, "&");
        pair += length;
        pair += *pair == '&';
    }
    if (!query.overflowed)
        tt_reply_header(request, "Link", "<%s/images?%scursor=%s>; rel=\"next\"",
                        request->worker->config->server.base_path, tt_buf_text(&query), next);
    tt_buf_fini(&query);
}

enum tt_err tt_list_handle(struct tt_request *request) {
    struct list list = {.query.limit = LIMIT_DEFAULT};
    struct tt_journal_row *rows = NULL;
    struct tt_buf text;
    int count = 0;
    bool more = false;
    enum tt_err err = tt_query_parse(request->query, &request->worker->arena, set_parameter, &list);
    if (err != TT_OK)
        return err;
    rows = tt_arena_alloc_array(&request->worker->arena, (size_t)list.query.limit, sizeof *rows);
    if (!rows)
        return TT_ERR_NO_MEMORY;
    err = tt_journal_list(request->worker->journal, &list.query, rows, &count, &more);
    if (err != TT_OK)
        return err;
    const char *next = more ? rows[count - 1].id : NULL;
    tt_buf_init(&text, (size_t)list.query.limit * TT_DOCUMENT_IMAGE_MAX_BYTES + 1024);
    err = tt_document_append_list(&text, request->worker->config, rows, count, next);
    tt_reply_header(request, "Cache-Control", "no-cache");
    if (next)
        add_next_link(request, next);
    if (err == TT_OK)
        err = tt_reply_text(request, 200, "application/json", &text);
    tt_buf_fini(&text);
    return err;
}
