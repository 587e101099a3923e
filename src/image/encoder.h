/* Encoder: what every format's writer has in common. Only codec.c and the writers look into it. */
#ifndef TINTYPE_IMAGE_ENCODER_H
#define TINTYPE_IMAGE_ENCODER_H

#include <stdbool.h>
#include <stddef.h>

#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/err.h"

/* The first member of each writer's own struct, so a pointer to one is a pointer to the other. */
struct tt_encoder {
    struct tt_row_sink sink; /* first: its `put` gets back from it to the writer */
    int fd;                  /* the caller's */
    int quality;
    struct tt_arena *arena;
    void (*close)(struct tt_encoder *self); /* gives library handles back; NULL: there are none */
};

/* How large each format's own struct is, what its files hold, and how one is begun. The memory of
 * size_bytes is zeroed, with fd, quality, arena and the sink's size and channels set, when open is
 * called, which sets the functions; after a failure close is called if it was set. Errors as for
 * tt_encoder_open. */
struct tt_encoder_kind {
    size_t size_bytes;
    int side_max_px; /* that a file holds */
    bool has_alpha;
    enum tt_err (*open)(struct tt_encoder *self);
};

extern const struct tt_encoder_kind tt_png_encoder_kind;
extern const struct tt_encoder_kind tt_jpeg_encoder_kind;
extern const struct tt_encoder_kind tt_webp_encoder_kind;

#endif
