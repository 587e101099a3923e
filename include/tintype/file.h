/* File operations that finish what they start: whole writes, whole reads, durable names. */
#ifndef TINTYPE_FILE_H
#define TINTYPE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "tintype/err.h"

/* Writes all length bytes, across EINTR and short writes. TT_ERR_STORAGE or TT_ERR_SPOOL_FULL. */
enum tt_err tt_file_write(int fd, const void *bytes, size_t length);

/* Reads up to length bytes at offset, across EINTR and short reads; *got is less only at the end of
 * the file. TT_ERR_STORAGE. */
enum tt_err tt_file_read_at(int fd, off_t offset, void *bytes, size_t length, size_t *got);

/* The contents are on the disk when it returns TT_OK (fdatasync). */
enum tt_err tt_file_sync(int fd);

/* The names in an open directory are on the disk when it returns TT_OK (fsync). */
enum tt_err tt_file_sync_dir(int dir_fd);

/* Closes a descriptor whose writes were synced or do not matter, and sets *fd to -1. A negative *fd
 * is left alone. */
void tt_file_close(int *fd);

#endif
