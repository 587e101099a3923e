/* Intake: takes in an upload's original as a body parser hands it out: it gathers the bytes, tells
 * the format by the first of them, hashes them and writes them to the staged file. */
#ifndef TINTYPE_WEB_INTAKE_H
#define TINTYPE_WEB_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "tintype/err.h"
#include "tintype/hash.h"
#include "tintype/journal.h"

/* A client decides into how many scraps a parser cuts its body. Bytes are hashed and written in
 * pieces of this size or above, so that a body costs what it weighs. */
#define TT_INTAKE_GATHER_BYTES 65536

struct tt_intake {
    int fd;                       /* the staged file; borrowed */
    struct tt_hash *hash;         /* started, and of nothing else until the end; borrowed */
    struct tt_journal_file *file; /* gets format, size_bytes and sha256; borrowed */
    uint8_t *gathered;            /* room for TT_INTAKE_GATHER_BYTES; borrowed */
    size_t gathered_bytes;        /* 0 at the start */
};

/* Takes the picture's next bytes. TT_ERR_PICTURE_TYPE as soon as they show that it is none that is
 * accepted; TT_ERR_STORAGE, TT_ERR_SPOOL_FULL, TT_ERR_INTERNAL. After a failure the intake must not
 * be used again. */
enum tt_err tt_intake_take(struct tt_intake *intake, const uint8_t *bytes, size_t length);

/* Says that the picture is over: what was gathered is written, and the sum is in the file's sha256.
 * TT_ERR_BODY_EMPTY when no byte came, and the errors of tt_intake_take. */
enum tt_err tt_intake_end(struct tt_intake *intake);

#endif
