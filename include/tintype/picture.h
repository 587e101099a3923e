/* Pictures as every room speaks of them: formats, the options of one rendering, its limits, and
 * what came of it. All of it is plain data; the work is behind image.h. */
#ifndef TINTYPE_PICTURE_H
#define TINTYPE_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/err.h"
#include "tintype/text.h"

#define TT_PICTURE_SIDE_MAX_PX 16384 /* width and height that may be asked for */

enum tt_picture_format {
    TT_FORMAT_NONE,
    TT_FORMAT_PNG,
    TT_FORMAT_JPEG,
    TT_FORMAT_WEBP,
    TT_FORMAT_GIF,
    TT_FORMAT_HEIC,
    TT_FORMAT_AVIF,
    TT_FORMAT_COUNT
};

struct tt_picture_format_row {
    const char *name;       /* "PNG": the image object, the table */
    const char *extension;  /* "png", "jpg": file and object names */
    const char *media_type; /* "image/png" */
};

/* The row of a format; never NULL. TT_FORMAT_NONE gives a row of empty strings. */
const struct tt_picture_format_row *tt_picture_format_row(enum tt_picture_format format);

/* Refuses a file that is of none of the formats, all of which can be read: TT_ERR_PICTURE_TYPE,
 * with a sentence for the client that names them. */
enum tt_err tt_picture_refuse_format(void);

/* The formats that a result may have: "png", "jpeg", "webp". */
extern const struct tt_text_choice tt_picture_formats[];

enum tt_picture_fit {
    TT_FIT_INSIDE, /* within the box, proportions kept, never enlarged */
    TT_FIT_COVER,  /* covers the box, the rest cropped around the middle, never enlarged */
    TT_FIT_FILL,   /* exactly the box */
};

/* "inside", "cover", "fill". */
extern const struct tt_text_choice tt_picture_fits[];

enum tt_picture_position {
    TT_POSITION_TOP_LEFT,
    TT_POSITION_TOP,
    TT_POSITION_TOP_RIGHT,
    TT_POSITION_LEFT,
    TT_POSITION_CENTER,
    TT_POSITION_RIGHT,
    TT_POSITION_BOTTOM_LEFT,
    TT_POSITION_BOTTOM,
    TT_POSITION_BOTTOM_RIGHT,
    TT_POSITION_COUNT
};

/* "top-left", "top", …, "bottom-right". */
extern const struct tt_text_choice tt_picture_positions[];

#define TT_PICTURE_WATERMARK_SIZE 256

/* What is drawn over a result: the text, or where there is none the configured image, or nothing.
 * Sizes are in percent of the result's shorter side. */
struct tt_picture_watermark {
    char text[TT_PICTURE_WATERMARK_SIZE]; /* UTF-8, one line; "" for none */
    bool enabled;                         /* false: nothing is drawn */
    bool use_image;                       /* the configured image is drawn where there is no text */
    enum tt_picture_position position;
    int size_percent;    /* of a text's line, or of an image's shorter side: 1 to 100 */
    int margin_percent;  /* from the edges: 0 to 45 */
    int opacity_percent; /* 1 to 100 */
};

struct tt_picture_options {
    int width_px;  /* 1 to TT_PICTURE_SIDE_MAX_PX, 0: follows the height, or the picture's own */
    int height_px; /* likewise; both after orientation */
    enum tt_picture_fit fit;
    bool grayscale;
    enum tt_picture_format format;
    int quality; /* JPEG, WebP: 1 to 100 */
    struct tt_picture_watermark watermark;
};

#define TT_PICTURE_PRESET_SIZE 32 /* a preset's name: 1 to 31 of a-z, 0-9 and hyphen */

#define TT_PICTURE_RENDITIONS_MAX 8
#define TT_PICTURE_RESULTS_MAX    (1 + TT_PICTURE_RENDITIONS_MAX)

/* Whether text is a well-formed preset's name: only such a name ever becomes part of a path. */
bool tt_picture_preset_is_name(const char *text);

/* One result that is wanted of a picture. */
struct tt_picture_output {
    int fd; /* where its file is written, from the current offset; borrowed */
    const struct tt_picture_options *options; /* borrowed */
    const char *preset; /* the name, where the operator's configuration asks for it and not the
                           client; NULL otherwise. Borrowed */
};

struct tt_picture_limits {
    int64_t max_pixels;       /* of the picture and of the result, from their headers */
    int64_t max_memory_bytes; /* of one rendering: of its arena; its process has a little more */
    int64_t max_chunk_bytes;  /* of one PNG chunk other than the pixels */
    int64_t max_scans;        /* of a progressive JPEG */
};

/* What a rendering reports. It is filled by the process that read a hostile picture: whoever reads
 * it from there checks every value. */
struct tt_picture_report {
    enum tt_err err;
    char cause[TT_ERR_NOTE_SIZE];  /* of a failure, for the log; NUL-terminated */
    char detail[TT_ERR_NOTE_SIZE]; /* of a refusal, its sentence; else ""; NUL-terminated */
    int32_t source_width_px;       /* as the file's header has it, before orientation */
    int32_t source_height_px;
    struct {
        int32_t width_px;
        int32_t height_px;
    } results[TT_PICTURE_RESULTS_MAX]; /* in the order of the outputs */
};

#endif
