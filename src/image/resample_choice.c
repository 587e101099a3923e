/* Passes: the choice among the versions that this program was built with. */
#include "image/resample_passes.h"

/* NULL at the end. */
static const struct tt_resample_passes *const versions[] = {
#if defined(__x86_64__)
    &tt_resample_passes_avx2,
    &tt_resample_passes_sse2,
#elif defined(__aarch64__) && defined(__ARM_NEON)
    &tt_resample_passes_neon,
#endif
    &tt_resample_passes_c,
    NULL,
};

const struct tt_resample_passes *tt_resample_passes_at(size_t index) {
    for (size_t i = 0; versions[i]; i++)
        if (versions[i]->runs_here() && index-- == 0)
            return versions[i];
    return NULL;
}
