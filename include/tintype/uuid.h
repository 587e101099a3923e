/* UUID version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits. Text
 * sorts by time, so the id is the list's order, its cursor and its timestamp. */
#ifndef TINTYPE_UUID_H
#define TINTYPE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/err.h"

#define TT_UUID_SIZE 37 /* 36 characters and the NUL */

/* Makes a new id of now; *time_ms (may be NULL) is the time within it. TT_ERR_SYSTEM when the
 * system gives no random bytes. */
enum tt_err tt_uuid_new(char id[TT_UUID_SIZE], int64_t *time_ms);

/* True, with the time in *time_ms (may be NULL), when text is a version 7 UUID in the one form used
 * here: 36 characters, lower case, variant 10. */
bool tt_uuid_parse(const char *text, int64_t *time_ms);

/* The least id of that millisecond: id >= floor(t) holds exactly for ids of t and later. time_ms is
 * clamped to 0 .. 2^48 - 1. */
void tt_uuid_floor(int64_t time_ms, char id[TT_UUID_SIZE]);

#endif
