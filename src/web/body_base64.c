/* Base64 body: the picture as base64 text. The check and the decoding are in base64.c. */
#include "web/body_form.h"

#include "web/base64.h"

/* Text may come in pieces of a line or a character, so the bytes are gathered before the target
 * gets them. */
#define GATHER_BYTES ((size_t)16 << 10)

struct base64_body {
    struct tt_body body;
    struct tt_base64 base64;
    size_t length;
    uint8_t bytes[GATHER_BYTES + TT_BASE64_SLACK_BYTES];
};

static enum tt_err flush(struct base64_body *self) {
    const struct tt_body_target *target = self->body.target;
    size_t length = self->length;
    self->length = 0;
    return length > 0 ? target->picture(target->context, self->bytes, length) : TT_OK;
}

static enum tt_err push(struct tt_body *body, const uint8_t *bytes, size_t length) {
    struct base64_body *self = (struct base64_body *)body;
    while (length > 0) {
        size_t room = GATHER_BYTES - self->length;
        size_t piece = length < room ? length : room;
        size_t written;
        enum tt_err err = tt_base64_push(&self->base64, (const char *)bytes, piece,
                                         self->bytes + self->length, &written);
        if (err != TT_OK)
            return err;
        self->length += written;
        bytes += piece;
        length -= piece;
        if (self->length >= GATHER_BYTES / 2 && (err = flush(self)) != TT_OK)
            return err;
    }
    return TT_OK;
}

static enum tt_err end(struct tt_body *body) {
    struct base64_body *self = (struct base64_body *)body;
    enum tt_err err = tt_base64_end(&self->base64);
    return err == TT_OK ? flush(self) : err;
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
