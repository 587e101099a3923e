/* libFuzzer on HEIC and AVIF through the whole pipeline. */
#include "picture.h"

/* libheif follows pictures that are made of others (grids, overlays, and what is derived by
 * nothing) without an end where they are made of themselves. In the service the limits of the
 * decoder's process end that, which a fuzzer has not; tests/e2e sends such pictures to the service.
 */
static int is_derived(const uint8_t *data, size_t size) {
    static const char *const types[] = {"grid", "iovl", "iden"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (memmem(data, size, types[i], 4))
            return 1;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return is_derived(data, size) ? 0 : fuzz_picture(data, size, TT_FORMAT_HEIC, TT_FORMAT_AVIF);
}
