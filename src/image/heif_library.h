/* HEIF library: libheif, loaded when the first HEIC or AVIF picture comes, for heif_read.c.
 *
 * It is not linked: with the codecs it brings along (libde265, x265, aom, dav1d) a process that
 * never sees such a picture would start 3.8 ms later, hold 3.6 MB more resident, and fork and reap
 * a decoder in 0.25 ms instead of 0.19 (measured, minima of 3000). So it may also be absent. */
#ifndef TINTYPE_IMAGE_HEIF_LIBRARY_H
#define TINTYPE_IMAGE_HEIF_LIBRARY_H

#include <libheif/heif.h>

#include "tintype/err.h"

/* This lists every function of libheif that is used. */
#define TT_HEIF_FUNCTIONS(X)                                                                       \
    X(heif_context_alloc)                                                                          \
    X(heif_context_free)                                                                           \
    X(heif_context_read_from_reader)                                                               \
    X(heif_context_set_maximum_image_size_limit)                                                   \
    X(heif_context_set_max_decoding_threads)                                                       \
    X(heif_context_get_primary_image_handle)                                                       \
    X(heif_context_get_image_handle)                                                               \
    X(heif_image_handle_release)                                                                   \
    X(heif_image_handle_get_width)                                                                 \
    X(heif_image_handle_get_height)                                                                \
    X(heif_image_handle_get_ispe_width)                                                            \
    X(heif_image_handle_get_ispe_height)                                                           \
    X(heif_image_handle_get_luma_bits_per_pixel)                                                   \
    X(heif_image_handle_has_alpha_channel)                                                         \
    X(heif_image_handle_is_premultiplied_alpha)                                                    \
    X(heif_image_handle_get_color_profile_type)                                                    \
    X(heif_image_handle_get_raw_color_profile_size)                                                \
    X(heif_image_handle_get_raw_color_profile)                                                     \
    X(heif_decoding_options_alloc)                                                                 \
    X(heif_decoding_options_free)                                                                  \
    X(heif_decode_image)                                                                           \
    X(heif_image_get_width)                                                                        \
    X(heif_image_get_height)                                                                       \
    X(heif_image_get_plane_readonly)                                                               \
    X(heif_image_release)

/* Each function has its own name here: library->heif_context_alloc(). */
struct tt_heif_library {
#define TT_HEIF_MEMBER(name) __typeof__(name) *name; // NOLINT(bugprone-macro-parentheses)
    TT_HEIF_FUNCTIONS(TT_HEIF_MEMBER)
#undef TT_HEIF_MEMBER
};

/* Returns the library, which is loaded at the first call and stays for the life of the process. It
 * is NULL, noted as TT_ERR_PICTURE_TYPE, where the library is absent, lacks a function, or cannot
 * be held to one thread. */
const struct tt_heif_library *tt_heif_library_load(void);

/* libheif calls this in place of libde265's function of that name. It starts no thread: see
 * heif_library.c. */
int de265_start_worker_threads(void *context, int count);

#endif
