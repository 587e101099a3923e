/* SHA-256 by OpenSSL's EVP, which uses the processor's own instructions for it where there are any.
 * */
#include "tintype/hash.h"

#include "tintype/file.h"

#include <openssl/evp.h>

/* The algorithm is looked up once and kept as long as the process lives: EVP_sha256() would be
 * looked up anew at each init (crypto(7), "Performance"). */
static EVP_MD *sha256;

enum tt_err tt_hash_prepare(void) {
    if (!sha256)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return sha256 ? TT_OK : tt_err_fail(TT_ERR_NO_MEMORY, "hash: OpenSSL has no SHA256");
}

enum tt_err tt_hash_init(struct tt_hash *hash) {
    hash->context = NULL;
    enum tt_err err = tt_hash_prepare();
    if (err != TT_OK)
        return err;
    hash->context = EVP_MD_CTX_new();
    if (!hash->context)
        return tt_err_fail(TT_ERR_NO_MEMORY, "hash: no memory for a context");
    if (EVP_DigestInit_ex2(hash->context, sha256, NULL) != 1) {
        tt_hash_fini(hash);
        return tt_err_fail(TT_ERR_NO_MEMORY, "hash: the digest cannot be started");
    }
    return TT_OK;
}

void tt_hash_fini(struct tt_hash *hash) {
    EVP_MD_CTX_free(hash->context);
    hash->context = NULL;
}

enum tt_err tt_hash_update(struct tt_hash *hash, const void *bytes, size_t length) {
    if (EVP_DigestUpdate(hash->context, bytes, length) != 1)
        return tt_err_fail(TT_ERR_INTERNAL, "hash: update failed");
    return TT_OK;
}

enum tt_err tt_hash_finish(struct tt_hash *hash, uint8_t digest[TT_HASH_BYTES]) {
    if (EVP_DigestFinal_ex(hash->context, digest, NULL) != 1 ||
        EVP_DigestInit_ex2(hash->context, sha256, NULL) != 1)
        return tt_err_fail(TT_ERR_INTERNAL, "hash: finish failed");
    return TT_OK;
}

enum tt_err tt_hash_file(int fd, uint8_t digest[TT_HASH_BYTES]) {
    struct tt_hash hash;
    enum tt_err err = tt_hash_init(&hash);
    off_t offset = 0;
    uint8_t piece[16 * 1024];
    for (size_t got = sizeof piece; err == TT_OK && got == sizeof piece; offset += (off_t)got) {
        err = tt_file_read_at(fd, offset, piece, sizeof piece, &got);
        if (err == TT_OK)
            err = tt_hash_update(&hash, piece, got);
    }
    if (err == TT_OK)
        err = tt_hash_finish(&hash, digest);
    tt_hash_fini(&hash);
    return err;
}

void tt_hash_format(const uint8_t digest[TT_HASH_BYTES], char hex[TT_HASH_HEX_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < TT_HASH_BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 0xF];
    }
    hex[TT_HASH_HEX_SIZE - 1] = '\0';
}
