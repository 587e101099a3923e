/* HEIF reader: a row source over libheif, for HEIC and AVIF. Here: its life, its errors in plain
 * words, its limits. Where the library comes from is in heif_library.c.
 *
 * The primary picture, with its grid, crop, rotation and mirroring applied, in 8 bits. libheif
 * knows neither arena nor limits of memory: its peak is estimated from the header for files
 * that say the truth, and bounded by the process's own limits (proc/child.c) for those that do not,
 * like everything in libraries of C++, which answer a lack of memory by ending the process. */
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image/decoder.h"
#include "image/heif_library.h"
#include "image/heif_parts.h"
#include "image/luma.h"
#include "tintype/file.h"

#define SEND_AGAIN "Send it again, or save it again from a program that can still open it."

/* libheif takes these while it decodes and converts pixels. The numbers are above what a counting
 * malloc measured (1.15.1 with libde265 1.0.11 and dav1d 1.0.0, 100 x 100 to 4000 x 3000 px, 4:2:0
 * and 4:4:4, with alpha): 6 to 8.2 bytes a pixel, 16 where samples have more than 8 bits; 580 a
 * column, and 0.5 MB. */
#define BYTES_PER_PIXEL      12
#define BYTES_PER_DEEP_PIXEL 20
#define BYTES_PER_COLUMN     768
#define LIBRARY_BYTES        (INT64_C(2) << 20)

/* No side may be longer, a grid's neither. No camera makes more, and libheif holds it against each
 * picture of a file before it decodes any. */
#define SIDE_MAX_PX 32768

struct heif_decoder {
    struct tt_decoder base; /* first: see decoder.h */
    const struct tt_heif_library *library;
    struct heif_reader reader;
    int64_t file_bytes;
    int64_t offset;       /* in the file, where libheif reads next */
    enum tt_err read_err; /* of the file, which libheif only takes for its end */
    struct tt_heif_parts parts;
    struct heif_context *context;
    struct heif_image_handle *handle;
    struct heif_image *image;
    bool is_premultiplied;
    const uint8_t *pixels; /* of image */
    size_t stride_bytes;
    uint8_t *row; /* what the source hands out; NULL where rows of pixels go out as they are */
    int rows_given;
};

/* ---- errors ---- */

/* libheif calls it a usage error as well where a file names an item or a channel that is not there.
 * Our own mistakes have these subcodes. */
static bool is_our_mistake(struct heif_error error) {
    return error.code == heif_error_Usage_error &&
           (error.subcode == heif_suberror_Null_pointer_argument ||
            error.subcode == heif_suberror_Unsupported_parameter ||
            error.subcode == heif_suberror_Unsupported_plugin_version);
}

static enum tt_err note_failure(const struct heif_decoder *decoder, struct heif_error error) {
    const char *name = tt_picture_format_row(decoder->base.header.format)->name;
    if (decoder->read_err != TT_OK)
        return decoder->read_err;
    if (error.subcode == heif_suberror_Security_limit_exceeded)
        return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                             "The %s picture is larger than is accepted. Send a smaller picture.",
                             name);
    if (error.subcode == heif_suberror_Unsupported_color_conversion) /* also for want of memory */
        return tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                             "The %s picture does not fit what its header says, or has colours of "
                             "a kind that is not supported. Save it as a JPEG or a PNG.",
                             name);
    if (is_our_mistake(error))
        return tt_err_fail(TT_ERR_INTERNAL, "libheif: %s", error.message);
    switch (error.code) {
    case heif_error_Memory_allocation_error: return tt_err_fail(TT_ERR_NO_MEMORY, "libheif");
    case heif_error_Unsupported_filetype:
    case heif_error_Unsupported_feature:
        return tt_err_refuse(TT_ERR_PICTURE_TYPE,
                             "The %s picture is of a kind that is not supported (%s). Save it "
                             "as a JPEG or a PNG.",
                             name, error.message);
    default:
        return tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                             "The %s picture is damaged or cut short (%s). " SEND_AGAIN, name,
                             error.message);
    }
}

/* ---- the file ---- */

static int64_t get_position(void *userdata) {
    const struct heif_decoder *decoder = userdata;
    return decoder->offset;
}

/* Returns 0 when all of it was read. */
static int read_file(void *bytes, size_t length, void *userdata) {
    struct heif_decoder *decoder = userdata;
    size_t got = 0;
    enum tt_err err =
        tt_file_read_at(decoder->base.fd, (off_t)decoder->offset, bytes, length, &got);
    if (err != TT_OK)
        decoder->read_err = err;
    decoder->offset += (int64_t)got;
    return got == length ? 0 : -1;
}

static int seek_file(int64_t position, void *userdata) {
    struct heif_decoder *decoder = userdata;
    if (position < 0 || position > decoder->file_bytes)
        return -1;
    decoder->offset = position;
    return 0;
}

static enum heif_reader_grow_status wait_for_file(int64_t size, void *userdata) {
    const struct heif_decoder *decoder = userdata;
    return size <= decoder->file_bytes ? heif_reader_grow_status_size_reached
                                       : heif_reader_grow_status_size_beyond_eof;
}

/* ---- the header ---- */

/* A profile that lies about itself is a matter of whoever converts by it; one that is too long is
 * left out. */
static enum tt_err read_profile(struct heif_decoder *decoder) {
    const struct tt_heif_library *library = decoder->library;
    struct tt_picture_header *header = &decoder->base.header;
    enum heif_color_profile_type type =
        library->heif_image_handle_get_color_profile_type(decoder->handle);
    if (type != heif_color_profile_type_rICC && type != heif_color_profile_type_prof)
        return TT_OK;
    size_t length = library->heif_image_handle_get_raw_color_profile_size(decoder->handle);
    if (length == 0 || length > (size_t)decoder->base.limits.max_chunk_bytes)
        return TT_OK;
    uint8_t *profile = tt_arena_alloc(decoder->base.arena, length);
    if (!profile)
        return TT_ERR_NO_MEMORY;
    struct heif_error error =
        library->heif_image_handle_get_raw_color_profile(decoder->handle, profile);
    if (error.code != heif_error_Ok)
        return note_failure(decoder, error);
    header->icc_profile = profile;
    header->icc_bytes = length;
    return TT_OK;
}

static enum tt_err check_size(const struct heif_decoder *decoder, int width_px, int height_px) {
    if (width_px <= 0 || height_px <= 0)
        return tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                             "The picture's header gives no width or no height. " SEND_AGAIN);
    return tt_decoder_check_pixels(&decoder->base, width_px, height_px);
}

/* libheif would not survive the lack of memory, so its need is estimated before it decodes. */
static enum tt_err check_memory(const struct heif_decoder *decoder, int coded_width_px,
                                int coded_height_px) {
    bool is_deep =
        decoder->library->heif_image_handle_get_luma_bits_per_pixel(decoder->handle) != 8;
    int64_t most_bytes = decoder->base.limits.max_memory_bytes;
    int64_t bytes = (int64_t)coded_width_px * coded_height_px *
                        (is_deep ? BYTES_PER_DEEP_PIXEL : BYTES_PER_PIXEL) +
                    (int64_t)coded_width_px * BYTES_PER_COLUMN + 2 * decoder->file_bytes +
                    LIBRARY_BYTES;
    if (bytes <= most_bytes)
        return TT_OK;
    return tt_err_refuse(TT_ERR_PICTURE_TOO_LARGE,
                         "The picture, %d x %d pixels, would take %lld bytes of memory; at most "
                         "%lld are allowed. Send a smaller one, or save it as a JPEG.",
                         coded_width_px, coded_height_px, (long long)bytes, (long long)most_bytes);
}

/* Returns the pixels of one part; 0 of one that libheif does not take for a picture. */
static int64_t count_part_pixels(const struct heif_decoder *decoder, uint32_t id) {
    const struct tt_heif_library *library = decoder->library;
    struct heif_image_handle *handle = NULL;
    struct heif_error error = library->heif_context_get_image_handle(decoder->context, id, &handle);
    if (error.code != heif_error_Ok)
        return 0;
    int64_t pixels = (int64_t)library->heif_image_handle_get_ispe_width(handle) *
                     library->heif_image_handle_get_ispe_height(handle);
    library->heif_image_handle_release(handle);
    return pixels;
}

/* The first of the parts is the primary picture itself. */
static enum tt_err check_parts(const struct heif_decoder *decoder, int64_t pixels) {
    int64_t part_pixels = 0;
    for (int i = 1; i < decoder->parts.count; i++)
        part_pixels += count_part_pixels(decoder, decoder->parts.ids[i]);
    return tt_heif_parts_check(&decoder->parts, pixels, part_pixels);
}

static enum tt_err read_header(struct heif_decoder *decoder) {
    const struct tt_heif_library *library = decoder->library;
    struct tt_picture_header *header = &decoder->base.header;
    struct heif_error error =
        library->heif_context_read_from_reader(decoder->context, &decoder->reader, decoder, NULL);
    if (error.code == heif_error_Ok)
        error = library->heif_context_get_primary_image_handle(decoder->context, &decoder->handle);
    if (error.code != heif_error_Ok)
        return note_failure(decoder, error);
    header->width_px = library->heif_image_handle_get_width(decoder->handle);
    header->height_px = library->heif_image_handle_get_height(decoder->handle);
    enum tt_err err = check_size(decoder, header->width_px, header->height_px);
    if (err != TT_OK)
        return err;
    /* This is the size that is decoded, before the picture is cropped or turned. */
    int coded_width_px = library->heif_image_handle_get_ispe_width(decoder->handle);
    int coded_height_px = library->heif_image_handle_get_ispe_height(decoder->handle);
    err = check_size(decoder, coded_width_px, coded_height_px);
    if (err != TT_OK)
        return err;
    bool alpha = library->heif_image_handle_has_alpha_channel(decoder->handle) != 0;
    decoder->is_premultiplied =
        alpha && library->heif_image_handle_is_premultiplied_alpha(decoder->handle) != 0;
    header->channels = alpha ? 4 : 3;
    err = check_memory(decoder, coded_width_px, coded_height_px);
    if (err == TT_OK)
        err = check_parts(decoder, (int64_t)coded_width_px * coded_height_px);
    return err == TT_OK ? read_profile(decoder) : err;
}

/* ---- rows ---- */

/* dav1d and libde265 tell stderr, which is the service's log, about each piece of damage. stderr is
 * a variable (glibc manual, 12.2), and a stream without functions takes all and keeps nothing
 * (fopencookie(3)); no descriptor is needed. Without memory for it the lines are logged. */
static struct heif_error decode_silently(struct heif_decoder *decoder,
                                         const struct heif_decoding_options *options) {
    FILE *before = stderr;
    FILE *nothing = fopencookie(NULL, "w", (cookie_io_functions_t){0});
    if (nothing)
        stderr = nothing;
    struct heif_error error = decoder->library->heif_decode_image(
        decoder->handle, &decoder->image, heif_colorspace_RGB,
        decoder->base.header.channels == 4 ? heif_chroma_interleaved_RGBA
                                           : heif_chroma_interleaved_RGB,
        options);
    stderr = before;
    if (nothing)
        (void)fclose(nothing);
    return error;
}

/* Returns false, with errno, where the system lets none be chosen. */
static bool choose_one_processor(cpu_set_t *before) {
    cpu_set_t one;
    int processor = sched_getcpu();
    if (processor < 0 || sched_getaffinity(0, sizeof *before, before) < 0)
        return false;
    CPU_ZERO(&one);
    CPU_SET((size_t)processor, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

/* dav1d starts as many threads as there are processors to run on, and fails where it may have none
 * (RLIMIT_NPROC); on one processor it decodes where it is called. Where none can be chosen, it is
 * still tried: HEIC never needs it (heif_library.c), nor does AVIF on a machine that has but one.
 * An AVIF that fails then may be whole, so it is not called damaged. */
static enum tt_err decode_on_one_processor(struct heif_decoder *decoder,
                                           const struct heif_decoding_options *options) {
    cpu_set_t before;
    bool is_chosen = choose_one_processor(&before);
    int why = errno;
    struct heif_error error = decode_silently(decoder, options);
    if (is_chosen)
        sched_setaffinity(0, sizeof before, &before);
    if (error.code == heif_error_Ok)
        return TT_OK;
    if (!is_chosen && decoder->base.header.format == TT_FORMAT_AVIF &&
        error.code == heif_error_Decoder_plugin_error) {
        errno = why;
        return tt_err_fail_errno(TT_ERR_INTERNAL, "AVIF, with no processor of its own");
    }
    return note_failure(decoder, error);
}

static enum tt_err decode_image(struct heif_decoder *decoder) {
    const struct tt_heif_library *library = decoder->library;
    const struct tt_picture_header *header = &decoder->base.header;
    struct heif_decoding_options *options = library->heif_decoding_options_alloc();
    if (!options)
        return tt_err_fail(TT_ERR_NO_MEMORY, "heif_decoding_options_alloc");
    options->convert_hdr_to_8bit = 1;
    options->strict_decoding = 1; /* damage is an error, not made-up pixels */
    enum tt_err err = decode_on_one_processor(decoder, options);
    library->heif_decoding_options_free(options);
    if (err != TT_OK)
        return err;
    int stride_bytes = 0;
    decoder->pixels = library->heif_image_get_plane_readonly(
        decoder->image, heif_channel_interleaved, &stride_bytes);
    if (!decoder->pixels || stride_bytes < header->width_px * header->channels ||
        library->heif_image_get_width(decoder->image, heif_channel_interleaved) !=
            header->width_px ||
        library->heif_image_get_height(decoder->image, heif_channel_interleaved) !=
            header->height_px)
        return tt_err_refuse(TT_ERR_PICTURE_BROKEN,
                             "The picture is not of the size that its header gives. " SEND_AGAIN);
    decoder->stride_bytes = (size_t)stride_bytes;
    return TT_OK;
}

/* Turns colours that were multiplied by alpha / 255 back into straight ones. */
static void divide_by_alpha(uint8_t *to, const uint8_t *from, size_t width_px) {
    for (size_t x = 0; x < width_px; x++, to += 4, from += 4) {
        unsigned int alpha = from[3];
        for (int c = 0; c < 3; c++) {
            unsigned int color = alpha > 0 ? (from[c] * 255u + alpha / 2) / alpha : 0;
            to[c] = (uint8_t)(color < 255 ? color : 255);
        }
        to[3] = (uint8_t)alpha;
    }
}

static enum tt_err next_row(struct tt_row_source *self, const uint8_t **row) {
    struct heif_decoder *decoder = (struct heif_decoder *)self;
    size_t width_px = (size_t)self->width_px;
    const uint8_t *pixels = decoder->pixels + (size_t)decoder->rows_given * decoder->stride_bytes;
    decoder->rows_given++;
    if (decoder->is_premultiplied) {
        divide_by_alpha(decoder->row, pixels, width_px);
        pixels = decoder->row;
    }
    if (self->channels != decoder->base.header.channels) {
        tt_luma_row(decoder->row, pixels, width_px, decoder->base.header.channels);
        pixels = decoder->row;
    }
    *row = pixels;
    return TT_OK;
}

/* ---- the decoder's functions ---- */

static enum tt_err start_heif(struct tt_decoder *self, bool grayscale) {
    struct heif_decoder *decoder = (struct heif_decoder *)self;
    self->source.width_px = self->header.width_px;
    self->source.height_px = self->header.height_px;
    self->source.channels = self->header.channels - (grayscale ? 2 : 0);
    self->source.next = next_row;
    if (grayscale || decoder->is_premultiplied) {
        decoder->row = tt_arena_alloc_array(self->arena, (size_t)self->header.width_px,
                                            (size_t)self->header.channels);
        if (!decoder->row)
            return TT_ERR_NO_MEMORY;
    }
    return decode_image(decoder);
}

/* There is nothing left to do, as start has decoded every pixel. What else a file may hold is not
 * read. */
static enum tt_err finish_heif(struct tt_decoder *self) {
    (void)self;
    return TT_OK;
}

static void close_heif(struct tt_decoder *self) {
    struct heif_decoder *decoder = (struct heif_decoder *)self;
    if (decoder->image)
        decoder->library->heif_image_release(decoder->image);
    if (decoder->handle)
        decoder->library->heif_image_handle_release(decoder->handle);
    if (decoder->context)
        decoder->library->heif_context_free(decoder->context);
}

static enum tt_err open_heif(struct tt_decoder *self) {
    struct heif_decoder *decoder = (struct heif_decoder *)self;
    decoder->library = tt_heif_library_load();
    if (!decoder->library)
        return TT_ERR_PICTURE_TYPE;
    self->start = start_heif;
    self->finish = finish_heif;
    self->close = close_heif;
    decoder->file_bytes = lseek(self->fd, 0, SEEK_END);
    if (decoder->file_bytes < 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "lseek");
    enum tt_err err = tt_heif_parts_read(&decoder->parts, self, decoder->file_bytes);
    if (err != TT_OK)
        return err;
    decoder->reader = (struct heif_reader){.reader_api_version = 1,
                                           .get_position = get_position,
                                           .read = read_file,
                                           .seek = seek_file,
                                           .wait_for_file_size = wait_for_file};
    decoder->context = decoder->library->heif_context_alloc();
    if (!decoder->context)
        return tt_err_fail(TT_ERR_NO_MEMORY, "heif_context_alloc");
    decoder->library->heif_context_set_max_decoding_threads(decoder->context, 0);
    decoder->library->heif_context_set_maximum_image_size_limit(decoder->context, SIDE_MAX_PX);
    return read_header(decoder);
}

const struct tt_decoder_kind tt_heif_decoder_kind = {sizeof(struct heif_decoder), open_heif};
