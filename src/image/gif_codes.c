/* GIF codes: a walk over the codes of a frame (GIF89a, appendix F), which keeps count of their
 * width and nothing else. No pixel is made here. */
#include "image/gif_codes.h"

#include <stdbool.h>

#include "image/input.h"

#define WIDTH_MAX 12

/* A file without compression, as some programs wrote them, clears after 2 to 254 pixels. */
#define CLEARS_FREE      20000
#define PIXELS_PER_CLEAR 8

struct codes {
    struct tt_input input;
    int block_left; /* bytes of the block being read */
    uint32_t bits;  /* that are read and not used, the next one lowest */
    int bit_count;
    int width; /* of the next code */
    int first_width;
    uint32_t clear; /* this code clears the table, and the one behind it ends the frame */
    uint32_t next;  /* that the table will have an entry for */
};

/* *got is false at the end of the file. */
static enum tt_err read_input(struct tt_input *input, uint8_t *byte, bool *got) {
    enum tt_err err = input->position == input->length ? tt_input_fill(input) : TT_OK;
    *got = err == TT_OK && input->position < input->length;
    if (*got)
        *byte = input->buffer[input->position++];
    return err;
}

/* *got is false at the end of the blocks, too. */
static enum tt_err read_byte(struct codes *codes, uint8_t *byte, bool *got) {
    if (codes->block_left == 0) {
        enum tt_err err = read_input(&codes->input, byte, got);
        codes->block_left = *got ? *byte : 0;
        *got = codes->block_left > 0;
        if (err != TT_OK || !*got)
            return err;
    }
    codes->block_left--;
    return read_input(&codes->input, byte, got);
}

static enum tt_err read_code(struct codes *codes, uint32_t *code, bool *got) {
    *got = true;
    while (codes->bit_count < codes->width) {
        uint8_t byte;
        enum tt_err err = read_byte(codes, &byte, got);
        if (err != TT_OK || !*got)
            return err;
        codes->bits |= (uint32_t)byte << codes->bit_count;
        codes->bit_count += 8;
    }
    *code = codes->bits & ((UINT32_C(1) << codes->width) - 1);
    codes->bits >>= codes->width;
    codes->bit_count -= codes->width;
    return TT_OK;
}

static void clear(struct codes *codes) {
    codes->width = codes->first_width;
    codes->next = codes->clear + 2;
}

/* The first code behind a clear one makes no entry; it is counted all the same, and the width grows
 * one code later for it. */
static void add_entry(struct codes *codes) {
    codes->next++;
    if (codes->next > UINT32_C(1) << codes->width && codes->width < WIDTH_MAX)
        codes->width++;
}

enum tt_err tt_gif_codes_check(const struct tt_decoder *decoder, off_t offset, int64_t pixels) {
    struct codes codes = {0};
    uint8_t minimum = 0;
    bool got = false;
    int64_t left = CLEARS_FREE + pixels / PIXELS_PER_CLEAR;
    enum tt_err err = tt_input_init(&codes.input, decoder->fd, decoder->arena);
    codes.input.offset = offset;
    if (err == TT_OK)
        err = read_input(&codes.input, &minimum, &got);
    if (err != TT_OK || !got || minimum < 1 || minimum > 8)
        return err;
    codes.clear = UINT32_C(1) << minimum;
    codes.first_width = minimum + 1;
    clear(&codes);
    while (err == TT_OK && got && left >= 0) {
        uint32_t code = 0;
        err = read_code(&codes, &code, &got);
        if (err != TT_OK || !got || code == codes.clear + 1)
            break;
        if (code == codes.clear) {
            clear(&codes);
            left--;
        } else {
            add_entry(&codes);
        }
    }
    if (left < 0)
        return tt_err_refuse(TT_ERR_PICTURE_TOO_COSTLY,
                             "The GIF starts its compression anew more often than its pixels need, "
                             "and would take too long to read. Save it as a PNG.");
    return err;
}
