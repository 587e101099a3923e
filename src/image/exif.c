/* Exif: reads one tag of a hostile TIFF structure; every offset is held against the length first.
 *
 * CIPA DC-008 (Exif 2.32), 4.6.2 and 4.6.4; TIFF 6.0, section 2. */
#include "image/exif.h"

#include <stdbool.h>
#include <string.h>

#define HEADER_BYTES    8
#define ENTRY_BYTES     12
#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT      3
#define TYPE_LONG       4 /* not what the specification asks for, but some writers use it */

struct block {
    const uint8_t *bytes;
    bool big_endian;
};

static uint32_t read_16(const struct block *block, size_t at) {
    const uint8_t *b = block->bytes + at;
    return block->big_endian ? (uint32_t)b[0] << 8 | b[1] : (uint32_t)b[1] << 8 | b[0];
}

static uint32_t read_32(const struct block *block, size_t at) {
    uint32_t first = read_16(block, at);
    uint32_t second = read_16(block, at + 2);
    return block->big_endian ? first << 16 | second : second << 16 | first;
}

/* Returns the value of an entry with that tag, 1 when it makes no sense. */
static int entry_orientation(const struct block *block, size_t entry) {
    uint32_t type = read_16(block, entry + 2);
    uint32_t count = read_32(block, entry + 4);
    uint32_t value = 1;
    if (count == 1 && type == TYPE_SHORT)
        value = read_16(block, entry + 8);
    else if (count == 1 && type == TYPE_LONG)
        value = read_32(block, entry + 8);
    return value >= 1 && value <= 8 ? (int)value : 1;
}

int tt_exif_orientation(const uint8_t *tiff, size_t length) {
    if (length < HEADER_BYTES)
        return 1;
    struct block block = {.bytes = tiff, .big_endian = memcmp(tiff, "MM\0*", 4) == 0};
    if (!block.big_endian && memcmp(tiff, "II*\0", 4) != 0)
        return 1;
    size_t directory = read_32(&block, 4);
    if (directory > length || length - directory < 2)
        return 1;
    size_t entries = read_16(&block, directory);
    size_t first = directory + 2;
    size_t room = (length - first) / ENTRY_BYTES;
    if (entries > room)
        entries = room;
    for (size_t i = 0; i < entries; i++) {
        size_t entry = first + i * ENTRY_BYTES;
        if (read_16(&block, entry) == TAG_ORIENTATION)
            return entry_orientation(&block, entry);
    }
    return 1;
}
