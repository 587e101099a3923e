/* ICC profiles in JPEG: put together from the chunks that markers hold, ICC.1:2022, annex B.4.
 *
 * Reading the markers is jpeg_read.c's; what a profile says is colour.c's. */
#ifndef TINTYPE_IMAGE_JPEG_ICC_H
#define TINTYPE_IMAGE_JPEG_ICC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/arena.h"
#include "tintype/err.h"

#define TT_JPEG_ICC_INTRO_BYTES 14 /* in front of each chunk: "ICC_PROFILE\0", number, count */
#define TT_JPEG_ICC_CHUNKS_MAX  255

/* The caller zeroes it before the first chunk. */
struct tt_jpeg_icc {
    struct {
        const uint8_t *bytes; /* NULL: not seen yet */
        size_t length;
    } chunks[TT_JPEG_ICC_CHUNKS_MAX];
    int seen;
    int count; /* as the first one says */
    size_t total_bytes;
    bool done; /* no more is wanted: something was wrong, or the header is over */
};

/* Makes room for the chunk of length bytes that follows the intro; its number may come in any
 * order. *room is where the caller puts those bytes, or NULL where they are not wanted: the intro
 * belongs to something else, or all chunks together would have more than max_bytes, or this one
 * contradicts those before it. A contradiction ends the profile, as nothing says which of them is
 * right. TT_ERR_NO_MEMORY. */
enum tt_err tt_jpeg_icc_add(struct tt_jpeg_icc *icc, const uint8_t intro[TT_JPEG_ICC_INTRO_BYTES],
                            size_t length, size_t max_bytes, struct tt_arena *arena,
                            uint8_t **room);

/* Hands out the profile in one piece, in the arena; NULL and 0 when there is none, or a part of it
 * is missing. Nothing can be added afterwards. TT_ERR_NO_MEMORY. */
enum tt_err tt_jpeg_icc_join(struct tt_jpeg_icc *icc, struct tt_arena *arena,
                             const uint8_t **profile, size_t *profile_bytes);

#endif
