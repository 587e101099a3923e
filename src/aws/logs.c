/* Calls to CloudWatch Logs, and how events make a batch. A batch is written by hand: ten thousand
 * events as jansson's values would take several times the memory of the text itself. */
#include "tintype/logs.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "aws/call.h"
#include "tintype/buf.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"
#define TARGET       "Logs_20140328."

/* Room for a batch of which every byte is escaped as six characters, and more. */
#define BODY_MAX_BYTES ((size_t)8 * TT_LOGS_BATCH_MAX_BYTES)

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
        /* An event that is too large can only be refused. It goes alone, so that no other is
         * refused with it. */
        if (is_too_large)
            break;
    }
    return length;
}

/* ---- the text of a request ---- */

/* What a request says; stream is NULL for one of the group alone. */
struct parameters {
    const char *group;
    const char *stream;
    const struct tt_logs_event *events;
    size_t count;
};

static void put_parameters(struct tt_buf *text, const struct parameters *parameters) {
    tt_buf_append_text(text, "{\"logGroupName\":");
    tt_buf_append_json(text, parameters->group);
    if (parameters->stream) {
        tt_buf_append_text(text, ",\"logStreamName\":");
        tt_buf_append_json(text, parameters->stream);
    }
    for (size_t i = 0; i < parameters->count; i++) {
        tt_buf_append_text(text, i == 0 ? ",\"logEvents\":[" : ",");
        tt_buf_append_format(
            text, "{\"timestamp\":%" PRId64 ",\"message\":", parameters->events[i].time_ms);
        tt_buf_append_json(text, parameters->events[i].message);
        tt_buf_append_text(text, "}");
    }
    tt_buf_append_text(text, parameters->count > 0 ? "]}" : "}");
}

static enum tt_err sign(struct tt_http_request *request, struct tt_arena *arena,
                        const struct tt_aws_signer *signer, const char *target,
                        const struct parameters *parameters) {
    struct tt_buf text;
    tt_buf_init(&text, BODY_MAX_BYTES);
    put_parameters(&text, parameters);
    size_t length = text.length;
    const char *body = NULL;
    enum tt_err err =
        text.overflowed ? tt_err_fail(TT_ERR_NO_MEMORY, "logs: no memory for a request") : TT_OK;
    if (err == TT_OK) {
        body = tt_arena_copy_text(arena, tt_buf_text(&text), length);
        err = body ? TT_OK : TT_ERR_NO_MEMORY;
    }
    tt_buf_fini(&text);
    return err != TT_OK
               ? err
               : tt_aws_call_json(request, arena, signer, CONTENT_TYPE, target, body, length);
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

/* An index into the batch, brought within lowest..highest; the value of otherwise when there is
 * none. */
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

/* Events are refused at both ends of the batch: those that are too old come before one index, those
 * that are too new begin at another (CloudWatch Logs API Reference, "RejectedLogEventsInfo"). */
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
