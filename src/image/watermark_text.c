/* Watermark text: the one file that knows FreeType. Here: its life within one rendering, a line of
 * glyphs, their coverage. Where the line belongs and how it is blended is watermark.c's.
 *
 * The line is laid out once in the font's own units, so its size is known exactly before a size in
 * pixels is chosen; outlines are scaled here, not hinted, and no program in a font is ever run.
 *
 * A library of its own for each text: FreeType's memory comes from the rendering's arena and ends
 * with it, whatever path is taken. */
#include "image/watermark_text.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <freetype/freetype.h>
#include <freetype/ftbbox.h>
#include <freetype/ftmodapi.h>
#include <freetype/ftoutln.h>
#include <freetype/ftstroke.h>

#include "image/blocks.h"
#include "image/operations.h"
#include "image/watermark_ink.h"
#include "tintype/picture.h"
#include "tintype/utf8.h"

/* Letters have a black outline, softened. It was chosen by looking at texts on white, black, gray,
 * noise and photographs, with lines of 7 to 100 px: a crisp thin one leaves letters hollow on white
 * and is lost in noise, a wider crisp one clogs small letters. Its width is a share of the line's
 * height, and so is the radius of the mean that softens it, taken twice along each axis. */
#define OUTLINE_LINE_SHARE 0.075
#define OUTLINE_MIN_PX     1.2
#define SOFTEN_LINE_SHARE  0.04

/* ---- FreeType's memory ---- */

/* FreeType may take so much. Measured, it takes 50 KiB for DejaVu Sans, whatever the text. */
#define HEAP_BYTES ((size_t)4 << 20)

static void *take_memory(FT_Memory memory, long size_bytes) {
    return size_bytes < 0 ? NULL : tt_blocks_take(memory->user, (size_t)size_bytes);
}

static void give_memory_back(FT_Memory memory, void *bytes) {
    tt_blocks_give_back(memory->user, bytes);
}

static void *resize_memory(FT_Memory memory, long old_bytes, long new_bytes, void *bytes) {
    (void)old_bytes;
    return new_bytes < 0 ? NULL : tt_blocks_resize(memory->user, bytes, (size_t)new_bytes);
}

/* ---- a font at work ---- */

struct pen {
    struct FT_MemoryRec_ memory;
    struct tt_blocks blocks; /* behind it */
    FT_Library library;
    FT_Face face;
    FT_Stroker stroker;
    FT_Outline ring; /* room for one glyph's outline, stroked */
    bool has_ring;
};

/* Returns err for a font that is no good, and TT_ERR_NO_MEMORY where FreeType lacks memory. */
static enum tt_err fail_with(const struct pen *pen, enum tt_err err, FT_Error error,
                             const char *what) {
    if (FT_ERROR_BASE(error) != FT_Err_Out_Of_Memory)
        return tt_err_fail(err, "FreeType cannot read it (%s: error %d)", what, error);
    if (err != TT_ERR_CONFIG || !pen->blocks.is_full)
        err = TT_ERR_NO_MEMORY;
    return tt_err_fail(err, "FreeType takes more memory than it may have (%s)", what);
}

static int line_units(FT_Face face) {
    return face->ascender - face->descender;
}

/* Returns what is wrong with a font, NULL for nothing: what the arithmetic below relies on, and
 * what a text needs. */
static const char *find_fault(FT_Face face) {
    if (!FT_IS_SCALABLE(face))
        return "it has no outlines";
    if (FT_IS_TRICKY(face))
        return "its glyphs are made by programs in it, which are not run";
    if (!face->charmap || face->charmap->encoding != FT_ENCODING_UNICODE)
        return "it does not say which glyphs are which Unicode characters";
    if (face->units_per_EM < 16 || line_units(face) < face->units_per_EM / 4 ||
        line_units(face) > face->units_per_EM * 8)
        return "the height of its lines makes no sense";
    return NULL;
}

/* err is as for fail_with. The pen must be closed, also after a failure. */
static enum tt_err open_pen(struct pen *pen, const uint8_t *font, size_t font_bytes,
                            size_t heap_bytes, struct tt_arena *arena, enum tt_err err) {
    *pen = (struct pen){0};
    tt_blocks_init(&pen->blocks, arena, heap_bytes);
    pen->memory = (struct FT_MemoryRec_){.user = &pen->blocks,
                                         .alloc = take_memory,
                                         .free = give_memory_back,
                                         .realloc = resize_memory};
    FT_Error error = FT_New_Library(&pen->memory, &pen->library);
    if (error != 0)
        return fail_with(pen, TT_ERR_INTERNAL, error, "itself");
    FT_Add_Default_Modules(pen->library);
    error = FT_New_Memory_Face(pen->library, font, (FT_Long)font_bytes, 0, &pen->face);
    if (error != 0)
        return fail_with(pen, err, error, "the font");
    const char *fault = find_fault(pen->face);
    if (fault)
        return tt_err_fail(err, "%s", fault);
    error = FT_Stroker_New(pen->library, &pen->stroker);
    return error == 0 ? TT_OK : fail_with(pen, TT_ERR_INTERNAL, error, "the outline");
}

static void close_pen(struct pen *pen) {
    if (pen->has_ring)
        FT_Outline_Done(pen->library, &pen->ring);
    FT_Stroker_Done(pen->stroker); /* NULL is allowed */
    if (pen->library)
        FT_Done_Library(pen->library); /* this closes its faces as well */
}

/* Loads the glyph's outline in font units; false for one that cannot be had, which is left out. */
static bool load_glyph(const struct pen *pen, FT_UInt glyph, enum tt_err *err) {
    FT_Error error = FT_Load_Glyph(pen->face, glyph, FT_LOAD_NO_SCALE);
    if (FT_ERROR_BASE(error) == FT_Err_Out_Of_Memory)
        *err = fail_with(pen, TT_ERR_NO_MEMORY, error, "a glyph");
    return error == 0 && pen->face->glyph->format == FT_GLYPH_FORMAT_OUTLINE;
}

/* ---- the line, in font units ---- */

#define GLYPHS_MAX (TT_PICTURE_WATERMARK_SIZE - 1) /* a byte each */

/* Ink further out than this is that of a broken font. The sums stay within 64 bits: the scale is at
 * most 2^16 × 2^6 × TT_OPERATION_SIDE_MAX_PX / 4 < 2^40. */
#define INK_MAX_UNITS (1 << 22)

struct line {
    int count;
    struct {
        FT_UInt glyph;
        int64_t x; /* where its origin is */
    } glyphs[GLYPHS_MAX];
    int64_t end;                      /* the next one's */
    int64_t left, right, top, bottom; /* of the ink; y goes up from the baseline */
};

#define REPLACEMENT 0xFFFD

/* Returns the length in bytes of the next character, and sets it. What is not UTF-8 counts up to
 * the next byte that may begin a character. */
static size_t next_character(const char *text, size_t length, uint32_t *point) {
    size_t bytes = tt_utf8_decode(text, length, point);
    if (bytes > 0)
        return bytes;
    *point = REPLACEMENT;
    for (bytes = 1; bytes < length && ((uint8_t)text[bytes] & 0xC0) == 0x80;)
        bytes++;
    return bytes;
}

/* These are the general categories Cc, Zl, Zp, Cf and the variation selectors (Unicode 15), as far
 * as they occur in text. */
static bool is_invisible(uint32_t point) {
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},       {0x61C, 0x61C},
        {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0xFE00, 0xFE0F},
        {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void grow_ink(struct line *line, const FT_BBox *ink, int64_t x) {
    line->left = lesser(line->left, x + ink->xMin);
    line->right = greater(line->right, x + ink->xMax);
    line->top = greater(line->top, ink->yMax);
    line->bottom = lesser(line->bottom, ink->yMin);
}

static enum tt_err add_glyph(struct line *line, const struct pen *pen, FT_UInt glyph) {
    const FT_GlyphSlot slot = pen->face->glyph;
    enum tt_err err = TT_OK;
    FT_Vector kerning = {0};
    FT_BBox ink;
    if (line->count > 0 && FT_HAS_KERNING(pen->face))
        FT_Get_Kerning(pen->face, line->glyphs[line->count - 1].glyph, glyph, FT_KERNING_UNSCALED,
                       &kerning);
    if (!load_glyph(pen, glyph, &err))
        return err;
    line->end += kerning.x;
    if (slot->outline.n_points > 0 && FT_Outline_Get_BBox(&slot->outline, &ink) == 0)
        grow_ink(line, &ink, line->end);
    line->glyphs[line->count].glyph = glyph;
    line->glyphs[line->count].x = line->end;
    line->count++;
    line->end += slot->advance.x;
    return TT_OK;
}

static bool has_ink(const struct line *line) {
    return line->left < line->right && line->bottom < line->top && line->left > -INK_MAX_UNITS &&
           line->right < INK_MAX_UNITS && line->bottom > -INK_MAX_UNITS &&
           line->top < INK_MAX_UNITS;
}

static enum tt_err lay_out(struct line *line, const struct pen *pen, const char *text) {
    size_t length = strnlen(text, GLYPHS_MAX);
    enum tt_err err = TT_OK;
    line->left = line->bottom = INT64_MAX;
    line->right = line->top = INT64_MIN;
    while (length > 0 && err == TT_OK) {
        uint32_t point;
        size_t bytes = next_character(text, length, &point);
        if (!is_invisible(point))
            err = add_glyph(line, pen, FT_Get_Char_Index(pen->face, point));
        text += bytes;
        length -= bytes;
    }
    return err;
}

/* ---- its size in pixels ---- */

struct measure {
    double px_per_unit;
    double outline_px;
    int soften_px;
    double width_px, height_px; /* of the ink, its soft outline included; whole numbers */
    int baseline_px;            /* this many rows are above it */
    double left_px;             /* where the line's first origin is */
};

static double outline_of(double line_px) {
    return fmax(line_px * OUTLINE_LINE_SHARE, OUTLINE_MIN_PX);
}

static int soften_of(double line_px) {
    return line_px * SOFTEN_LINE_SHARE > 1 ? (int)lrint(line_px * SOFTEN_LINE_SHARE) : 1;
}

/* Returns what the soft outline adds at each edge. */
static double edge_of(double line_px) {
    return outline_of(line_px) + 2 * soften_of(line_px);
}

/* The ink of a line is seldom higher than the line itself; one of stacked marks is made smaller, so
 * that memory is bounded. */
static double rows_max(double line_px) {
    return ceil(2 * line_px + 2 * edge_of(line_px));
}

/* The ink ends at whole pixels: the width is rounded up once, the height above and below the
 * baseline, as letters are sharper when it lies between two rows. */
static void measure_line(struct measure *measure, const struct line *line, int units,
                         double line_px) {
    double edge_px = edge_of(line_px);
    double scale = line_px / units;
    measure->px_per_unit = scale;
    measure->outline_px = outline_of(line_px);
    measure->soften_px = soften_of(line_px);
    measure->left_px = edge_px - (double)line->left * scale;
    measure->width_px = ceil((double)(line->right - line->left) * scale + 2 * edge_px);
    measure->baseline_px = (int)ceil((double)line->top * scale + edge_px);
    measure->height_px = measure->baseline_px + ceil(edge_px - (double)line->bottom * scale);
}

/* Measures the largest line that fits, to a hundredth; false where nothing legible does. */
static bool fit_line(struct measure *measure, const struct line *line, int units, double line_px,
                     struct tt_overlay_room room) {
    double height_px = fmin(room.height_px, rows_max(line_px));
    while (line_px >= TT_WATERMARK_LINE_MIN_PX) {
        measure_line(measure, line, units, line_px);
        if (measure->width_px <= room.width_px && measure->height_px <= height_px)
            return true;
        line_px *= 0.99;
    }
    return false;
}

/* ---- coverage ---- */

/* FreeType counts pixels in 16 bits. */
#define GLYPH_MAX_PX 16000

struct canvas {
    struct tt_overlay *overlay;
    enum tt_ink_layer layer;
    int x, y; /* of the glyph's origin in the overlay; y of the row below the baseline */
};

/* Neighbours may touch, and the greater coverage holds. Spans lie within the canvas, as clip_box
 * sees to it. */
static void cover_spans(int y, int count, const FT_Span *spans, void *user) {
    const struct canvas *canvas = user;
    const struct tt_overlay *overlay = canvas->overlay;
    int64_t row = canvas->y - 1 - y;
    for (int i = 0; i < count; i++) {
        uint8_t *pixel = overlay->samples + (row * overlay->width_px + canvas->x + spans[i].x) * 2 +
                         canvas->layer;
        for (int x = 0; x < spans[i].len; x++, pixel += 2)
            if (*pixel < spans[i].coverage)
                *pixel = spans[i].coverage;
    }
}

static FT_Pos clip(int64_t value) {
    return (FT_Pos)lesser(greater(value, -GLYPH_MAX_PX), GLYPH_MAX_PX);
}

static FT_Error cover(const struct pen *pen, FT_Outline *outline, struct canvas canvas) {
    FT_Raster_Params params = {
        .flags = FT_RASTER_FLAG_AA | FT_RASTER_FLAG_DIRECT | FT_RASTER_FLAG_CLIP,
        .gray_spans = cover_spans,
        .user = &canvas,
        .clip_box = {.xMin = clip(-canvas.x),
                     .yMin = clip(canvas.y - canvas.overlay->height_px),
                     .xMax = clip(canvas.overlay->width_px - canvas.x),
                     .yMax = clip(canvas.y)},
    };
    return FT_Outline_Render(pen->library, outline, &params);
}

/* Makes the ring along the outline, in pen->ring. */
static FT_Error stroke(struct pen *pen, FT_Outline *outline) {
    FT_UInt points, contours;
    FT_Error error = FT_Stroker_ParseOutline(pen->stroker, outline, 0);
    if (error == 0)
        error = FT_Stroker_GetCounts(pen->stroker, &points, &contours);
    if (error != 0)
        return error;
    if (pen->has_ring)
        FT_Outline_Done(pen->library, &pen->ring);
    error = FT_Outline_New(pen->library, points, (FT_Int)contours, &pen->ring);
    pen->has_ring = error == 0;
    if (error != 0)
        return error;
    pen->ring.n_points = 0;
    pen->ring.n_contours = 0;
    FT_Stroker_Export(pen->stroker, &pen->ring);
    return 0;
}

static bool is_drawable(const FT_Outline *outline) {
    const FT_Pos far = GLYPH_MAX_PX * 64;
    FT_BBox box;
    FT_Outline_Get_CBox(outline, &box);
    return outline->n_points > 0 && box.xMin > -far && box.yMin > -far && box.xMax < far &&
           box.yMax < far;
}

/* Draws the glyph whose origin lies x_px right of the overlay's left edge. */
static enum tt_err draw_glyph(struct pen *pen, FT_UInt glyph, const struct measure *measure,
                              double x_px, struct tt_overlay *overlay) {
    struct canvas canvas = {.overlay = overlay, .y = measure->baseline_px};
    FT_Fixed scale = lrint(measure->px_per_unit * 64 * 65536);
    FT_Matrix matrix = {.xx = scale, .yy = scale};
    enum tt_err err = TT_OK;
    if (!load_glyph(pen, glyph, &err))
        return err;
    FT_Outline *outline = &pen->face->glyph->outline;
    FT_Outline_Transform(outline, &matrix);
    if (!is_drawable(outline))
        return TT_OK;
    canvas.x = (int)floor(x_px);
    FT_Outline_Translate(outline, lrint((x_px - canvas.x) * 64), 0);
    canvas.layer = TT_INK_LETTERS;
    FT_Error error = cover(pen, outline, canvas);
    if (error == 0)
        error = stroke(pen, outline);
    canvas.layer = TT_INK_OUTLINES;
    if (error == 0)
        error = cover(pen, &pen->ring, canvas);
    if (FT_ERROR_BASE(error) == FT_Err_Out_Of_Memory)
        return fail_with(pen, TT_ERR_NO_MEMORY, error, "a glyph");
    return TT_OK;
}

/* ---- the whole of it ---- */

static enum tt_err draw(struct tt_overlay *overlay, struct pen *pen, const char *text,
                        double line_px, struct tt_overlay_room room, struct tt_arena *arena) {
    struct line *line = tt_arena_alloc(arena, sizeof *line);
    if (!line)
        return TT_ERR_NO_MEMORY;
    struct measure measure;
    enum tt_err err = lay_out(line, pen, text);
    if (err != TT_OK || !has_ink(line) ||
        !fit_line(&measure, line, line_units(pen->face), line_px, room))
        return err;
    overlay->samples =
        tt_arena_alloc(arena, (size_t)measure.width_px * (size_t)measure.height_px * 2);
    if (!overlay->samples)
        return TT_ERR_NO_MEMORY;
    overlay->width_px = (int)measure.width_px;
    overlay->height_px = (int)measure.height_px;
    overlay->colours = 1;
    FT_Stroker_Set(pen->stroker, lrint(measure.outline_px * 64), FT_STROKER_LINECAP_ROUND,
                   FT_STROKER_LINEJOIN_ROUND, 0);
    for (int i = 0; i < line->count && err == TT_OK; i++) {
        double x_px = measure.left_px + (double)line->glyphs[i].x * measure.px_per_unit;
        err = draw_glyph(pen, line->glyphs[i].glyph, &measure, x_px, overlay);
    }
    if (err == TT_OK)
        err = tt_ink_soften_outlines(overlay, measure.soften_px, arena);
    tt_ink_mix(overlay);
    return err;
}

enum tt_err tt_watermark_text_draw(struct tt_overlay *overlay, const uint8_t *font,
                                   size_t font_bytes, const char *text, double line_px,
                                   struct tt_overlay_room room, struct tt_arena *arena) {
    *overlay = (struct tt_overlay){0};
    if (room.width_px <= 0 || room.height_px <= 0 || line_px < TT_WATERMARK_LINE_MIN_PX)
        return TT_OK;
    struct pen *pen = tt_arena_alloc(arena, sizeof *pen);
    if (!pen)
        return TT_ERR_NO_MEMORY;
    enum tt_err err = open_pen(pen, font, font_bytes, HEAP_BYTES, arena, TT_ERR_INTERNAL);
    if (err == TT_OK)
        err = draw(overlay, pen, text, line_px, room, arena);
    close_pen(pen);
    return err;
}

/* Half of the memory must do for opening, as the rest is for the glyphs. */
enum tt_err tt_watermark_font_check(const uint8_t *font, size_t font_bytes,
                                    struct tt_arena *arena) {
    struct pen pen;
    enum tt_err err = open_pen(&pen, font, font_bytes, HEAP_BYTES / 2, arena, TT_ERR_CONFIG);
    close_pen(&pen);
    return err;
}
