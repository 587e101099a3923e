/* Codecs: a picture file as a source of rows, and a source of rows as a picture file.
 *
 * Here: opening, starting, finishing and closing a decoder of any format, and one writer for each
 * output format. Which rows are wanted, and how large, is not decided here.
 *
 * A decoder's life: open (the header alone) → start → rows from its source → finish → close. After
 * a failure of any step only close may follow; close is always needed, as the decoder holds library
 * handles. */
#ifndef TINTYPE_IMAGE_CODEC_H
#define TINTYPE_IMAGE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/picture.h"

struct tt_decoder;

/* What the header says, before any memory for pixels is taken. */
struct tt_picture_header {
    enum tt_picture_format format;
    int width_px; /* as in the file, before orientation; at least 1, like the height */
    int height_px;
    int channels;    /* of the source when started in colour: 1 to 4, as in row.h */
    int orientation; /* 1 to 8, as Exif tag 0x0112 has it; 1 when the file does not say, or the
                        decoder applies what it says (HEIC, AVIF) */
    /* The ICC profile that the samples of a source started in colour are of, for tt_colour_open;
     * NULL when there is none, or the decoder has applied it (CMYK). In the arena. Not
     * checked: it may lie about all of itself. */
    const uint8_t *icc_profile;
    size_t icc_bytes; /* at most max_chunk_bytes */
    bool whole; /* the decoder must hold the whole picture (interlaced PNG or GIF, WebP, HEIC, AVIF)
                   or all its coefficients (progressive or multi-scan JPEG) */
    int64_t whole_bytes; /* how much memory that takes in start, of the arena and of the library,
                            and a profile that is not handed out: an upper bound; 0 when rows
                            stream and there is none */
};

/* Reads the header of the picture in fd (a regular file, read from offset 0 with pread; the
 * descriptor's own offset is neither used nor moved, and stays the caller's). *decoder is NULL
 * after a failure. Memory comes from arena, which must outlive the decoder; limits is only read
 * here. Holds the header against max_pixels and max_chunk_bytes; whole_bytes is the caller's to
 * judge. TT_ERR_PICTURE_TYPE (no known format, or a variant that is not supported),
 * TT_ERR_PICTURE_BROKEN, TT_ERR_PICTURE_TOO_LARGE, TT_ERR_NO_MEMORY, TT_ERR_STORAGE. */
enum tt_err tt_decoder_open(struct tt_decoder **decoder, int fd, struct tt_arena *arena,
                            const struct tt_picture_limits *limits,
                            struct tt_picture_header *header);

/* Starts decoding; *source is valid until close and has the header's size. It is gray (Rec. 601
 * luma) when grayscale is set, with 1 or 2 channels; otherwise it has header->channels. Takes
 * whole_bytes of memory. Called once.
 * Errors as for open; TT_ERR_PICTURE_TOO_LARGE also for more scans than max_scans. */
enum tt_err tt_decoder_start(struct tt_decoder *decoder, bool grayscale,
                             struct tt_row_source **source);

/* After the last row wanted: decodes what nobody pulled and reads the file to its end marker, so a
 * picture cut short or damaged below the rows in use is found. Bytes after the marker are allowed.
 * Of an animation the first frame is the picture; a GIF is read to that frame's end alone, a WebP
 * must be as long as it says.
 * Errors as for open. */
enum tt_err tt_decoder_finish(struct tt_decoder *decoder);

/* Gives the library handles back. NULL is allowed. */
void tt_decoder_close(struct tt_decoder *decoder);

/* Each pulls every row of source and writes the file to fd from its current offset, pixels alone,
 * no metadata. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL, TT_ERR_NO_MEMORY, TT_ERR_PICTURE_TOO_LARGE (more
 * than the format can hold), and every error of the source itself. */

/* 8 bits a sample, 1 to 4 channels. */
enum tt_err tt_png_write(int fd, struct tt_row_source *source, struct tt_arena *arena);

/* The longest side that a file holds. A PNG's is beyond all that is made (PNG, 11.2.1: 2^31 - 1).
 */
#define TT_JPEG_WRITE_SIDE_MAX_PX 65500 /* libjpeg's; the format's is 65535 */
#define TT_WEBP_WRITE_SIDE_MAX_PX 16383 /* of VP8's 14 bits: RFC 6386, 9.1 */

/* Baseline, 1 or 3 channels (alpha is flattened before); quality 1 to 100. */
enum tt_err tt_jpeg_write(int fd, struct tt_row_source *source, int quality,
                          struct tt_arena *arena);

/* Lossy, 1 to 4 channels; quality 1 to 100. */
enum tt_err tt_webp_write(int fd, struct tt_row_source *source, int quality,
                          struct tt_arena *arena);

/* Memory a writer takes, of the arena and of its library: an upper bound, for the plan. */
int64_t tt_png_write_bytes(int width_px, int height_px, int channels);
int64_t tt_jpeg_write_bytes(int width_px, int height_px, int channels);
int64_t tt_webp_write_bytes(int width_px, int height_px, int channels);

#endif
