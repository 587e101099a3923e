/* PNG file: signature, header and chunks around one stream of Deflate, which goes through a sink
 * into as many IDATs as it takes. */
#ifndef TINTYPE_IMAGE_PNG_FILE_H
#define TINTYPE_IMAGE_PNG_FILE_H

#include "image/png_deflate.h"
#include "image/row.h"
#include "tintype/err.h"

struct tt_png_file {
    uint8_t *bytes; /* the caller's: tt_png_file_bytes of them */
    int fd;         /* borrowed */
    uint8_t *chunk; /* where in bytes the next chunk begins */
    struct tt_deflate_sink sink;
    uint32_t adler; /* of what went in */
};

/* Returns the CRC-32 that chunks have (PNG, third edition, 5.5). */
uint32_t tt_png_crc(const uint8_t *bytes, size_t length);

/* Returns the memory that IDATs of up to so many bytes take; idat_bytes is at least
 * TT_DEFLATE_SINK_MIN_BYTES. */
size_t tt_png_file_bytes(size_t idat_bytes);

/* Begins a file, with file->bytes set: 8 bits a sample, and size and channels as those of rows. The
 * sink has zlib's header afterwards. */
void tt_png_file_begin(struct tt_png_file *file, int fd, size_t idat_bytes,
                       const struct tt_row_sink *rows);

/* Counts bytes, which the caller puts into the sink compressed, to the stream's checksum (RFC 1950,
 * Adler-32), in their order. */
void tt_png_file_add(struct tt_png_file *file, const uint8_t *bytes, size_t length);

/* Writes the checksum and IEND, after the last block. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL, as of the
 * sink. */
enum tt_err tt_png_file_end(struct tt_png_file *file);

#endif
