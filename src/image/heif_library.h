/* HEIF library: libheif, for heif_read.c, loaded by whoever will fork decoders, which themselves
 * can open no library.
 *
 * It is not linked, so it may also be absent, and is left out of decoders of other pictures: with
 * the codecs that it brings along (libde265, x265, aom, dav1d) a process takes 0.25 ms to fork and
 * reap instead of 0.19 (measured, minima of 3000). */
#ifndef TINTYPE_IMAGE_HEIF_LIBRARY_H
#define TINTYPE_IMAGE_HEIF_LIBRARY_H

#include <libheif/heif.h>
#include <stdbool.h>

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

/* Returns the library, which is looked for at the first call and stays for the life of the process
 * and of those that it forks. It is NULL, noted as TT_ERR_PICTURE_TYPE, where the library is
 * absent, lacks a function, or cannot be held to one thread. */
const struct tt_heif_library *tt_heif_library_load(void);

/* Leaves the library, where it is loaded, out of the processes that this one forks from now on, or
 * has them get it again, which is how it is at first. A process without it must not ask for it. */
void tt_heif_library_leave_out(bool leave_out);

/* libheif calls this in place of libde265's function of that name. It starts no thread: see
 * heif_library.c. */
int de265_start_worker_threads(void *context, int count);

#endif
