/* The table of errors, and the note of the failure at hand. What an error becomes (a reply, a log
 * line, a metric) is decided by whoever ends the job, and not here. */
#include "tintype/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct tt_err_row rows[TT_ERR_COUNT] = {
    [TT_OK] = {"ok", 200, TT_RETRY_NEVER, "Done", "Nothing went wrong."},
    [TT_ERR_MALFORMED] = {"malformed-request", 400, TT_RETRY_NEVER, "The request cannot be read",
                          "Check the request line and the headers."},
    [TT_ERR_BODY_EMPTY] = {"empty-body", 400, TT_RETRY_NEVER, "There is no picture in the request",
                           "Send the picture as the body of the request."},
    [TT_ERR_BODY_INCOMPLETE] = {"incomplete-body", 400, TT_RETRY_NEVER, "The body is incomplete",
                                "The connection ended before the whole body had arrived. Send it "
                                "again, with a correct Content-Length."},
    [TT_ERR_BASE64] = {"bad-base64", 400, TT_RETRY_NEVER, "The base64 text is not valid",
                       "Encode the picture again as base64 with the standard alphabet "
                       "(A-Z, a-z, 0-9, + and /) and = as padding at the end only."},
    [TT_ERR_MULTIPART] = {"bad-multipart", 400, TT_RETRY_NEVER, "The multipart body is not valid",
                          "Send one file part, and end the body with the closing boundary."},
    [TT_ERR_JSON] = {"bad-json", 400, TT_RETRY_NEVER, "The JSON body is not valid",
                     "Send one JSON object with the picture as base64 text in \"image\"."},
    [TT_ERR_OPTION] = {"bad-option", 400, TT_RETRY_NEVER, "An option is not valid",
                       "Check the names and values of the options."},
    [TT_ERR_QUERY] = {"bad-query", 400, TT_RETRY_NEVER, "A query parameter is not valid",
                      "Check the names and values in the query."},
    [TT_ERR_ORIGIN] = {"foreign-origin", 403, TT_RETRY_NEVER,
                       "This web page may not send requests here",
                       "Use the upload page of this server, or ask its operator to allow the "
                       "page's origin."},
    [TT_ERR_NOT_FOUND] = {"not-found", 404, TT_RETRY_NEVER, "There is nothing here",
                          "Check the address and the image's id. The image may have been deleted."},
    [TT_ERR_METHOD] = {"method-not-allowed", 405, TT_RETRY_NEVER,
                       "This address does not take this method",
                       "Use one of the methods in the Allow header."},
    [TT_ERR_REQUEST_TIMEOUT] = {"request-timeout", 408, TT_RETRY_NEVER,
                                "The request did not come in time",
                                "Send the request again, over a faster connection."},
    [TT_ERR_BODY_TOO_LARGE] = {"body-too-large", 413, TT_RETRY_NEVER, "The body is too large",
                               "Send a smaller file."},
    [TT_ERR_CONTENT_TYPE] = {"unsupported-content-type", 415, TT_RETRY_NEVER,
                             "The Content-Type is not accepted",
                             "Send image/*, application/octet-stream, text/plain with base64, "
                             "multipart/form-data or application/json."},
    [TT_ERR_PICTURE_TYPE] = {"unsupported-picture", 415, TT_RETRY_NEVER,
                             "The file is not a picture of an accepted format",
                             "Send a picture of a format that the upload page names."},
    [TT_ERR_RANGE] = {"range-not-satisfiable", 416, TT_RETRY_NEVER,
                      "The range lies outside the file",
                      "Ask for bytes within the size in the Content-Range header."},
    [TT_ERR_PICTURE_BROKEN] = {"broken-picture", 422, TT_RETRY_NEVER, "The picture is damaged",
                               "The file is cut short or corrupt. Check that it opens elsewhere, "
                               "and send a whole copy."},
    [TT_ERR_PICTURE_TOO_LARGE] = {"picture-too-large", 422, TT_RETRY_NEVER,
                                  "The picture is too large", "Send a picture with fewer pixels."},
    [TT_ERR_PICTURE_TOO_COSTLY] = {"picture-too-costly", 422, TT_RETRY_NEVER,
                                   "The picture takes too long to decode",
                                   "Save the picture again in a simpler form, or with fewer "
                                   "pixels."},
    [TT_ERR_DECODER_DIED] = {"decoder-failed", 422, TT_RETRY_NEVER, "The picture cannot be decoded",
                             "The decoder failed on this file. Save the picture again with another "
                             "program, and send that."},
    [TT_ERR_DECODER_CONFINED] = {"decoder-confined", 500, TT_RETRY_NEVER,
                                 "The decoder was held back by the server's own limits",
                                 "The picture may be whole: tell the operator the requestId, who "
                                 "finds in the log what its decoder asked for. Nothing was "
                                 "stored."},
    [TT_ERR_INTERNAL] = {"internal-error", 500, TT_RETRY_NEVER, "The server made a mistake",
                         "Tell the operator the requestId. Nothing was stored."},
    [TT_ERR_KILLED] = {"decoder-killed", 503, TT_RETRY_SOON, "The decoder was killed",
                       "The picture is not to blame. Send the request again after the time in the "
                       "Retry-After header."},
    [TT_ERR_BUSY] = {"busy", 503, TT_RETRY_SOON, "The server is busy",
                     "Send the request again after the time in the Retry-After header."},
    [TT_ERR_NO_MEMORY] = {"out-of-memory", 503, TT_RETRY_SOON, "The server is short of memory",
                          "Send the request again after the time in the Retry-After header."},
    [TT_ERR_STORAGE] = {"storage-unavailable", 503, TT_RETRY_LATER,
                        "The server cannot use its storage",
                        "Send the request again later. The operator finds the cause in the log."},
    [TT_ERR_JOURNAL] = {"journal-unavailable", 503, TT_RETRY_LATER,
                        "The server cannot use its journal",
                        "Send the request again later. The operator finds the cause in the log."},
    [TT_ERR_SPOOL_FULL] = {"storage-full", 507, TT_RETRY_LATER, "The server's storage is full",
                           "Send the request again later, when the operator has made room."},
    [TT_ERR_AGENT_AWAY] = {"agent-unavailable", 503, TT_RETRY_SOON,
                           "The picture is in the cloud, out of reach for now",
                           "Send the request again after the time in the Retry-After header."},
    [TT_ERR_CLOUD_OBJECT] = {"cloud-refused", 502, TT_RETRY_NEVER,
                             "The cloud refuses this object, or has lost it",
                             "The operator finds the reason in the log and in the image's "
                             "lastError."},
    [TT_ERR_CLOUD_THROTTLED] = {"cloud-throttled", 503, TT_RETRY_SOON,
                                "The cloud asks to slow down",
                                "Send the request again after the time in the Retry-After header."},
    [TT_ERR_CLOUD_FAILED] = {"cloud-failed", 503, TT_RETRY_SOON, "The cloud failed on this request",
                             "Send the request again after the time in the Retry-After header."},
    [TT_ERR_CLOUD_AWAY] = {"cloud-unreachable", 503, TT_RETRY_LATER, "The cloud cannot be reached",
                           "Send the request again later. The operator finds the cause in the "
                           "log: the network, or the endpoint."},
    [TT_ERR_CLOUD_KEYS] = {"cloud-credentials", 503, TT_RETRY_LATER,
                           "The cloud refuses the credentials",
                           "Send the request again later, when the operator has corrected the AWS "
                           "credentials or what they allow."},
    [TT_ERR_CLOUD_SETUP] = {"cloud-setup", 503, TT_RETRY_LATER,
                            "The cloud lacks what the configuration names",
                            "Send the request again later, when the operator has corrected bucket, "
                            "table, log group or region."},
    [TT_ERR_CLOUD_CLOCK] = {"cloud-clock", 503, TT_RETRY_LATER, "The server's clock is wrong",
                            "Send the request again later, when the operator has set the clock."},
    [TT_ERR_CONFIG] = {"bad-configuration", 0, TT_RETRY_LATER, "The configuration is refused",
                       "Correct the lines named, then start again."},
    [TT_ERR_SYSTEM] = {"system-failure", 0, TT_RETRY_LATER, "The system refused a resource",
                       "See the cause in the log."},
};

/* What was noted of the first failure of the job at hand. */
static struct {
    bool is_set;
    char cause[TT_ERR_NOTE_SIZE];
    char detail[TT_ERR_NOTE_SIZE];
} note;

const struct tt_err_row *tt_err_row(enum tt_err err) {
    bool known = (int)err >= 0 && (int)err < TT_ERR_COUNT;
    return &rows[known ? err : TT_ERR_INTERNAL];
}

/* Writes one text of the note, unless a failure was noted already. */
__attribute__((format(printf, 2, 0))) static void
write_note(char text[TT_ERR_NOTE_SIZE], const char *format, va_list arguments) {
    if (!note.is_set)
        vsnprintf(text, TT_ERR_NOTE_SIZE, format, arguments);
    note.is_set = true;
}

enum tt_err tt_err_fail(enum tt_err err, const char *cause_format, ...) {
    va_list arguments;
    va_start(arguments, cause_format);
    write_note(note.cause, cause_format, arguments);
    va_end(arguments);
    return err;
}

enum tt_err tt_err_fail_errno(enum tt_err err, const char *cause_format, ...) {
    int number = errno;
    bool is_first = !note.is_set;
    va_list arguments;
    va_start(arguments, cause_format);
    write_note(note.cause, cause_format, arguments);
    va_end(arguments);
    size_t length = strlen(note.cause);
    if (is_first)
        snprintf(note.cause + length, sizeof note.cause - length, ": %s", strerror(number));
    bool is_full = number == ENOSPC || number == EDQUOT;
    return is_full && (err == TT_ERR_STORAGE || err == TT_ERR_JOURNAL) ? TT_ERR_SPOOL_FULL : err;
}

enum tt_err tt_err_refuse(enum tt_err err, const char *detail_format, ...) {
    va_list arguments;
    va_start(arguments, detail_format);
    write_note(note.detail, detail_format, arguments);
    va_end(arguments);
    return err;
}

enum tt_err tt_err_explain(enum tt_err err, const char *detail_format, ...) {
    if (note.detail[0] != '\0')
        return err;
    va_list arguments;
    va_start(arguments, detail_format);
    vsnprintf(note.detail, sizeof note.detail, detail_format, arguments);
    va_end(arguments);
    note.is_set = true;
    return err;
}

struct tt_err_note tt_err_take(enum tt_err err) {
    const struct tt_err_row *row = tt_err_row(err);
    const char *cause = tt_err_cause();
    struct tt_err_note taken = {.is_refusal = err != TT_OK && note.detail[0] != '\0'};
    if (err != TT_OK) {
        snprintf(taken.cause, sizeof taken.cause, "%s", cause[0] != '\0' ? cause : row->title);
        snprintf(taken.detail, sizeof taken.detail, "%s", tt_err_detail(err));
    }
    note.is_set = false;
    note.cause[0] = '\0';
    note.detail[0] = '\0';
    return taken;
}

const char *tt_err_detail(enum tt_err err) {
    return note.detail[0] != '\0' ? note.detail : tt_err_row(err)->advice;
}

const char *tt_err_cause(void) {
    return note.cause[0] != '\0' ? note.cause : note.detail;
}
