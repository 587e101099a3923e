/* Input: buffered reading of a picture file. Knows no format. */
#include "image/input.h"

#include <string.h>

#include "tintype/file.h"

enum tt_err tt_input_init(struct tt_input *input, int fd, struct tt_arena *arena) {
    *input = (struct tt_input){.fd = fd};
    input->buffer = tt_arena_alloc(arena, TT_INPUT_BUFFER_BYTES);
    return input->buffer ? TT_OK : TT_ERR_NO_MEMORY;
}

enum tt_err tt_input_fill(struct tt_input *input) {
    input->position = 0;
    input->length = 0;
    enum tt_err err = tt_file_read_at(input->fd, input->offset, input->buffer,
                                      TT_INPUT_BUFFER_BYTES, &input->length);
    if (err != TT_OK)
        return err;
    input->offset += (off_t)input->length;
    return TT_OK;
}

enum tt_err tt_input_read(struct tt_input *input, void *bytes, size_t length, size_t *got) {
    uint8_t *to = bytes;
    *got = 0;
    while (*got < length) {
        if (input->position == input->length) {
            enum tt_err err = tt_input_fill(input);
            if (err != TT_OK)
                return err;
            if (input->length == 0)
                return TT_OK;
        }
        size_t count = input->length - input->position;
        if (count > length - *got)
            count = length - *got;
        memcpy(to + *got, input->buffer + input->position, count);
        input->position += count;
        *got += count;
    }
    return TT_OK;
}

void tt_input_skip(struct tt_input *input, size_t length) {
    size_t buffered = input->length - input->position;
    if (length <= buffered) {
        input->position += length;
        return;
    }
    input->position = input->length;
    input->offset += (off_t)(length - buffered);
}

void tt_input_rewind(struct tt_input *input) {
    input->offset = 0;
    input->length = 0;
    input->position = 0;
}
