/* What every source of keys does: it asks, passes to the next source, or breaks the look off. */
#include "aws/credentials_look.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum tt_look_step tt_look_pass(struct tt_look *look, const char *format, ...) {
    size_t length = strlen(look->text);
    if (length > 0 && length + 2 < sizeof look->text) {
        memcpy(look->text + length, "; ", 3);
        length += 2;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(look->text + length, sizeof look->text - length, format, arguments);
    va_end(arguments);
    return TT_LOOK_ABSENT;
}

enum tt_look_step tt_look_break(struct tt_look *look, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(look->text, sizeof look->text, format, arguments);
    va_end(arguments);
    return TT_LOOK_BROKEN;
}

static void take_answer(void *context, const struct tt_http_answer *answer) {
    struct tt_look *look = context;
    look->walk_on(look, look->next(look, answer));
}

/* A look is part of whatever job asked for keys. If that job has failed already, its note stays,
 * and the reason why the request could not be sent was not noted; else the note is this failure's,
 * and is told by tt_aws_credentials_get in the end, if no later source has keys. */
enum tt_look_step tt_look_send(struct tt_look *look, const struct tt_http_request *request,
                               tt_look_next *next) {
    bool is_job_failed = tt_err_cause()[0] != '\0';
    look->next = next;
    enum tt_err err = tt_http_start(look->http, request, take_answer, look);
    if (err == TT_OK)
        return TT_LOOK_WAITING;
    if (is_job_failed)
        return tt_look_break(look, "the request for keys cannot be sent: %s",
                             tt_err_row(err)->title);
    struct tt_err_note note = tt_err_take(err);
    return tt_look_break(look, "the request for keys cannot be sent: %.200s", note.cause);
}
