/* Watermark: a text or a picture over a result.
 *
 * Here: loading what is drawn, its place, and blending it row by row. How a text becomes an overlay
 * is watermark_text.c's.
 *
 * The overlay is made once, when the result's size is known; rows above and below it are handed
 * through as they are. */
#include "image/watermark.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image/codec.h"
#include "image/colour.h"
#include "image/luma.h"
#include "image/operations.h"
#include "image/overlay.h"
#include "image/watermark_text.h"
#include "tintype/file.h"
#include "tintype/image.h"

#define FONT_MAX_BYTES  ((off_t)32 << 20) /* fonts of 65535 glyphs have some 20 MiB */
#define IMAGE_MAX_PX    ((int64_t)16 << 20)
#define IMAGE_SIDE_PX   2048 /* a larger one is reduced once, so each rendering need not */
#define CHUNK_MAX_BYTES ((int64_t)8 << 20)
/* This is enough for an interlaced picture of IMAGE_MAX_PX, turned, and for what converts it by the
 * largest profile. */
#define LOAD_MAX_BYTES ((size_t)288 << 20)

/* ---- loading ---- */

/* Turns the failure at hand into one of the configuration, about that file. */
static enum tt_err blame_file(enum tt_err err, const char *what, const char *path) {
    if (err == TT_ERR_NO_MEMORY)
        return err;
    const struct tt_err_note note = tt_err_take(err);
    return tt_err_fail(TT_ERR_CONFIG, "%s %s: %s", what, path, note.cause);
}

static enum tt_err open_file(int *fd, off_t *length, const char *path) {
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0)
        return tt_err_fail_errno(TT_ERR_CONFIG, "open");
    struct stat status;
    if (fstat(*fd, &status) != 0)
        return tt_err_fail_errno(TT_ERR_CONFIG, "fstat");
    if (!S_ISREG(status.st_mode))
        return tt_err_fail(TT_ERR_CONFIG, "not a regular file");
    *length = status.st_size;
    return TT_OK;
}

static enum tt_err read_font(struct tt_watermark *watermark, int fd, off_t length,
                             struct tt_arena *arena) {
    if (length <= 0 || length > FONT_MAX_BYTES)
        return tt_err_fail(TT_ERR_CONFIG, "%lld bytes; a font has 1 to %lld", (long long)length,
                           (long long)FONT_MAX_BYTES);
    watermark->font = malloc((size_t)length);
    if (!watermark->font)
        return tt_err_fail(TT_ERR_NO_MEMORY, "a font of %lld bytes", (long long)length);
    enum tt_err err =
        tt_file_read_at(fd, 0, watermark->font, (size_t)length, &watermark->font_bytes);
    if (err == TT_OK)
        err = tt_watermark_font_check(watermark->font, watermark->font_bytes, arena);
    return err;
}

/* Turns a row of any kind into RGBA. */
static void spread_row(uint8_t *to, const uint8_t *from, int width_px, int channels) {
    int colours = channels - (channels + 1) % 2;
    for (int x = 0; x < width_px; x++, from += channels, to += 4) {
        for (int colour = 0; colour < 3; colour++)
            to[colour] = from[colours == 3 ? colour : 0];
        to[3] = channels > colours ? from[colours] : 255;
    }
}

/* A keeper is the end of the way of a watermark's picture: its rows become the watermark's. */
struct keeper {
    struct tt_row_sink base;
    uint8_t *next_row; /* RGBA, in the watermark */
};

static enum tt_err keep_row(struct tt_row_sink *sink, const uint8_t *row) {
    struct keeper *self = (struct keeper *)sink;
    spread_row(self->next_row, row, sink->width_px, sink->channels);
    self->next_row += (size_t)sink->width_px * 4;
    return TT_OK;
}

/* The picture is kept with at most IMAGE_SIDE_PX on a side, in proportion. */
static enum tt_err open_keeper(struct keeper *keeper, struct tt_watermark *watermark,
                               const struct tt_picture_header *header) {
    bool swaps_sides = tt_orientation_swaps_sides(header->orientation);
    int width_px = swaps_sides ? header->height_px : header->width_px;
    int height_px = swaps_sides ? header->width_px : header->height_px;
    int longer_px = width_px > height_px ? width_px : height_px;
    double scale = fmin((double)IMAGE_SIDE_PX / longer_px, 1);
    watermark->image_width_px = (int)fmax(rint(width_px * scale), 1);
    watermark->image_height_px = (int)fmax(rint(height_px * scale), 1);
    watermark->image =
        malloc((size_t)watermark->image_width_px * (size_t)watermark->image_height_px * 4);
    if (!watermark->image)
        return tt_err_fail(TT_ERR_NO_MEMORY, "a watermark of %d x %d pixels",
                           watermark->image_width_px, watermark->image_height_px);
    *keeper = (struct keeper){
        .base = {.width_px = watermark->image_width_px,
                 .height_px = watermark->image_height_px,
                 .channels = header->channels,
                 .put = keep_row},
        .next_row = watermark->image,
    };
    return TT_OK;
}

/* The way from the decoder to the keeper makes the picture upright, then small, then sRGB, as
 * results are. */
static enum tt_err open_way(struct tt_row_sink **sink, struct keeper *keeper,
                            const struct tt_picture_header *header, struct tt_arena *arena) {
    bool swaps_sides = tt_orientation_swaps_sides(header->orientation);
    int width_px = swaps_sides ? header->height_px : header->width_px;
    int height_px = swaps_sides ? header->width_px : header->height_px;
    struct tt_row_box whole = {.right = width_px, .bottom = height_px};
    struct tt_colour_transform *colour;
    enum tt_err err = tt_colour_transform_open(&colour, header->icc_profile, header->icc_bytes,
                                               (enum tt_colour_samples)header->channels, arena);
    if (err == TT_OK)
        err = tt_colour_open(sink, &keeper->base, colour, arena);
    if (err == TT_OK)
        err = tt_resample_open(sink, *sink, width_px, height_px, &whole, arena);
    if (err == TT_OK)
        err = tt_orient_open(sink, *sink, header->orientation, arena);
    return err;
}

static enum tt_err decode_image(struct tt_watermark *watermark, struct tt_decoder *decoder,
                                const struct tt_picture_header *header, struct tt_arena *arena) {
    struct keeper keeper;
    struct tt_row_sink *sink;
    struct tt_row_source *rows;
    enum tt_err err = open_keeper(&keeper, watermark, header);
    if (err == TT_OK)
        err = open_way(&sink, &keeper, header, arena);
    if (err == TT_OK)
        err = tt_decoder_start(decoder, false, &rows);
    for (int y = 0; err == TT_OK && y < header->height_px; y++) {
        const uint8_t *row;
        err = rows->next(rows, &row);
        if (err == TT_OK)
            err = sink->put(sink, row);
    }
    return err == TT_OK ? tt_decoder_finish(decoder) : err;
}

/* The decoder's limits hold, however long the file is. */
static enum tt_err read_image(struct tt_watermark *watermark, int fd, off_t length,
                              struct tt_arena *arena) {
    (void)length;
    static const struct tt_picture_limits limits = {.max_pixels = IMAGE_MAX_PX,
                                                    .max_memory_bytes = LOAD_MAX_BYTES,
                                                    .max_chunk_bytes = CHUNK_MAX_BYTES,
                                                    .max_scans = 1};
    struct tt_picture_header header;
    struct tt_decoder *decoder;
    enum tt_err err = tt_decoder_open(&decoder, fd, arena, &limits, &header);

    if (err == TT_OK && header.format != TT_FORMAT_PNG)
        err = tt_err_fail(TT_ERR_CONFIG, "not a PNG");
    if (err == TT_OK)
        err = decode_image(watermark, decoder, &header, arena);
    tt_decoder_close(decoder);
    return err;
}

typedef enum tt_err read_part(struct tt_watermark *, int fd, off_t length, struct tt_arena *);

static enum tt_err load_part(struct tt_watermark *watermark, const char *path, const char *what,
                             read_part *read) {
    if (*path == '\0')
        return TT_OK;
    struct tt_arena arena;
    tt_arena_init(&arena, LOAD_MAX_BYTES);
    off_t length = 0;
    int fd;
    enum tt_err err = open_file(&fd, &length, path);
    if (err == TT_OK)
        err = read(watermark, fd, length, &arena);
    tt_file_close(&fd);
    tt_arena_fini(&arena);
    return err == TT_OK ? TT_OK : blame_file(err, what, path);
}

enum tt_err tt_watermark_load(struct tt_watermark **watermark, const char *font_path,
                              const char *image_path) {
    *watermark = NULL;
    struct tt_watermark *loaded = calloc(1, sizeof *loaded);
    if (!loaded)
        return tt_err_fail(TT_ERR_NO_MEMORY, "a watermark");
    enum tt_err err = load_part(loaded, font_path, "the watermark's font", read_font);
    if (err == TT_OK)
        err = load_part(loaded, image_path, "the watermark's picture", read_image);
    if (err != TT_OK) {
        tt_watermark_free(loaded);
        return err;
    }
    *watermark = loaded;
    return TT_OK;
}

void tt_watermark_free(struct tt_watermark *watermark) {
    if (!watermark)
        return;
    free(watermark->font);
    free(watermark->image);
    free(watermark);
}

/* ---- sizes ---- */

static double percent_of_shorter(int width_px, int height_px, int percent) {
    return (width_px < height_px ? width_px : height_px) * (double)percent / 100;
}

static int margin_of(int width_px, int height_px, const struct tt_picture_watermark *wanted) {
    return (int)lrint(percent_of_shorter(width_px, height_px, wanted->margin_percent));
}

static struct tt_overlay_room room_of(int width_px, int height_px,
                                      const struct tt_picture_watermark *wanted) {
    int margin_px = margin_of(width_px, height_px, wanted);
    return (struct tt_overlay_room){width_px - 2 * margin_px, height_px - 2 * margin_px};
}

/* Returns the place along one axis; step is 0 at its start, 1 in its middle, 2 at its end. */
static int place(int step, int side_px, int size_px, int margin_px) {
    if (step == 1)
        return (side_px - size_px) / 2;
    return step == 0 ? margin_px : side_px - margin_px - size_px;
}

static void place_overlay(struct tt_overlay *overlay, const struct tt_row_sink *to,
                          const struct tt_picture_watermark *wanted) {
    _Static_assert(TT_POSITION_COUNT == 9, "positions are three rows of three");
    int margin_px = margin_of(to->width_px, to->height_px, wanted);

    overlay->left_px = place((int)wanted->position % 3, to->width_px, overlay->width_px, margin_px);
    overlay->top_px =
        place((int)wanted->position / 3, to->height_px, overlay->height_px, margin_px);
}

/* ---- a picture as overlay ---- */

static int scale_side(int side_px, double scale, int most_px) {
    int scaled_px = (int)fmin(rint(side_px * scale), most_px);
    return scaled_px > 0 ? scaled_px : 1;
}

/* A painter is the end of the way of a picture that becomes an overlay. */
struct painter {
    struct tt_row_sink base;
    int colours; /* of the overlay */
    uint8_t *next_row;
};

static enum tt_err paint_row(struct tt_row_sink *sink, const uint8_t *row) {
    struct painter *self = (struct painter *)sink;
    size_t row_bytes = (size_t)sink->width_px * (size_t)(self->colours + 1);
    if (self->colours == 1)
        tt_luma_row(self->next_row, row, (size_t)sink->width_px, 4);
    else
        memcpy(self->next_row, row, row_bytes);
    self->next_row += row_bytes;
    return TT_OK;
}

/* Returns an overlay without samples, of the picture's size in the room. */
static struct tt_overlay size_image(const struct tt_watermark *watermark, double shorter_px,
                                    struct tt_overlay_room room, int colours) {
    int width_px = watermark->image_width_px;
    int height_px = watermark->image_height_px;
    double scale = shorter_px / (width_px < height_px ? width_px : height_px);
    scale = fmin(scale, (double)room.width_px / width_px);
    scale = fmin(scale, (double)room.height_px / height_px);
    return (struct tt_overlay){.width_px = scale_side(width_px, scale, room.width_px),
                               .height_px = scale_side(height_px, scale, room.height_px),
                               .colours = colours};
}

static enum tt_err draw_image(struct tt_overlay *overlay, const struct tt_watermark *watermark,
                              double shorter_px, struct tt_overlay_room room, int colours,
                              struct tt_arena *arena) {
    if (room.width_px <= 0 || room.height_px <= 0)
        return TT_OK;
    *overlay = size_image(watermark, shorter_px, room, colours);
    overlay->samples = tt_arena_alloc_array(arena, (size_t)overlay->height_px,
                                            (size_t)overlay->width_px * (size_t)(colours + 1));
    if (!overlay->samples)
        return TT_ERR_NO_MEMORY;
    struct painter painter = {.base = {.width_px = overlay->width_px,
                                       .height_px = overlay->height_px,
                                       .channels = 4,
                                       .put = paint_row},
                              .colours = colours,
                              .next_row = overlay->samples};
    struct tt_row_box whole = {.right = watermark->image_width_px,
                               .bottom = watermark->image_height_px};
    struct tt_row_sink *sink;
    enum tt_err err = tt_resample_open(&sink, &painter.base, watermark->image_width_px,
                                       watermark->image_height_px, &whole, arena);
    const uint8_t *row = watermark->image;
    for (int y = 0; err == TT_OK && y < sink->height_px; y++) {
        err = sink->put(sink, row);
        row += (size_t)watermark->image_width_px * 4;
    }
    return err;
}

/* ---- rows ---- */

struct marked {
    struct tt_row_sink base;
    struct tt_row_sink *to;
    struct tt_overlay overlay;
    int next_row;
    uint8_t *out;
};

/* Source over: Porter and Duff, "Compositing Digital Images", 1984, with straight alpha: colour is
 * (c a + c' a' (1 - a)) / (a + a' (1 - a)). Sums of three bytes' products, rounded once. */
static void blend_pixel(uint8_t *pixel, int colours, bool has_alpha, const uint8_t *over,
                        int over_colours) {
    int alpha = over[over_colours];
    int under_alpha = has_alpha ? pixel[colours] : 255;
    int over_share = alpha * 255;
    int under_share = under_alpha * (255 - alpha);
    int shares = over_share + under_share;
    if (alpha == 0)
        return;
    for (int colour = 0; colour < colours; colour++) {
        int over_colour = over[over_colours == 3 ? colour : 0];
        pixel[colour] =
            (uint8_t)((over_colour * over_share + pixel[colour] * under_share + shares / 2) /
                      shares);
    }
    if (has_alpha)
        pixel[colours] = (uint8_t)((shares + 127) / 255);
}

static enum tt_err put_marked(struct tt_row_sink *sink, const uint8_t *row) {
    struct marked *self = (struct marked *)sink;
    const struct tt_overlay *overlay = &self->overlay;
    int y = self->next_row++ - overlay->top_px;
    if (y < 0 || y >= overlay->height_px)
        return self->to->put(self->to, row);
    bool has_alpha = tt_row_has_alpha(sink->channels);
    int colours = sink->channels - (has_alpha ? 1 : 0);
    int over_bytes = overlay->colours + 1;
    memcpy(self->out, row, (size_t)sink->width_px * (size_t)sink->channels);
    const uint8_t *over =
        overlay->samples + (size_t)y * (size_t)overlay->width_px * (size_t)over_bytes;
    for (int x = 0; x < overlay->width_px; x++)
        blend_pixel(self->out + (int64_t)(overlay->left_px + x) * sink->channels, colours,
                    has_alpha, over + (int64_t)x * over_bytes, overlay->colours);
    return self->to->put(self->to, self->out);
}

static void fade(struct tt_overlay *overlay, int opacity_percent) {
    int64_t count = (int64_t)overlay->width_px * overlay->height_px;
    uint8_t *alpha = overlay->samples + overlay->colours;
    for (int64_t i = 0; i < count; i++, alpha += overlay->colours + 1)
        *alpha = (uint8_t)((*alpha * opacity_percent + 50) / 100);
}

static int colours_of(int channels) {
    return channels > 2 ? 3 : 1;
}

/* Draws what there is to draw. An overlay of no width says that there is nothing. */
static enum tt_err draw_overlay(struct tt_overlay *overlay, const struct tt_row_sink *to,
                                const struct tt_watermark *watermark,
                                const struct tt_picture_watermark *wanted, struct tt_arena *arena) {
    struct tt_overlay_room room = room_of(to->width_px, to->height_px, wanted);
    double size_px = percent_of_shorter(to->width_px, to->height_px, wanted->size_percent);
    *overlay = (struct tt_overlay){0};
    if (wanted->text[0] != '\0' && watermark->font)
        return tt_watermark_text_draw(overlay, watermark->font, watermark->font_bytes, wanted->text,
                                      size_px, room, arena);
    if (wanted->text[0] == '\0' && wanted->use_image && watermark->image)
        return draw_image(overlay, watermark, size_px, room, colours_of(to->channels), arena);
    return TT_OK;
}

enum tt_err tt_watermark_open(struct tt_row_sink **sink, struct tt_row_sink *to,
                              const struct tt_watermark *watermark,
                              const struct tt_picture_watermark *wanted, struct tt_arena *arena) {
    struct tt_overlay overlay = {0};
    if (watermark) {
        enum tt_err err = draw_overlay(&overlay, to, watermark, wanted, arena);
        if (err != TT_OK)
            return err;
    }
    if (overlay.width_px == 0) {
        *sink = to;
        return TT_OK;
    }
    place_overlay(&overlay, to, wanted);
    fade(&overlay, wanted->opacity_percent);
    struct marked *self = tt_arena_alloc(arena, sizeof *self);
    if (!self)
        return TT_ERR_NO_MEMORY;
    *self = (struct marked){.base = *to, .to = to, .overlay = overlay};
    self->base.put = put_marked;
    self->out = tt_arena_alloc_array(arena, (size_t)to->width_px, (size_t)to->channels);
    if (!self->out)
        return TT_ERR_NO_MEMORY;
    *sink = &self->base;
    return TT_OK;
}
