/* Damage done to pictures, for the tests of src/image's readers: every cut, and a thousand flipped
 * bits. Whatever comes of it is an answer, not a crash: run this under the sanitizers. */
#ifndef TINTYPE_TESTS_PICTURE_DAMAGE_H
#define TINTYPE_TESTS_PICTURE_DAMAGE_H

#include "picture_build.h"

/* The limits are small, as a flipped bit of a header can ask for much. */
static const struct tt_picture_limits damage_limits = {
    .max_pixels = 100000,
    .max_memory_bytes = (int64_t)64 << 20,
    .max_chunk_bytes = 10000,
    .max_scans = 20,
};

/* Goes the whole way of a decoder, with the rows thrown away. */
static inline enum tt_err decode_damaged(const uint8_t *bytes, size_t length, bool grayscale) {
    struct tt_arena arena;
    struct tt_decoder *decoder = NULL;
    struct tt_row_source *source = NULL;
    struct tt_picture_header header;
    const uint8_t *row;
    int fd = file_open(bytes, length);
    tt_err_take(TT_OK);
    tt_arena_init(&arena, (size_t)damage_limits.max_memory_bytes);
    enum tt_err err = tt_decoder_open(&decoder, fd, &arena, &damage_limits, &header);
    if (err == TT_OK)
        err = tt_decoder_start(decoder, grayscale, &source);
    for (int y = 0; err == TT_OK && y < source->height_px; y++)
        err = source->next(source, &row);
    if (err == TT_OK)
        err = tt_decoder_finish(decoder);
    tt_decoder_close(decoder);
    tt_arena_fini(&arena);
    (void)close(fd);
    return err;
}

static inline void assert_an_answer(enum tt_err err) {
    if (err != TT_OK && err != TT_ERR_PICTURE_BROKEN && err != TT_ERR_PICTURE_TYPE &&
        err != TT_ERR_PICTURE_TOO_LARGE && err != TT_ERR_NO_MEMORY)
        fail_msg("%d: %s", (int)err, tt_err_cause());
}

/* Cut to any length below whole_bytes the picture is refused; behind there is nothing it needs. */
static inline void assert_cuts_are_refused(const uint8_t *bytes, size_t length,
                                           size_t whole_bytes) {
    for (size_t cut = 0; cut < length; cut++) {
        enum tt_err err = decode_damaged(bytes, cut, cut % 2 == 0);
        assert_an_answer(err);
        if ((err == TT_OK) != (cut >= whole_bytes))
            fail_msg("%zu of %zu bytes: %d %s", cut, length, (int)err, tt_err_cause());
    }
}

/* One to three bits are flipped, a thousand times; the generator is that of Numerical Recipes,
 * chapter 7.1. */
static inline void assert_flips_are_answered(const uint8_t *bytes, size_t length) {
    static uint8_t damaged[65536];
    uint32_t seed = 1;
    assert_true(length <= sizeof damaged);
    for (int round = 0; round < 1000; round++) {
        memcpy(damaged, bytes, length);
        for (int flip = 0; flip <= round % 3; flip++) {
            seed = seed * 1664525u + 1013904223u;
            damaged[(seed >> 8) % length] ^= (uint8_t)(1u << (seed & 7));
        }
        assert_an_answer(decode_damaged(damaged, length, round % 2 == 0));
    }
}

#endif
