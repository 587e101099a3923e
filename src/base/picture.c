/* The table of picture formats. How each is read and written is in src/image. */
#include "tintype/picture.h"

static const struct tt_picture_format_row rows[TT_FORMAT_COUNT] = {
    [TT_FORMAT_NONE] = {"", "", "", ""},
    [TT_FORMAT_PNG] = {"PNG", "png", "png", "image/png"},
    [TT_FORMAT_JPEG] = {"JPEG", "jpeg", "jpg", "image/jpeg"},
};

const struct tt_picture_format_row *tt_picture_format_row(enum tt_picture_format format) {
    bool known = (int)format >= 0 && (int)format < TT_FORMAT_COUNT;

    return &rows[known ? format : TT_FORMAT_NONE];
}
