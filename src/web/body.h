/* Body: the four forms in which a picture arrives (raw, base64 text, multipart, JSON), as push
 * parsers. Bytes of the request go in as they come; picture bytes, options and a filename come out
 * through the target. Nothing here knows FastCGI, files or routes, and nothing holds a whole body.
 */
#ifndef TINTYPE_WEB_BODY_H
#define TINTYPE_WEB_BODY_H

#include "web/body_form.h"

/* Makes the parser for a Content-Type header (parameters included; NULL or "" when none was sent,
 * which is TT_ERR_CONTENT_TYPE) from the arena, which also bounds it. target is borrowed.
 * TT_ERR_CONTENT_TYPE with a sentence that lists what is accepted, TT_ERR_MULTIPART (no or bad
 * boundary), TT_ERR_NO_MEMORY. */
enum tt_err tt_body_open(struct tt_body **body, struct tt_arena *arena, const char *content_type,
                         const struct tt_body_target *target);

/* Takes the next bytes of the request body. After a failure it must not be called again. */
enum tt_err tt_body_push(struct tt_body *body, const uint8_t *bytes, size_t length);

/* Says that the body is over. TT_ERR_BASE64, TT_ERR_MULTIPART, TT_ERR_JSON when it stopped too
 * early. TT_ERR_BODY_EMPTY is the caller's to give, when no picture byte ever came. */
enum tt_err tt_body_end(struct tt_body *body);

#endif
