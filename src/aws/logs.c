/* Calls to CloudWatch Logs, and how events make a batch. A batch is written by hand: ten thousand
 * events as jansson's values would take several times the memory of the text itself. */
#include "tintype/logs.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "aws/call.h"
#include "tintype/text.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"
#define TARGET       "Logs_20140328."

size_t tt_logs_batch_length(const struct tt_logs_event *events, size_t count) {
    size_t bytes = 0;
    size_t length = 0;

    while (length < count && length < TT_LOGS_BATCH_MAX_EVENTS) {
        size_t message_bytes = strlen(events[length].message);
        bool is_too_large = message_bytes > TT_LOGS_EVENT_MAX_BYTES;
        int64_t span_ms;

        if (length > 0 &&
            (is_too_large ||
             bytes + message_bytes + TT_LOGS_EVENT_EXTRA_BYTES > TT_LOGS_BATCH_MAX_BYTES ||
             __builtin_sub_overflow(events[length].time_ms, events[0].time_ms, &span_ms) ||
             span_ms > TT_LOGS_BATCH_MAX_SPAN_MS))
            break;
        bytes += message_bytes + TT_LOGS_EVENT_EXTRA_BYTES;
        length++;
        /* It can only be refused; alone, so that it takes no other with it. */
        if (is_too_large)
            break;
    }
    return length;
}

/* ---- the text of a request ---- */

/* Where the text goes; out NULL: it is only measured. */
struct writer {
    char *out;
    size_t length;
};

static void put(struct writer *writer, const char *bytes, size_t length) {
    if (writer->out != NULL)
        memcpy(writer->out + writer->length, bytes, length);
    writer->length += length;
}

static void put_text(struct writer *writer, const char *text) {
    put(writer, text, strlen(text));
}

static void put_escape(struct writer *writer, unsigned char c) {
    char escape[8];

    switch (c) {
    case '"': put_text(writer, "\\\""); return;
    case '\\': put_text(writer, "\\\\"); return;
    case '\n': put_text(writer, "\\n"); return;
    case '\r': put_text(writer, "\\r"); return;
    case '\t': put_text(writer, "\\t"); return;
    default: break;
    }
    (void)snprintf(escape, sizeof escape, "\\u%04x", c);
    put_text(writer, escape);
}

/* A JSON string. Text that is not UTF-8 is read as Latin-1: one such event must not hold up all
 * that come after it. */
static void put_string(struct writer *writer, const char *text) {
    unsigned char highest = tt_text_is_utf8(text, strlen(text)) ? 0xFF : 0x7F;
    const char *plain = text;

    put_text(writer, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= ' ' && c != '"' && c != '\\' && c <= highest)
            continue;
        put(writer, plain, (size_t)(text - plain));
        put_escape(writer, c);
        plain = text + 1;
    }
    put(writer, plain, (size_t)(text - plain));
    put_text(writer, "\"");
}

/* What a request says; stream NULL: the group alone. */
struct parameters {
    const char *group;
    const char *stream;
    const struct tt_logs_event *events;
    size_t count;
};

static void put_parameters(struct writer *writer, const struct parameters *parameters) {
    put_text(writer, "{\"logGroupName\":");
    put_string(writer, parameters->group);
    if (parameters->stream != NULL) {
        put_text(writer, ",\"logStreamName\":");
        put_string(writer, parameters->stream);
    }
    for (size_t i = 0; i < parameters->count; i++) {
        char timestamp[64];

        (void)snprintf(timestamp, sizeof timestamp,
                       "{\"timestamp\":%" PRId64 ",\"message\":", parameters->events[i].time_ms);
        put_text(writer, i == 0 ? ",\"logEvents\":[" : ",");
        put_text(writer, timestamp);
        put_string(writer, parameters->events[i].message);
        put_text(writer, "}");
    }
    put_text(writer, parameters->count > 0 ? "]}" : "}");
}

/* Measured first, then written into memory of just that size. */
static enum tt_err sign(struct tt_http_request *request, struct tt_arena *arena,
                        const struct tt_aws_signer *signer, const char *target,
                        const struct parameters *parameters) {
    struct writer writer = {0};
    char *body;

    put_parameters(&writer, parameters);
    body = tt_arena_alloc(arena, writer.length);
    if (body == NULL)
        return TT_ERR_NO_MEMORY;
    writer = (struct writer){.out = body};
    put_parameters(&writer, parameters);
    return tt_aws_call_json(request, arena, signer, CONTENT_TYPE, target, body, writer.length);
}

enum tt_err tt_logs_put_events(struct tt_http_request *request, struct tt_arena *arena,
                               const struct tt_aws_signer *signer, const char *group,
                               const char *stream, const struct tt_logs_event *events,
                               size_t count) {
    const struct parameters parameters = {group, stream, events, count};

    if (count == 0)
        return tt_err_fail(TT_ERR_INTERNAL, "logs: a batch without events");
    return sign(request, arena, signer, TARGET "PutLogEvents", &parameters);
}

enum tt_err tt_logs_create_group(struct tt_http_request *request, struct tt_arena *arena,
                                 const struct tt_aws_signer *signer, const char *group) {
    const struct parameters parameters = {.group = group};

    return sign(request, arena, signer, TARGET "CreateLogGroup", &parameters);
}

enum tt_err tt_logs_create_stream(struct tt_http_request *request, struct tt_arena *arena,
                                  const struct tt_aws_signer *signer, const char *group,
                                  const char *stream) {
    const struct parameters parameters = {.group = group, .stream = stream};

    return sign(request, arena, signer, TARGET "CreateLogStream", &parameters);
}

/* ---- an answer ---- */

/* An index into the batch, within lowest..highest; otherwise when there is none. */
static size_t find_index(const json_t *info, const char *name, size_t lowest, size_t highest,
                         size_t otherwise) {
    const json_t *value = json_object_get(info, name);
    json_int_t index = json_integer_value(value);

    if (!json_is_integer(value))
        return otherwise;
    if (index < (json_int_t)lowest)
        return lowest;
    return index > (json_int_t)highest ? highest : (size_t)index;
}

/* Both ends of the batch are given by an index: the old up to theirs, without it, and the new from
 * theirs on (CloudWatch Logs API Reference, "RejectedLogEventsInfo"). */
size_t tt_logs_rejected(const struct tt_http_answer *answer, size_t count) {
    json_t *root = json_loadb(answer->body, answer->body_bytes, 0, NULL);
    const json_t *info = json_object_get(root, "rejectedLogEventsInfo");
    size_t old = find_index(info, "tooOldLogEventEndIndex", 0, count, 0);
    size_t expired = find_index(info, "expiredLogEventEndIndex", 0, count, 0);
    size_t first = old > expired ? old : expired;
    size_t last = find_index(info, "tooNewLogEventStartIndex", first, count, count);

    json_decref(root);
    return first + count - last;
}
