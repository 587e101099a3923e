/* SHA-256 (FIPS 180-4), a piece at a time. The only user of OpenSSL outside src/aws. */
#ifndef TINTYPE_HASH_H
#define TINTYPE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "tintype/err.h"

#define TT_HASH_BYTES    32
#define TT_HASH_HEX_SIZE (2 * TT_HASH_BYTES + 1)

struct tt_hash {
    void *context; /* owned; NULL before init and after fini */
};

/* Has OpenSSL read its configuration, which a process may not open any more once it has entered its
 * role (reach.h). Without this call the first sum does it. TT_ERR_NO_MEMORY. */
enum tt_err tt_hash_prepare(void);
/* Starts a sum. TT_ERR_NO_MEMORY. */
enum tt_err tt_hash_init(struct tt_hash *hash);
/* Frees what init made. It may be called twice, and on a zeroed struct. */
void tt_hash_fini(struct tt_hash *hash);
enum tt_err tt_hash_update(struct tt_hash *hash, const void *bytes, size_t length);
/* Ends the sum and starts the next, so the struct may be used again at once. */
enum tt_err tt_hash_finish(struct tt_hash *hash, uint8_t digest[TT_HASH_BYTES]);
/* Sums a whole file, from its start, wherever fd's offset is. TT_ERR_STORAGE, TT_ERR_NO_MEMORY. */
enum tt_err tt_hash_file(int fd, uint8_t digest[TT_HASH_BYTES]);
/* Writes the digest in lower-case hexadecimal, NUL-terminated. */
void tt_hash_format(const uint8_t digest[TT_HASH_BYTES], char hex[TT_HASH_HEX_SIZE]);

#endif
