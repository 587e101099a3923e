/* Body form: what the parsers of the four forms have in common, and how each is opened. Which form
 * a request has is for body.c to tell. */
#ifndef TINTYPE_WEB_BODY_FORM_H
#define TINTYPE_WEB_BODY_FORM_H

#include <stddef.h>
#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/err.h"

/* Takes the parts of a body. A code other than TT_OK from any of the functions ends the parse with
 * it. */
struct tt_body_target {
    void *context;
    /* The picture's own bytes, in order, in pieces of any size above 0. */
    enum tt_err (*picture)(void *context, const uint8_t *bytes, size_t length);
    /* An option of the body: a form part or a JSON member; both NUL-terminated UTF-8. */
    enum tt_err (*option)(void *context, const char *name, const char *value);
    /* The raw filename of the file part (multipart), not yet cleaned; at most once. */
    enum tt_err (*filename)(void *context, const char *raw, size_t length);
};

/* A parser; each form embeds this struct first in its own. */
struct tt_body {
    /* Takes the next bytes; length is above 0. */
    enum tt_err (*push)(struct tt_body *body, const uint8_t *bytes, size_t length);
    enum tt_err (*end)(struct tt_body *body);
    const struct tt_body_target *target; /* borrowed */
};

/* Opens the parser of one form, from the arena. content_type has the form's parameters; only that
 * of multipart reads it, the others take NULL as well. TT_ERR_NO_MEMORY, and of multipart
 * TT_ERR_MULTIPART. */
typedef enum tt_err tt_body_opener(struct tt_body **body, struct tt_arena *arena,
                                   const char *content_type, const struct tt_body_target *target);
tt_body_opener tt_body_open_raw;
tt_body_opener tt_body_open_base64;
tt_body_opener tt_body_open_multipart;
tt_body_opener tt_body_open_json;

#endif
