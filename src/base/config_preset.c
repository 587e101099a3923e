/* Presets: the sections [preset.NAME]. Their keys are options of a rendering, and what a preset
 * does not set it takes from [image]. */
#include "base/config_preset.h"

#include <string.h>

#include "base/option_row.h"
#include "tintype/option.h"

const struct tt_config_preset *tt_config_find_preset(const struct tt_config *config,
                                                     const char *name) {
    for (int i = 0; i < config->preset_count; i++)
        if (strcmp(config->presets[i].name, name) == 0)
            return &config->presets[i];
    return NULL;
}

bool tt_config_has_watermark_text(const struct tt_config *config) {
    bool has_text = config->image.options.watermark.text[0] != '\0';
    for (int i = 0; i < config->preset_count; i++)
        has_text = has_text || config->presets[i].options.watermark.text[0] != '\0';
    return has_text;
}

struct tt_config_preset *tt_config_preset_take(struct tt_config *config, const char *name,
                                               char explanation[TT_CONFIG_EXPLANATION_SIZE]) {
    const struct tt_config_preset *found = tt_config_find_preset(config, name);
    if (found)
        return &config->presets[found - config->presets];
    if (!tt_picture_preset_is_name(name)) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                 "[preset.NAME] takes a name of 1 to %d characters of a-z, 0-9 and hyphen",
                 TT_PICTURE_PRESET_SIZE - 1);
        return NULL;
    }
    if (config->preset_count == TT_CONFIG_PRESETS_MAX) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "there may be %d presets at most",
                 TT_CONFIG_PRESETS_MAX);
        return NULL;
    }
    struct tt_config_preset *preset = &config->presets[config->preset_count++];
    snprintf(preset->name, sizeof preset->name, "%s", name);
    return preset;
}

static void format_variable(const char *preset_name, const char *key_name,
                            char variable[TT_CONFIG_VARIABLE_SIZE]) {
    char section[sizeof "preset_" + TT_PICTURE_PRESET_SIZE];
    snprintf(section, sizeof section, "preset_%s", preset_name);
    for (char *c = section; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    tt_config_variable_format(section, key_name, variable);
}

bool tt_config_preset_find_variable(struct tt_config *config, const char *variable,
                                    struct tt_config_preset **preset, int *option) {
    for (int i = 0; i < config->preset_count; i++) {
        *preset = &config->presets[i];
        for (*option = 0; *option < tt_option_count(); (*option)++) {
            char candidate[TT_CONFIG_VARIABLE_SIZE];
            format_variable((*preset)->name, tt_option_name(*option), candidate);
            if (strcmp(candidate, variable) == 0)
                return true;
        }
    }
    return false;
}

/* Adds one name of image.renditions. */
static bool add_rendition(struct tt_config *config, const char *name,
                          char explanation[TT_CONFIG_EXPLANATION_SIZE]) {
    const struct tt_config_preset *preset = tt_config_find_preset(config, name);
    if (!preset) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                 "renditions names \"%.31s\", and there is no [preset.%.31s]", name, name);
        return false;
    }
    int index = (int)(preset - config->presets);
    for (int i = 0; i < config->image.rendition_count; i++) {
        if (config->image.rendition_presets[i] != index)
            continue;
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "renditions names \"%s\" twice", name);
        return false;
    }
    if (config->image.rendition_count == TT_PICTURE_RENDITIONS_MAX) {
        snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "renditions takes %d names at most",
                 TT_PICTURE_RENDITIONS_MAX);
        return false;
    }
    config->image.rendition_presets[config->image.rendition_count++] = index;
    return true;
}

bool tt_config_presets_finish(struct tt_config *config,
                              const struct tt_config_preset_reading *reading,
                              char explanation[TT_CONFIG_EXPLANATION_SIZE]) {
    char *rest = NULL;
    config->image.options.watermark.use_image = config->image.watermark_image[0] != '\0';
    for (int i = 0; i < config->preset_count; i++) {
        const struct tt_picture_options said = config->presets[i].options;
        config->presets[i].options = config->image.options;
        tt_option_overlay(&config->presets[i].options, &said, reading->set_line[i]);
    }
    char names[sizeof config->image.renditions];
    memcpy(names, config->image.renditions, sizeof names);
    for (char *name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
        if (!add_rendition(config, name, explanation))
            return false;
    return true;
}
