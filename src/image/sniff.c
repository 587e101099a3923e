/* Sniff: the format of a file by its first bytes, whatever its name says. A new format is one row
 * of one of the two tables here. */
#include <stdbool.h>
#include <string.h>

#include "tintype/image.h"

#define TAG_OFFSET 8
#define TAG_BYTES  4

/* What files of a format begin with and, where that is not enough, the tag at TAG_OFFSET. */
static const struct {
    enum tt_picture_format format;
    size_t start_bytes;
    const char *start;
    const char *tag; /* NULL for none */
} signatures[] = {
    {TT_FORMAT_PNG, 8, "\x89PNG\r\n\x1a\n", NULL},
    {TT_FORMAT_JPEG, 3, "\xff\xd8\xff", NULL},
    {TT_FORMAT_GIF, 6, "GIF87a", NULL},
    {TT_FORMAT_GIF, 6, "GIF89a", NULL},
    {TT_FORMAT_WEBP, 4, "RIFF", "WEBP"},
};

/* The brands of ISO/IEC 23008-12, 10.2 (heic, heix) and 10.3 (hevc, hevx), of its multi-layer
 * pictures, 10.4, and of AV1 Image File Format 1.1, 6 (avif, avis). */
static const struct {
    char name[TAG_BYTES + 1];
    enum tt_picture_format format;
} brands[] = {
    {"heic", TT_FORMAT_HEIC}, {"heix", TT_FORMAT_HEIC}, {"heim", TT_FORMAT_HEIC},
    {"heis", TT_FORMAT_HEIC}, {"hevc", TT_FORMAT_HEIC}, {"hevx", TT_FORMAT_HEIC},
    {"hevm", TT_FORMAT_HEIC}, {"hevs", TT_FORMAT_HEIC}, {"avif", TT_FORMAT_AVIF},
    {"avis", TT_FORMAT_AVIF},
};

static bool has_tag(const uint8_t *bytes, size_t length, size_t offset, const char *tag) {
    return length >= offset + TAG_BYTES && memcmp(bytes + offset, tag, TAG_BYTES) == 0;
}

static enum tt_picture_format format_of_brand(const uint8_t *brand) {
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++)
        if (memcmp(brand, brands[i].name, TAG_BYTES) == 0)
            return brands[i].format;
    return TT_FORMAT_NONE;
}

/* A file type box (ISO/IEC 14496-12, 4.3) has its size, "ftyp", the major brand, a version and
 * compatible brands. mif1 and msf1 name the container alone, so that a compatible brand says what
 * is in it. */
static enum tt_picture_format sniff_brands(const uint8_t *bytes, size_t length) {
    if (length < TAG_OFFSET + TAG_BYTES || !has_tag(bytes, length, 4, "ftyp"))
        return TT_FORMAT_NONE;
    enum tt_picture_format format = format_of_brand(bytes + TAG_OFFSET);
    if (format != TT_FORMAT_NONE || (!has_tag(bytes, length, TAG_OFFSET, "mif1") &&
                                     !has_tag(bytes, length, TAG_OFFSET, "msf1")))
        return format;
    size_t box_bytes =
        (size_t)bytes[0] << 24 | (size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | (size_t)bytes[3];
    if (length > box_bytes)
        length = box_bytes;
    for (size_t at = 16; at + TAG_BYTES <= length && format == TT_FORMAT_NONE; at += TAG_BYTES)
        format = format_of_brand(bytes + at);
    return format;
}

enum tt_picture_format tt_image_sniff(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++)
        if (length >= signatures[i].start_bytes &&
            memcmp(bytes, signatures[i].start, signatures[i].start_bytes) == 0 &&
            (!signatures[i].tag || has_tag(bytes, length, TAG_OFFSET, signatures[i].tag)))
            return signatures[i].format;
    return sniff_brands(bytes, length);
}
