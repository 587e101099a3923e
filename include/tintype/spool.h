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

/* What names a file in the spool, in S3, and between worker and agent. It borrows its text. */
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
    int fd;            /* for reading and writing, until discard; -1 when there is none */
    char tmp_name[64]; /* below tmp/; "" with O_TMPFILE */
};

#define TT_SPOOL_OBJECT_KEY_SIZE 352

/* Formats what the file is called in S3: "<prefix><id>.<extension>", or of a rendition
 * "<prefix><id>-<preset>.<extension>", with the prefix that is configured. The name is
 * well-formed. */
void tt_spool_object_key(const struct tt_config *config, const struct tt_spool_name *name,
                         char key[TT_SPOOL_OBJECT_KEY_SIZE]);

/* Opens the spool's directories below storage_dir, which exists, and makes those that are missing
 * (2770, as umask allows). On failure the spool is closed. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL. */
enum tt_err tt_spool_open(struct tt_spool *spool, const char *storage_dir);
/* Safe on a spool that is closed. */
void tt_spool_close(struct tt_spool *spool);

/* Makes an empty staged file. On failure staged->fd is -1. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL. */
enum tt_err tt_spool_stage(struct tt_spool *spool, struct tt_staged *staged);

/* Gives the staged file its name; the caller has synced its contents. The name is durable after
 * tt_spool_sync, and the descriptor stays open until discard. A file of that name is never
 * replaced, but is a failure. TT_ERR_STORAGE, TT_ERR_SPOOL_FULL. */
enum tt_err tt_spool_keep(struct tt_spool *spool, struct tt_staged *staged,
                          const struct tt_spool_name *name);

/* Makes every name that was given or removed before durable. TT_ERR_STORAGE. */
enum tt_err tt_spool_sync(struct tt_spool *spool);

/* Closes the staged file; one that was not kept is gone. Safe when there is none, and twice. */
void tt_spool_discard(struct tt_spool *spool, struct tt_staged *staged);

/* Opens a kept file for reading; the caller closes *fd, which is -1 on failure. TT_ERR_NOT_FOUND
 * (nothing is noted), TT_ERR_STORAGE. */
enum tt_err tt_spool_read(struct tt_spool *spool, const struct tt_spool_name *name, int *fd,
                          int64_t *size_bytes);

/* Removes a kept file; one that is not there is no failure. TT_ERR_STORAGE. */
enum tt_err tt_spool_remove(struct tt_spool *spool, const struct tt_spool_name *name);

/* Removes the staged files that nobody holds, and the kept files that known() is false for, because
 * their row is not there or says that they were evicted; it answers true when it cannot tell. Names
 * that are not the spool's own are left alone. *removed counts. It may run beside uploads and
 * fetches, as a file is spared until its staged file is discarded: whoever keeps one discards it
 * only after the row that knows it. TT_ERR_STORAGE. */
enum tt_err tt_spool_sweep(struct tt_spool *spool,
                           bool (*known)(void *context, const struct tt_spool_name *name),
                           void *context, int64_t *removed);

/* What an upload or a fetch leaves free on the disk, so that a full one can still be emptied: a
 * delete is a write to the journal as well. */
#define TT_SPOOL_RESERVE_BYTES (256 * 1024)

/* TT_OK while at least reserve_bytes are free on the file system, else TT_ERR_SPOOL_FULL.
 * TT_ERR_STORAGE. */
enum tt_err tt_spool_reserve(struct tt_spool *spool, int64_t reserve_bytes);

/* TT_OK when a staged file can be made and at least reserve_bytes are free on the file system.
 * TT_ERR_STORAGE, TT_ERR_SPOOL_FULL. */
enum tt_err tt_spool_check(struct tt_spool *spool, int64_t reserve_bytes);

#endif
