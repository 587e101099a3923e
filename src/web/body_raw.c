/* Raw body: the request's bytes are the picture's. */
#include "web/body_form.h"

static enum tt_err push(struct tt_body *body, const uint8_t *bytes, size_t length) {
    return body->target->picture(body->target->context, bytes, length);
}

static enum tt_err end(struct tt_body *body) {
    (void)body;
    return TT_OK;
}

enum tt_err tt_body_open_raw(struct tt_body **body, struct tt_arena *arena,
                             const char *content_type, const struct tt_body_target *target) {
    (void)content_type;
    *body = tt_arena_alloc(arena, sizeof **body);
    if (!*body)
        return TT_ERR_NO_MEMORY;
    **body = (struct tt_body){.push = push, .end = end, .target = target};
    return TT_OK;
}
