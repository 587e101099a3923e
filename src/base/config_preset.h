/* Presets while the configuration is read: the sections [preset.NAME], whose keys are the options
 * of tintype/option.h. */
#ifndef TINTYPE_BASE_CONFIG_PRESET_H
#define TINTYPE_BASE_CONFIG_PRESET_H

#include <stdbool.h>

#include "base/config_value.h"
#include "tintype/option.h"

/* Which options were set in which preset. The others are taken from [image], once all is read. */
struct tt_config_preset_reading {
    int set_line[TT_CONFIG_PRESETS_MAX][TT_OPTION_MAX]; /* by preset and option; 0: not set */
};

/* The preset of that name, which is added where there is none. NULL, with a sentence in
 * explanation, when the name is none or there are TT_CONFIG_PRESETS_MAX already. */
struct tt_config_preset *tt_config_preset_take(struct tt_config *config, const char *name,
                                               char explanation[TT_CONFIG_EXPLANATION_SIZE]);

/* Finds the preset and the option of an environment variable; false when it belongs to none of the
 * presets there are. */
bool tt_config_preset_find_variable(struct tt_config *config, const char *variable,
                                    struct tt_config_preset **preset, int *option);

/* Once all is read: completes every preset, and finds those that image.renditions names. False,
 * with a sentence in explanation, where it names one that is not there, or one twice, or too many.
 */
bool tt_config_presets_finish(struct tt_config *config,
                              const struct tt_config_preset_reading *reading,
                              char explanation[TT_CONFIG_EXPLANATION_SIZE]);

#endif
