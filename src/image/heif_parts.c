/* HEIF parts: a bounded walk over the meta box of a HEIC or AVIF (ISO/IEC 14496-12, 8.11), which
 * comes before libheif is handed the file. Here: the primary picture's number, and which picture is
 * made of which. What pictures are, how large they are and where they lie is left to libheif. */
#include "image/heif_parts.h"

#include <string.h>

#include "tintype/file.h"

#define BOXES_MAX           1000 /* of the file, and of its meta box */
#define REFERENCE_BYTES_MAX (1 << 20)
#define SOURCES_MAX         4096
#define PARTS_MAX           32768
#define STEPS_MAX           (8 << 20) /* some 10 ms */
#define DEPTH_MAX           4         /* a phone's grid has tiles, and they may have alpha: 2 */

/* Beyond four times the picture's own pixels, of which alpha is one, decoding is not for it. A
 * small picture may be cut from a few large tiles. */
#define PIXELS_FACTOR 4
#define PIXELS_FREE   (INT64_C(4) << 20)

#define DAMAGED                                                                                    \
    "The picture is damaged: the boxes of its header do not fit into each other. Send it again, "  \
    "or save it again from a program that can still open it."

struct box {
    uint8_t type[4];
    int64_t offset; /* in the file, of what is in it */
    int64_t end;
};

/* A picture that names others: its parts (dimg), or the one that it is the alpha or the depth map
 * of (auxl). */
struct source {
    uint32_t id;
    bool is_auxiliary;
    const uint8_t *names; /* of name_bytes each */
    int name_count;
    int name_bytes;
};

struct walk {
    const struct tt_decoder *decoder;
    struct tt_heif_parts *parts;
    struct source *sources;
    int source_count;
    bool has_primary;
    uint32_t primary;
    int64_t parts_max;
    int64_t steps;
    uint32_t path[DEPTH_MAX + 1]; /* from the primary picture to the one that is visited */
};

static enum tt_err damaged(void) {
    return tt_err_refuse(TT_ERR_PICTURE_BROKEN, DAMAGED);
}

static enum tt_err too_costly(void) {
    return tt_err_refuse(TT_ERR_PICTURE_TOO_COSTLY,
                         "The picture is made of more pictures than one of its size needs, and "
                         "would take too long to put together. Save it as a JPEG or a PNG.");
}

static uint64_t load(const uint8_t *bytes, int length) {
    uint64_t value = 0;
    for (int i = 0; i < length; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* ---- boxes ---- */

static enum tt_err read_bytes(const struct walk *walk, int64_t offset, uint8_t *bytes,
                              size_t length) {
    size_t got = 0;
    enum tt_err err = tt_file_read_at(walk->decoder->fd, (off_t)offset, bytes, length, &got);
    return err == TT_OK && got < length ? damaged() : err;
}

/* Reads the head of the box that begins at offset, in a room that ends at end, and tells whether it
 * fits in there. A length of 1 says that 64 bits of it follow, one of 0 that the box fills the
 * room.
 */
static enum tt_err read_box(const struct walk *walk, int64_t offset, int64_t end, struct box *box,
                            bool *fits) {
    uint8_t head[16] = {0};
    size_t got = 0;
    enum tt_err err = tt_file_read_at(walk->decoder->fd, (off_t)offset, head, sizeof head, &got);
    uint64_t length = load(head, 4);
    memcpy(box->type, head + 4, sizeof box->type);
    int64_t head_bytes = length == 1 ? 16 : 8;
    if (length == 1)
        length = load(head + 8, 8);
    else if (length == 0)
        length = (uint64_t)(end - offset);
    *fits = length >= (uint64_t)head_bytes && length <= (uint64_t)(end - offset);
    box->offset = offset + head_bytes;
    box->end = *fits ? offset + (int64_t)length : end;
    return err;
}

static bool is_named(const struct box *box, const char *type) {
    return memcmp(box->type, type, sizeof box->type) == 0;
}

/* Reads all of a box into the arena; one that is too long to be honest is refused. NULL on failure.
 */
static const uint8_t *read_whole(const struct walk *walk, const struct box *box, enum tt_err *err) {
    size_t length = (size_t)(box->end - box->offset);
    if (length > REFERENCE_BYTES_MAX) {
        *err = too_costly();
        return NULL;
    }
    uint8_t *bytes = tt_arena_alloc(walk->decoder->arena, length + 1); /* it gives no empty piece */
    *err = bytes ? read_bytes(walk, box->offset, bytes, length) : TT_ERR_NO_MEMORY;
    return *err == TT_OK ? bytes : NULL;
}

/* ---- what the boxes say ---- */

/* The first byte of these boxes is their version; three bytes of flags follow. */
static enum tt_err read_primary(struct walk *walk, const struct box *box) {
    uint8_t bytes[8] = {0};
    int64_t length = box->end - box->offset;
    if (length < 6)
        return damaged();
    enum tt_err err = read_bytes(walk, box->offset, bytes, length < 8 ? 6 : 8);
    if (err != TT_OK || walk->has_primary)
        return err;
    walk->has_primary = true;
    walk->primary = (uint32_t)load(bytes + 4, bytes[0] == 0 ? 2 : 4);
    return TT_OK;
}

/* One box of references: its length and its type, who names, how many are named, and they. */
static enum tt_err read_source(struct walk *walk, const uint8_t *bytes, int64_t length,
                               int id_bytes) {
    if (length < 8 + id_bytes + 2)
        return damaged();
    const uint8_t *names = bytes + 8 + id_bytes + 2;
    int count = (int)load(names - 2, 2);
    bool is_auxiliary = memcmp(bytes + 4, "auxl", 4) == 0;
    if (length < 8 + id_bytes + 2 + (int64_t)count * id_bytes)
        return damaged();
    if (!is_auxiliary && memcmp(bytes + 4, "dimg", 4) != 0)
        return TT_OK;
    if (walk->source_count == SOURCES_MAX)
        return too_costly();
    walk->sources[walk->source_count++] =
        (struct source){(uint32_t)load(bytes + 8, id_bytes), is_auxiliary, names, count, id_bytes};
    return TT_OK;
}

static enum tt_err read_references(struct walk *walk, const struct box *box) {
    int64_t length = box->end - box->offset;
    enum tt_err err;
    const uint8_t *bytes = read_whole(walk, box, &err);
    if (!bytes)
        return err;
    if (length < 4)
        return damaged();
    for (int64_t at = 4; err == TT_OK && at < length;) {
        int64_t left = length - at;
        int64_t box_bytes = left < 8 ? left : (int64_t)load(bytes + at, 4);
        if (box_bytes < 8 || box_bytes > left)
            return damaged();
        err = read_source(walk, bytes + at, box_bytes, bytes[0] == 0 ? 2 : 4);
        at += box_bytes;
    }
    return err;
}

static enum tt_err read_meta(struct walk *walk, const struct box *meta) {
    struct box box;
    bool fits;
    int count = 0;
    for (int64_t at = meta->offset + 4; at < meta->end; at = box.end) {
        enum tt_err err = read_box(walk, at, meta->end, &box, &fits);
        if (err == TT_OK && (!fits || count++ == BOXES_MAX))
            err = damaged();
        if (err == TT_OK && is_named(&box, "pitm"))
            err = read_primary(walk, &box);
        if (err == TT_OK && is_named(&box, "iref"))
            err = read_references(walk, &box);
        if (err != TT_OK)
            return err;
    }
    return TT_OK;
}

/* The walk ends at a box that is longer than the file: libheif cannot read on from there either,
 * and says what is missing. */
static enum tt_err read_file(struct walk *walk, int64_t file_bytes) {
    struct box box;
    bool fits = true;
    bool has_meta = false;
    int count = 0;
    for (int64_t at = 0; at < file_bytes; at = box.end) {
        enum tt_err err = read_box(walk, at, file_bytes, &box, &fits);
        if (err != TT_OK || !fits)
            return err;
        if (count++ == BOXES_MAX || (has_meta && is_named(&box, "meta")))
            return damaged();
        if (!is_named(&box, "meta"))
            continue;
        has_meta = true;
        err = read_meta(walk, &box);
        if (err != TT_OK)
            return err;
    }
    return TT_OK;
}

/* ---- the way from the primary picture to all that is decoded for it ---- */

static bool names(struct walk *walk, const struct source *source, uint32_t id) {
    for (int i = 0; i < source->name_count; i++)
        if (load(source->names + (size_t)i * (size_t)source->name_bytes, source->name_bytes) ==
            id) {
            walk->steps += i;
            return true;
        }
    walk->steps += source->name_count;
    return false;
}

static enum tt_err count_part(struct walk *walk, uint32_t id, int depth) {
    for (int i = 0; i < depth; i++)
        if (walk->path[i] == id)
            return tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                                 "The picture is damaged: it is a part of itself. Save it again "
                                 "from a program that can still open it.");
    if (depth > DEPTH_MAX || walk->parts->count >= walk->parts_max || walk->steps > STEPS_MAX)
        return too_costly();
    walk->path[depth] = id;
    walk->parts->ids[walk->parts->count++] = id;
    return TT_OK;
}

/* Counts the picture, what it is made of, and what else is decoded with it. */
static enum tt_err visit(struct walk *walk, uint32_t id, int depth) {
    enum tt_err err = count_part(walk, id, depth);
    for (int i = 0; err == TT_OK && i < walk->source_count; i++) {
        const struct source *source = &walk->sources[i];
        walk->steps++;
        if (source->is_auxiliary) {
            if (names(walk, source, id))
                err = visit(walk, source->id, depth + 1);
            continue;
        }
        for (int n = 0; err == TT_OK && source->id == id && n < source->name_count; n++) {
            const uint8_t *name = source->names + (size_t)n * (size_t)source->name_bytes;
            err = visit(walk, (uint32_t)load(name, source->name_bytes), depth + 1);
        }
    }
    return err;
}

static int64_t parts_allowed(int64_t pixels) {
    return TT_HEIF_PARTS_FREE + pixels / TT_HEIF_PIXELS_PER_PART;
}

enum tt_err tt_heif_parts_read(struct tt_heif_parts *parts, const struct tt_decoder *decoder,
                               int64_t file_bytes) {
    struct walk walk = {
        .decoder = decoder, .parts = parts, .parts_max = parts_allowed(decoder->limits.max_pixels)};
    if (walk.parts_max > PARTS_MAX)
        walk.parts_max = PARTS_MAX;
    *parts = (struct tt_heif_parts){0};
    walk.sources = tt_arena_alloc_array(decoder->arena, SOURCES_MAX, sizeof *walk.sources);
    parts->ids = tt_arena_alloc_array(decoder->arena, (size_t)walk.parts_max, sizeof *parts->ids);
    if (!walk.sources || !parts->ids)
        return TT_ERR_NO_MEMORY;
    enum tt_err err = read_file(&walk, file_bytes);
    return err == TT_OK && walk.has_primary ? visit(&walk, walk.primary, 0) : err;
}

enum tt_err tt_heif_parts_check(const struct tt_heif_parts *parts, int64_t pixels,
                                int64_t part_pixels) {
    bool is_in_proportion = parts->count <= parts_allowed(pixels) &&
                            part_pixels <= PIXELS_FACTOR * pixels + PIXELS_FREE;
    return is_in_proportion ? TT_OK : too_costly();
}
