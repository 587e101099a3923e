/* Intake: from the bytes that a body parser hands out to a staged file with its format and sum.
 * Which bytes of a request are the picture's is known in body_*.c. */
#include "web/intake.h"

#include <string.h>

#include "tintype/file.h"
#include "tintype/image.h"
#include "tintype/picture.h"

static enum tt_err judge_format(struct tt_intake *intake) {
    intake->file->format = tt_image_sniff(intake->gathered, intake->gathered_bytes);
    return intake->file->format == TT_FORMAT_NONE ? tt_picture_refuse_format() : TT_OK;
}

static enum tt_err store(struct tt_intake *intake, const uint8_t *bytes, size_t length) {
    enum tt_err err = tt_hash_update(intake->hash, bytes, length);
    return err == TT_OK ? tt_file_write(intake->fd, bytes, length) : err;
}

static enum tt_err store_gathered(struct tt_intake *intake) {
    size_t length = intake->gathered_bytes;
    intake->gathered_bytes = 0;
    return length > 0 ? store(intake, intake->gathered, length) : TT_OK;
}

enum tt_err tt_intake_take(struct tt_intake *intake, const uint8_t *bytes, size_t length) {
    struct tt_journal_file *file = intake->file;
    enum tt_err err = TT_OK;
    file->size_bytes += (int64_t)length;
    while (err == TT_OK && length > 0) {
        /* A long piece behind which nothing waits is as good as gathered. */
        if (file->format != TT_FORMAT_NONE && intake->gathered_bytes == 0 &&
            length >= TT_INTAKE_GATHER_BYTES)
            return store(intake, bytes, length);
        size_t room = TT_INTAKE_GATHER_BYTES - intake->gathered_bytes;
        size_t taken = length < room ? length : room;
        memcpy(intake->gathered + intake->gathered_bytes, bytes, taken);
        intake->gathered_bytes += taken;
        bytes += taken;
        length -= taken;
        /* The format is known after a few bytes, long before a wrong file is all here. */
        if (file->format == TT_FORMAT_NONE && intake->gathered_bytes >= TT_IMAGE_SNIFF_BYTES)
            err = judge_format(intake);
        if (err == TT_OK && intake->gathered_bytes == TT_INTAKE_GATHER_BYTES)
            err = store_gathered(intake);
    }
    return err;
}

enum tt_err tt_intake_end(struct tt_intake *intake) {
    enum tt_err err = TT_OK;
    if (intake->file->size_bytes == 0)
        err = tt_err_refuse(TT_ERR_BODY_EMPTY, "The picture has no bytes.");
    else if (intake->file->format == TT_FORMAT_NONE)
        err = judge_format(intake);
    if (err == TT_OK)
        err = store_gathered(intake);
    return err == TT_OK ? tt_hash_finish(intake->hash, intake->file->sha256) : err;
}
