/* ICC profiles in JPEG: one chunk of at most 65519 bytes to a marker, numbered from 1. */
#include "image/jpeg_icc.h"

#include <string.h>

static const char intro_text[] = "ICC_PROFILE"; /* its NUL included */

enum tt_err tt_jpeg_icc_add(struct tt_jpeg_icc *icc, const uint8_t intro[TT_JPEG_ICC_INTRO_BYTES],
                            size_t length, size_t max_bytes, struct tt_arena *arena,
                            uint8_t **room) {
    int number = intro[sizeof intro_text];
    int count = intro[sizeof intro_text + 1];
    *room = NULL;
    if (icc->done || memcmp(intro, intro_text, sizeof intro_text) != 0)
        return TT_OK;
    if (icc->seen == 0)
        icc->count = count;
    if (count != icc->count || number < 1 || number > count || icc->chunks[number - 1].bytes ||
        length > max_bytes - icc->total_bytes) {
        icc->done = true;
        icc->seen = 0;
        return TT_OK;
    }
    *room = tt_arena_alloc(arena, length);
    if (!*room)
        return TT_ERR_NO_MEMORY;
    icc->chunks[number - 1].bytes = *room;
    icc->chunks[number - 1].length = length;
    icc->total_bytes += length;
    icc->seen++;
    return TT_OK;
}

enum tt_err tt_jpeg_icc_join(struct tt_jpeg_icc *icc, struct tt_arena *arena,
                             const uint8_t **profile, size_t *profile_bytes) {
    *profile = NULL;
    *profile_bytes = 0;
    icc->done = true;
    if (icc->seen == 0 || icc->seen != icc->count || icc->total_bytes == 0)
        return TT_OK;
    *profile = icc->chunks[0].bytes;
    *profile_bytes = icc->total_bytes;
    if (icc->count == 1)
        return TT_OK;
    uint8_t *joined = tt_arena_alloc(arena, icc->total_bytes);
    if (!joined)
        return TT_ERR_NO_MEMORY;
    size_t length = 0;
    for (int i = 0; i < icc->count; i++) {
        memcpy(joined + length, icc->chunks[i].bytes, icc->chunks[i].length);
        length += icc->chunks[i].length;
    }
    *profile = joined;
    return TT_OK;
}
