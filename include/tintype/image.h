/* Image: one picture in, its results out, in rows; knows files, no requests and no processes.
 *
 * tt_image_render is made to run in a process of its own, with limits: see proc/child. */
#ifndef TINTYPE_IMAGE_H
#define TINTYPE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tintype/picture.h"

/* Enough for every signature known here: the longest is a HEIF file's type box with the first four
 * compatible brands. */
#define TT_IMAGE_SNIFF_BYTES 32

/* The format by the first bytes (PNG specification 5.2, JPEG T.81 B.1.1.3: SOI and one more
 * marker, GIF89a 17, RFC 9649 2.4, HEIF's brands), TT_FORMAT_NONE when they are no picture known
 * here. length may be less than TT_IMAGE_SNIFF_BYTES. */
enum tt_picture_format tt_image_sniff(const uint8_t *bytes, size_t length);

/* Loads what some pictures take and this program does not hold: libheif, for HEIC and AVIF. For the
 * process from which all come that render, as these can open no library. It stays loaded. Nothing
 * is reported: where it is missing, tt_image_render says so. */
void tt_image_load(void);

/* The process that will fork the renderer of the picture in picture_fd calls this first: libraries
 * that were loaded and that this picture does not take are left out of the fork, which they would
 * make slower. */
void tt_image_prepare(int picture_fd);

/* What watermarks are drawn with: a font and a picture, read once, used by every rendering and by
 * processes forked since. */
struct tt_watermark;

/* Loads the font (a file FreeType knows) and the picture (PNG); each may be "" for none.
 * *watermark is NULL on failure. TT_ERR_CONFIG, with the path and what is wrong with it as the
 * cause; TT_ERR_NO_MEMORY. */
enum tt_err tt_watermark_load(struct tt_watermark **watermark, const char *font_path,
                              const char *image_path);
/* NULL is allowed. */
void tt_watermark_free(struct tt_watermark *watermark);

/* One picture and what is wanted of it. Owns nothing. */
struct tt_image_job {
    int picture_fd;                          /* a regular file, read from offset 0 */
    const struct tt_picture_output *outputs; /* 1 to TT_PICTURE_RESULTS_MAX */
    int output_count;
    const struct tt_picture_limits *limits;
    const struct tt_watermark *watermark; /* NULL: none can be drawn */
    /* Called when the rendering is planned, before it takes memory for pixels, with the CPU time
     * that it will take, roughly (src/image/cost.c). It ends with the error that this returns. NULL
     * for none. */
    enum tt_err (*begin)(void *context, int64_t planned_ms);
    void *context;
};

/* Decodes the picture once and writes each result, encoded as its options say, while its rows come.
 * No picture is anywhere whole but where its format or its orientation forces that. Fills *report
 * whatever happens, and returns report->err: TT_ERR_PICTURE_TYPE, TT_ERR_PICTURE_BROKEN,
 * TT_ERR_PICTURE_TOO_LARGE, TT_ERR_PICTURE_TOO_COSTLY, TT_ERR_NO_MEMORY, TT_ERR_STORAGE,
 * TT_ERR_SPOOL_FULL, TT_ERR_INTERNAL.
 * Nothing is allocated for pixels before max_pixels held against the picture's header. What comes
 * from the arena is at most max_memory_bytes for all results; what libraries take of the heap is
 * bounded by the limits of the process, and both are TT_ERR_NO_MEMORY. What begin returned comes
 * back as well. */
enum tt_err tt_image_render(const struct tt_image_job *job, struct tt_picture_report *report);

#endif
