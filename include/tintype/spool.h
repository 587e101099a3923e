/* Spool: the directory where originals, results and renditions are kept, named as their objects in
 * S3 are ("originals/<id>.<ext>", "processed/<id>.<ext>", "processed/<id>-<preset>.<ext>").
 *
 * A file appears under its name only when it is whole and on the disk. Until then it is a staged
 * file under a lock (flock): O_TMPFILE, which has no name and so leaves nothing behind when the
 * process dies; where the file system lacks it, a named file below tmp/, which the sweep removes
 * once nobody holds the lock.
 *
 * An id that is no tt_uuid_parse, a rendition's name that is no tt_picture_preset_is_name, or no
 * format, never becomes a path: TT_ERR_INTERNAL. */
#ifndef TINTYPE_SPOOL_H
#define TINTYPE_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/picture.h"
#include "tintype/uuid.h"

enum tt_spool_kind { TT_SPOOL_PROCESSED, TT_SPOOL_RENDITION, TT_SPOOL_ORIGINAL };

/* What names a file: the same in the spool, in S3, and between worker and agent. Borrows its text.
 */
struct tt_spool_name {
    enum tt_spool_kind kind;
    const char *id;
    const char *rendition; /* the preset's name of a TT_SPOOL_RENDITION, else "" */
    enum tt_picture_format format;
};

struct tt_spool {
    int dir_fd;           /* <storage.dir>/spool; -1 when closed */
    int directory_fds[2]; /* originals/ and processed/, where renditions lie beside the results */
    int tmp_fd;
    bool no_tmpfile; /* the file system refused O_TMPFILE */
};

/* Initializes a spool that is closed. */
#define TT_SPOOL_CLOSED                                                                            \
    { .dir_fd = -1, .directory_fds = {-1, -1}, .tmp_fd = -1 }

struct tt_staged {
    int fd;            /* read and write; owned by the staged file until discard; -1 when none */
    char tmp_name[64]; /* "" with O_TMPFILE */
};

#define TT_SPOOL_OBJECT_KEY_SIZE 352

/* What the file is called in S3: "<prefix><id>.<extension>", of a rendition
 * "<prefix><id>-<preset>.<extension>"; the prefix is configured. The name is well-formed. */
void tt_spool_object_key(const struct tt_config *config, const struct tt_spool_name *name,
                         char key[TT_SPOOL_OBJECT_KEY_SIZE]);

/* Makes the spool's directories below storage_dir, which exists, where they are missing (2770, as
 * umask allows) and opens them. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL. */
enum tt_err tt_spool_open(struct tt_spool *spool, const char *storage_dir);
void tt_spool_close(struct tt_spool *spool);

/* A new empty staged file. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL. On failure staged->fd is -1. */
enum tt_err tt_spool_stage(struct tt_spool *spool, struct tt_staged *staged);

/* Gives the staged file its name; the caller has synced its contents. The name is durable after
 * tt_spool_sync. The descriptor stays open, until discard. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL; an
 * existing file of that name is never replaced. */
enum tt_err tt_spool_keep(struct tt_spool *spool, struct tt_staged *staged,
                          const struct tt_spool_name *name);

/* Every name given or removed before is durable when it returns TT_OK. */
enum tt_err tt_spool_sync(struct tt_spool *spool);

/* Closes the staged file; one that was not kept is gone. Safe when there is none, and twice. */
void tt_spool_discard(struct tt_spool *spool, struct tt_staged *staged);

/* A kept file for reading; the caller closes *fd. TT_ERR_NOT_FOUND (nothing noted beyond it),
 * TT_ERR_STORAGE. */
enum tt_err tt_spool_read(struct tt_spool *spool, const struct tt_spool_name *name, int *fd,
                          int64_t *size_bytes);

/* Removes a kept file; one that is not there is no failure. TT_ERR_STORAGE. */
enum tt_err tt_spool_remove(struct tt_spool *spool, const struct tt_spool_name *name);

/* Removes staged files nobody holds and kept files that known() is false for: the row is not there,
 * or says that this file was evicted. Names that are not the spool's own are left alone. known()
 * answers true when it cannot tell. *removed counts. Beside uploads and fetches: a file is spared
 * until its staged file is discarded, so that must come after the row that knows it.
 * TT_ERR_STORAGE. */
enum tt_err tt_spool_sweep(struct tt_spool *spool,
                           bool (*known)(void *context, const struct tt_spool_name *name),
                           void *context, int64_t *removed);

/* What an upload or a fetch leaves free on the disk, so that a full one can still be emptied: a
 * delete is a write to the journal as well. */
#define TT_SPOOL_RESERVE_BYTES (256 * 1024)

/* TT_OK while at least reserve_bytes are free on the file system; TT_ERR_SPOOL_FULL,
 * TT_ERR_STORAGE. */
enum tt_err tt_spool_reserve(struct tt_spool *spool, int64_t reserve_bytes);

/* TT_OK when a staged file can be made and at least reserve_bytes are free on the file system.
 * TT_ERR_STORAGE, TT_ERR_SPOOL_FULL. */
enum tt_err tt_spool_check(struct tt_spool *spool, int64_t reserve_bytes);

#endif
