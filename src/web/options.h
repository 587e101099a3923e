/* Options: what a client may ask of one upload, by query, form part or JSON member: how the result
 * is made (tintype/option.h), a preset for all of that, and the filename. */
#ifndef TINTYPE_WEB_OPTIONS_H
#define TINTYPE_WEB_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "tintype/config.h"
#include "tintype/err.h"
#include "tintype/option.h"
#include "tintype/text.h"

/* Where a value came from. One of a higher or the same origin replaces an earlier one. */
enum tt_option_origin { TT_OPTION_UNSET, TT_OPTION_QUERY, TT_OPTION_BODY };

#define TT_OPTION_OWN_MAX 8 /* an upload has no more options that say nothing of the result */

struct tt_options {
    const struct tt_config *config; /* presets, and what may be drawn; borrowed */
    /* What the upload gets: what it asked for, over its preset or the configuration's defaults. */
    struct tt_picture_options picture;
    char filename[TT_TEXT_FILENAME_SIZE]; /* cleaned; "" when none was given */

    /* Private: what was asked for so far, and by whom (enum tt_option_origin). */
    const struct tt_config_preset *preset; /* borrowed; NULL for none */
    struct tt_picture_options asked;
    int asked_by[TT_OPTION_MAX];
    int own_asked_by[TT_OPTION_OWN_MAX];
};

/* Starts from the configuration's defaults. */
void tt_options_init(struct tt_options *options, const struct tt_config *config);

/* Sets one option. TT_ERR_OPTION, refused with a sentence that names the option and what it takes,
 * for an unknown name or a bad value, also of a lower origin than what holds. Asking for one of
 * width and height leaves the other free. A preset is what all else starts from, wherever it
 * stands: other options beat it. */
enum tt_err tt_options_set(struct tt_options *options, enum tt_option_origin origin,
                           const char *name, const char *value);

/* The filename of a Content-Disposition header (RFC 6266: filename* of UTF-8 or ISO-8859-1 beats
 * filename; quoted strings and tokens), raw and not cleaned, into name[0..size); false when there
 * is none. Serves the request's own header and multipart parts alike; *is_form_data (may be NULL)
 * tells whether the type is form-data, and field[0..field_size) (may be NULL) gets the name
 * parameter, "" when none. */
bool tt_options_parse_disposition(const char *header, char *name, size_t size, bool *is_form_data,
                                  char *field, size_t field_size);

#endif
