/* Option: what may be said of how a result is made. Each option is one row of the table of
 * configuration keys (src/base/config_keys.c), with one range and one set of words: as a key of
 * [image] it is the service's default, as a key of [preset.NAME] the preset's, and where the row
 * says so it is an option of an upload.
 *
 * Options are numbered from 0 to tt_option_count() - 1, in the order of their rows. */
#ifndef TINTYPE_OPTION_H
#define TINTYPE_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "tintype/picture.h"

#define TT_OPTION_MAX        16 /* the table has no more of them */
#define TT_OPTION_TAKES_SIZE 160

int tt_option_count(void);

/* The number of the option of that name, in the spelling of the configuration; -1 when none is. */
int tt_option_find(const char *name);

const char *tt_option_name(int option);

/* Whether an upload may ask for it, by that name. */
bool tt_option_is_asked(int option);

/* Sets the option's field of *options to what an upload asks for. Words are read in any case of
 * letters, and "jpg" is read as "jpeg"; 0, which leaves a side free in the configuration, is no
 * side to ask for. False, with *options as it was, for what the option does not take; texts are not
 * taken here at all. */
bool tt_option_parse(int option, const char *text, struct tt_picture_options *options);

/* What tt_option_parse takes, to follow "it must be": "a whole number from 1 to 100". */
void tt_option_describe(int option, char takes[TT_OPTION_TAKES_SIZE]);

/* Puts what was said over *options: the field of *said of each option whose said_by is not 0. Width
 * and height are one box: where one of them was said, the other is free (0) unless it was, too.
 * This is how a preset covers [image], and an upload its preset. */
void tt_option_overlay(struct tt_picture_options *options, const struct tt_picture_options *said,
                       const int said_by[TT_OPTION_MAX]);

enum tt_option_kind { TT_OPTION_FREE, TT_OPTION_NUMBER, TT_OPTION_SWITCH, TT_OPTION_WORD };

/* A value as documents show it. */
struct tt_option_value {
    enum tt_option_kind kind;
    int64_t number;   /* of TT_OPTION_NUMBER; of TT_OPTION_SWITCH 0 or 1 */
    const char *word; /* of TT_OPTION_WORD; a text's is *options' own */
};

struct tt_option_value tt_option_value(int option, const struct tt_picture_options *options);

#endif
