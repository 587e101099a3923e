/* Input: a picture file read from front to back through one small buffer.
 *
 * pread into a buffer, never mmap: pages of a mapped file count as resident memory, and a file that
 * shrinks would kill the reader. */
#ifndef TINTYPE_IMAGE_INPUT_H
#define TINTYPE_IMAGE_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tintype/arena.h"
#include "tintype/err.h"

#define TT_INPUT_BUFFER_BYTES 65536

struct tt_input {
    int fd;          /* the caller's */
    off_t offset;    /* in the file, of the byte behind the buffer */
    uint8_t *buffer; /* TT_INPUT_BUFFER_BYTES */
    size_t length;   /* bytes in the buffer; */
    size_t position; /* the next one of them */
};

/* The input begins at offset 0, with nothing read yet. TT_ERR_NO_MEMORY. */
enum tt_err tt_input_init(struct tt_input *input, int fd, struct tt_arena *arena);

/* Replaces the buffer by what follows it: position is 0, and length is 0 only at the end of the
 * file. TT_ERR_STORAGE. */
enum tt_err tt_input_fill(struct tt_input *input);

/* Reads length bytes; *got is less only at the end of the file. TT_ERR_STORAGE. */
enum tt_err tt_input_read(struct tt_input *input, void *bytes, size_t length, size_t *got);

/* Leaves length bytes out; the end of the file is noticed by whoever reads next. */
void tt_input_skip(struct tt_input *input, size_t length);

/* The next byte read is the first of the file again. */
void tt_input_rewind(struct tt_input *input);

#endif
