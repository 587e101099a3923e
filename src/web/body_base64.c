/* Base64 body: the picture as base64 text. The check and the decoding are in base64.c. */
#include "web/body_form.h"

#include "web/base64.h"

/* So much text is decoded at once. */
#define PIECE_BYTES ((size_t)16 << 10)

struct base64_body {
    struct tt_body body;
    struct tt_base64 base64;
    uint8_t bytes[PIECE_BYTES + TT_BASE64_SLACK_BYTES];
};

static enum tt_err push(struct tt_body *body, const uint8_t *bytes, size_t length) {
    struct base64_body *self = (struct base64_body *)body;
    const struct tt_body_target *target = body->target;
    enum tt_err err = TT_OK;
    while (err == TT_OK && length > 0) {
        size_t piece = length < PIECE_BYTES ? length : PIECE_BYTES;
        size_t written;
        err = tt_base64_push(&self->base64, (const char *)bytes, piece, self->bytes, &written);
        if (err == TT_OK && written > 0)
            err = target->picture(target->context, self->bytes, written);
        bytes += piece;
        length -= piece;
    }
    return err;
}

static enum tt_err end(struct tt_body *body) {
    const struct base64_body *self = (struct base64_body *)body;
    return tt_base64_end(&self->base64);
}

enum tt_err tt_body_open_base64(struct tt_body **body, struct tt_arena *arena,
                                const char *content_type, const struct tt_body_target *target) {
    (void)content_type;
    struct base64_body *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    self->body = (struct tt_body){.push = push, .end = end, .target = target};
    tt_base64_init(&self->base64);
    *body = &self->body;
    return TT_OK;
}
