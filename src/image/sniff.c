/* Sniff: the format of a file by its first bytes, whatever its name says. */
#include <string.h>

#include "tintype/image.h"

enum tt_picture_format tt_image_sniff(const uint8_t *bytes, size_t length) {
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
    if (length >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
        return TT_FORMAT_PNG;
    if (length >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0)
        return TT_FORMAT_JPEG;
    return TT_FORMAT_NONE;
}
