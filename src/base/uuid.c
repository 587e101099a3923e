/* UUID version 7 as text, in the layout of RFC 9562, section 5.7. */
#include "tintype/uuid.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "tintype/clock.h"

#define TIME_MAX_MS   ((INT64_C(1) << 48) - 1)
#define RANDOM_BYTES  10
#define VERSION_7     0x70 /* high half of byte 6 */
#define VARIANT_10    0x80 /* two high bits of byte 8 */
#define TEXT_TEMPLATE "xxxxxxxx-xxxx-7xxx-Vxxx-xxxxxxxxxxxx"

/* Writes the id of a time in 0 .. TIME_MAX_MS. Version and variant take the place of some random
 * bits. */
static void format(int64_t time_ms, const uint8_t random[RANDOM_BYTES], char id[TT_UUID_SIZE]) {
    const uint8_t *r = random;
    snprintf(id, TT_UUID_SIZE, "%08x-%04x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)(time_ms >> 16), (unsigned)(time_ms & 0xFFFF), VERSION_7 | (r[0] & 0x0F),
             r[1], VARIANT_10 | (r[2] & 0x3F), r[3], r[4], r[5], r[6], r[7], r[8], r[9]);
}

static int64_t clamp_time(int64_t time_ms) {
    if (time_ms < 0)
        return 0;
    return time_ms > TIME_MAX_MS ? TIME_MAX_MS : time_ms;
}

enum tt_err tt_uuid_new(char id[TT_UUID_SIZE], int64_t *time_ms) {
    int64_t now_ms = clamp_time(tt_clock_now_ms());
    ssize_t got;
    uint8_t random[RANDOM_BYTES];
    /* getrandom(2) gives up to 256 bytes whole or not at all. */
    do {
        got = getrandom(random, sizeof random, 0);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof random)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "getrandom");
    format(now_ms, random, id);
    if (time_ms)
        *time_ms = now_ms;
    return TT_OK;
}

/* The value of a lower-case hexadecimal digit, -1 for any other character. */
static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool tt_uuid_parse(const char *text, int64_t *time_ms) {
    static const char template[] = TEXT_TEMPLATE;
    int64_t time = 0;
    int digits = 0;
    if (strnlen(text, TT_UUID_SIZE) != TT_UUID_SIZE - 1)
        return false;
    for (int i = 0; i < TT_UUID_SIZE - 1; i++) {
        int value = hex_value(text[i]);
        if (template[i] == 'x' && value < 0)
            return false;
        if (template[i] == 'V' && (value < 8 || value > 11))
            return false;
        if (template[i] != 'x' && template[i] != 'V' && text[i] != template[i])
            return false;
        if (value >= 0 && digits++ < 12)
            time = time << 4 | value;
    }
    if (time_ms)
        *time_ms = time;
    return true;
}

void tt_uuid_floor(int64_t time_ms, char id[TT_UUID_SIZE]) {
    static const uint8_t lowest[RANDOM_BYTES];
    format(clamp_time(time_ms), lowest, id);
}
