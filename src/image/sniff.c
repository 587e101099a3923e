/* Sniff: the format of a file by its first bytes, whatever its name says. */
#include <stdbool.h>
#include <string.h>

#include "tintype/image.h"

#define STARTS_WITH(bytes, length, text) starts_with(bytes, length, text, sizeof(text) - 1)

static bool starts_with(const uint8_t *bytes, size_t length, const char *text, size_t text_length) {
    return length >= text_length && memcmp(bytes, text, text_length) == 0;
}

/* ISO/IEC 23008-12, 10.2 (heic, heix, mif1) and 10.3 (hevc, hevx, msf1), 10.4 of its multi-layer
 * pictures; AV1 Image File Format 1.1, 6 (avif, avis). */
static enum tt_picture_format format_of_brand(const uint8_t brand[4]) {
    static const char heic[][5] = {"heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"};
    if (memcmp(brand, "avif", 4) == 0 || memcmp(brand, "avis", 4) == 0)
        return TT_FORMAT_AVIF;
    for (size_t i = 0; i < sizeof heic / sizeof *heic; i++)
        if (memcmp(brand, heic[i], 4) == 0)
            return TT_FORMAT_HEIC;
    return TT_FORMAT_NONE;
}

/* A file type box (ISO/IEC 14496-12, 4.3): its size, "ftyp", the major brand, a version, compatible
 * brands. mif1 and msf1 name the container alone; a compatible brand then says what is in it. */
static enum tt_picture_format sniff_brands(const uint8_t *bytes, size_t length) {
    if (length < 12 || memcmp(bytes + 4, "ftyp", 4) != 0)
        return TT_FORMAT_NONE;
    enum tt_picture_format format = format_of_brand(bytes + 8);
    if (format != TT_FORMAT_NONE ||
        (memcmp(bytes + 8, "mif1", 4) != 0 && memcmp(bytes + 8, "msf1", 4) != 0))
        return format;
    size_t box_bytes =
        (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | (size_t)bytes[3];
    if (length > box_bytes)
        length = box_bytes;
    for (size_t at = 16; at + 4 <= length && format == TT_FORMAT_NONE; at += 4)
        format = format_of_brand(bytes + at);
    return format;
}

enum tt_picture_format tt_image_sniff(const uint8_t *bytes, size_t length) {
    if (STARTS_WITH(bytes, length, "\x89PNG\r\n\x1a\n"))
        return TT_FORMAT_PNG;
    if (STARTS_WITH(bytes, length, "\xff\xd8\xff"))
        return TT_FORMAT_JPEG;
    if (STARTS_WITH(bytes, length, "GIF87a") || STARTS_WITH(bytes, length, "GIF89a"))
        return TT_FORMAT_GIF;
    if (STARTS_WITH(bytes, length, "RIFF") && length >= 12 && memcmp(bytes + 8, "WEBP", 4) == 0)
        return TT_FORMAT_WEBP;
    return sniff_brands(bytes, length);
}
