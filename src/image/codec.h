/* Codecs: a picture file as a source of rows, and a sink of rows that makes a picture file.
 *
 * Here: opening, starting, finishing and closing a decoder of any format, and opening and closing
 * an encoder of any format that is written. Which rows are wanted, and how large, is not decided
 * here.
 *
 * A decoder's life: open (the header alone) → start → rows from its source → finish → close. After
 * a failure of any step only close may follow; close is always needed, as the decoder holds library
 * handles. */
#ifndef TINTYPE_IMAGE_CODEC_H
#define TINTYPE_IMAGE_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "image/decoder.h"
#include "image/encoder.h"
#include "image/row.h"
#include "tintype/arena.h"
#include "tintype/picture.h"

/* Reads the header of the picture in fd (a regular file, read from offset 0 with pread; the
 * descriptor's own offset is neither used nor moved, and stays the caller's). *decoder is NULL
 * after a failure. Memory comes from arena, which must outlive the decoder; limits is only read
 * here. Holds the header against max_pixels and max_chunk_bytes. TT_ERR_PICTURE_TYPE (no known
 * format, or a variant that is not supported), TT_ERR_PICTURE_BROKEN, TT_ERR_PICTURE_TOO_LARGE,
 * TT_ERR_PICTURE_TOO_COSTLY (made of more pictures than its size needs), TT_ERR_NO_MEMORY,
 * TT_ERR_STORAGE. */
enum tt_err tt_decoder_open(struct tt_decoder **decoder, int fd, struct tt_arena *arena,
                            const struct tt_picture_limits *limits,
                            struct tt_picture_header *header);

/* Starts decoding; *source is valid until close and has the header's size. It is gray (Rec. 601
 * luma) when grayscale is set, with 1 or 2 channels; otherwise it has header->channels. Called
 * once. The memory for a picture that must be held whole (interlaced PNG or GIF, WebP, HEIC, AVIF)
 * or as coefficients (progressive JPEG) is taken here. Errors as for open; TT_ERR_PICTURE_TOO_LARGE
 * also for more scans than max_scans. */
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

/* ---- encoders ---- */

/* The longest side that a file of the format holds; 0 for a format that is not written. */
int tt_encoder_side_max_px(enum tt_picture_format format);

/* Whether a file of the format keeps alpha. Where it does not, rows are flattened before. */
bool tt_encoder_has_alpha(enum tt_picture_format format);

/* What a file is to be: 8 bits a sample, pixels alone, no metadata. */
struct tt_encoder_wish {
    enum tt_picture_format format; /* one that is written */
    int width_px;                  /* at most tt_encoder_side_max_px, like the height */
    int height_px;
    int channels; /* 1 to 4; 1 or 3 where the format has no alpha */
    int quality;  /* 1 to 100, of JPEG and WebP */
};

/* Begins a file at the current offset of fd, which stays the caller's. It is written while rows are
 * put into the encoder's sink, and is whole once the last one was. *encoder is NULL after a
 * failure. Opening takes the memory, of arena, which must outlive the encoder, and of the library;
 * WebP takes more with the last row. TT_ERR_NO_MEMORY, TT_ERR_INTERNAL; of the sink also
 * TT_ERR_STORAGE, TT_ERR_SPOOL_FULL and TT_ERR_PICTURE_TOO_LARGE (more than the format holds). */
enum tt_err tt_encoder_open(struct tt_encoder **encoder, int fd, const struct tt_encoder_wish *wish,
                            struct tt_arena *arena);

struct tt_row_sink *tt_encoder_sink(struct tt_encoder *encoder);

/* Gives the library handles back. NULL is allowed. */
void tt_encoder_close(struct tt_encoder *encoder);

#endif
