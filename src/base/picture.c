/* The tables of picture formats, fits and positions. How pictures are read and written is in
 * src/image. */
#include "tintype/picture.h"

#include <string.h>

static const struct tt_picture_format_row rows[TT_FORMAT_COUNT] = {
    [TT_FORMAT_NONE] = {"", "", ""},
    [TT_FORMAT_PNG] = {"PNG", "png", "image/png"},
    [TT_FORMAT_JPEG] = {"JPEG", "jpg", "image/jpeg"},
    [TT_FORMAT_WEBP] = {"WEBP", "webp", "image/webp"},
    [TT_FORMAT_GIF] = {"GIF", "gif", "image/gif"},
    [TT_FORMAT_HEIC] = {"HEIC", "heic", "image/heic"},
    [TT_FORMAT_AVIF] = {"AVIF", "avif", "image/avif"},
};

const struct tt_text_choice tt_picture_formats[] = {
    {"png", TT_FORMAT_PNG}, {"jpeg", TT_FORMAT_JPEG}, {"webp", TT_FORMAT_WEBP}, {NULL, 0}};

const struct tt_text_choice tt_picture_fits[] = {
    {"inside", TT_FIT_INSIDE}, {"cover", TT_FIT_COVER}, {"fill", TT_FIT_FILL}, {NULL, 0}};

const struct tt_text_choice tt_picture_positions[] = {{"top-left", TT_POSITION_TOP_LEFT},
                                                      {"top", TT_POSITION_TOP},
                                                      {"top-right", TT_POSITION_TOP_RIGHT},
                                                      {"left", TT_POSITION_LEFT},
                                                      {"center", TT_POSITION_CENTER},
                                                      {"right", TT_POSITION_RIGHT},
                                                      {"bottom-left", TT_POSITION_BOTTOM_LEFT},
                                                      {"bottom", TT_POSITION_BOTTOM},
                                                      {"bottom-right", TT_POSITION_BOTTOM_RIGHT},
                                                      {NULL, 0}};

const struct tt_picture_format_row *tt_picture_format_row(enum tt_picture_format format) {
    bool known = (int)format >= 0 && (int)format < TT_FORMAT_COUNT;
    return &rows[known ? format : TT_FORMAT_NONE];
}

enum tt_err tt_picture_refuse_format(void) {
    struct tt_text_choice names[TT_FORMAT_COUNT] = {0};
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++)
        names[i - 1].name = rows[i].name;
    char list[64];
    tt_text_choice_list(names, list, sizeof list);
    return tt_err_refuse(TT_ERR_PICTURE_TYPE,
                         "These bytes are no picture of a format that is accepted: %s.", list);
}

bool tt_picture_preset_is_name(const char *text) {
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < TT_PICTURE_PRESET_SIZE && text[length] == '\0';
}
