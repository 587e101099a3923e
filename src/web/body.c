/* Body: chooses the parser by the Content-Type, and calls it. The parsers are in body_*.c. */
#include "web/body.h"

#include "web/header_value.h"

static const struct {
    const char *type;
    tt_body_opener *open;
} forms[] = {
    {"image/*", tt_body_open_raw},           {"application/octet-stream", tt_body_open_raw},
    {"text/plain", tt_body_open_base64},     {"multipart/form-data", tt_body_open_multipart},
    {"application/json", tt_body_open_json},
};

enum tt_err tt_body_open(struct tt_body **body, struct tt_arena *arena, const char *content_type,
                         const struct tt_body_target *target) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (tt_header_type_is(content_type, forms[i].type))
            return forms[i].open(body, arena, content_type, target);

    const char *accepted = "image/* or application/octet-stream (a picture's own bytes), "
                           "text/plain (base64), multipart/form-data and application/json";
    if (!content_type || content_type[0] == '\0')
        return tt_err_refuse(TT_ERR_CONTENT_TYPE,
                             "The request has no Content-Type. Accepted are %s.", accepted);
    return tt_err_refuse(TT_ERR_CONTENT_TYPE,
                         "The Content-Type \"%.80s\" is not accepted. Accepted are %s.",
                         content_type, accepted);
}

enum tt_err tt_body_push(struct tt_body *body, const uint8_t *bytes, size_t length) {
    return length > 0 ? body->push(body, bytes, length) : TT_OK;
}

enum tt_err tt_body_end(struct tt_body *body) {
    return body->end(body);
}
