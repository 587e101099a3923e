/* The tables of picture formats and of positions. How each is read and written is in src/image. */
#include "tintype/picture.h"

#include <string.h>

static const struct tt_picture_format_row rows[TT_FORMAT_COUNT] = {
    [TT_FORMAT_NONE] = {"", "", "", ""},
    [TT_FORMAT_PNG] = {"PNG", "png", "png", "image/png"},
    [TT_FORMAT_JPEG] = {"JPEG", "jpeg", "jpg", "image/jpeg"},
    [TT_FORMAT_WEBP] = {"WEBP", "webp", "webp", "image/webp"},
    [TT_FORMAT_GIF] = {"GIF", "", "gif", "image/gif"},
    [TT_FORMAT_HEIC] = {"HEIC", "", "heic", "image/heic"},
    [TT_FORMAT_AVIF] = {"AVIF", "", "avif", "image/avif"},
};

const struct tt_picture_format_row *tt_picture_format_row(enum tt_picture_format format) {
    bool known = (int)format >= 0 && (int)format < TT_FORMAT_COUNT;

    return &rows[known ? format : TT_FORMAT_NONE];
}

bool tt_picture_preset_is_name(const char *text) {
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return length > 0 && length < TT_PICTURE_PRESET_SIZE && text[length] == '\0';
}

const char *tt_picture_position_name(enum tt_picture_position position) {
    static const char *const names[TT_POSITION_COUNT] = {
        [TT_POSITION_TOP_LEFT] = "top-left",
        [TT_POSITION_TOP] = "top",
        [TT_POSITION_TOP_RIGHT] = "top-right",
        [TT_POSITION_LEFT] = "left",
        [TT_POSITION_CENTER] = "center",
        [TT_POSITION_RIGHT] = "right",
        [TT_POSITION_BOTTOM_LEFT] = "bottom-left",
        [TT_POSITION_BOTTOM] = "bottom",
        [TT_POSITION_BOTTOM_RIGHT] = "bottom-right",
    };

    return names[position];
}
