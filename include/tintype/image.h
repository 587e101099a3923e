/* Image: one picture in, its rendering out, in rows; knows files, no requests and no processes.
 *
 * tt_image_render is made to run in a process of its own, with limits: see proc/child. */
#ifndef TINTYPE_IMAGE_H
#define TINTYPE_IMAGE_H

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

/* Loads what the picture in picture_fd takes and this program does not hold: libheif, for HEIC and
 * AVIF. For the process that will fork the renderer, which with its limits can open no library. It
 * stays loaded. Nothing is reported: where it is missing, tt_image_render says so. */
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

/* Reads the picture from picture_fd (a regular file, from offset 0), renders it as options say, and
 * writes the encoded result to result_fd (from its current offset). Owns neither descriptor. Fills
 * *report whatever happens, and returns report->err: TT_ERR_PICTURE_TYPE, TT_ERR_PICTURE_BROKEN,
 * TT_ERR_PICTURE_TOO_LARGE, TT_ERR_NO_MEMORY, TT_ERR_STORAGE, TT_ERR_SPOOL_FULL,
 * TT_ERR_INTERNAL. Nothing is allocated before limits held against the picture's header. */
enum tt_err tt_image_render(int picture_fd, int result_fd, const struct tt_picture_options *options,
                            const struct tt_picture_limits *limits,
                            struct tt_picture_report *report);

#endif
