/* The rows behind the options of tintype/option.h, for the files that read and print the
 * configuration. */
#ifndef TINTYPE_BASE_OPTION_ROW_H
#define TINTYPE_BASE_OPTION_ROW_H

#include "base/config_keys.h"
#include "tintype/picture.h"

const struct tt_config_key *tt_option_row(int option);

/* The option's field of *options. */
void *tt_option_field(int option, struct tt_picture_options *options);

#endif
