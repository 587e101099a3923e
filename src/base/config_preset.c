/* Presets: the sections [preset.NAME]. Their keys are rows of the one table of keys, those of
 * [image] that are options of a rendering; what a preset does not set it takes from [image]. */
#include "config_keys.h"

#include <string.h>

#define OPTIONS_OFFSET offsetof(struct tt_config, image.options)

void *tt_config_preset_field(const struct tt_config_key *key, struct tt_picture_options *options) {
    if (key->offset < OPTIONS_OFFSET || key->offset >= OPTIONS_OFFSET + sizeof *options)
        return NULL;
    return (char *)options + (key->offset - OPTIONS_OFFSET);
}

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
    struct tt_config_preset *preset;

    if (found != NULL)
        return &config->presets[found - config->presets];
    if (!tt_picture_preset_is_name(name)) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                       "[preset.NAME] takes a name of 1 to %d characters of a-z, 0-9 and hyphen",
                       TT_PICTURE_PRESET_SIZE - 1);
        return NULL;
    }
    if (config->preset_count == TT_CONFIG_PRESETS_MAX) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "there may be %d presets at most",
                       TT_CONFIG_PRESETS_MAX);
        return NULL;
    }
    preset = &config->presets[config->preset_count++];
    (void)snprintf(preset->name, sizeof preset->name, "%s", name);
    return preset;
}

static void format_variable(const char *preset_name, const char *key_name,
                            char variable[TT_CONFIG_VARIABLE_SIZE]) {
    char section[sizeof "preset_" + TT_PICTURE_PRESET_SIZE];

    (void)snprintf(section, sizeof section, "preset_%s", preset_name);
    for (char *c = section; *c != '\0'; c++)
        if (*c == '-')
            *c = '_';
    tt_config_variable_format(section, key_name, variable);
}

bool tt_config_preset_find_variable(struct tt_config *config, const char *variable,
                                    struct tt_config_preset **preset,
                                    const struct tt_config_key **key) {
    for (int i = 0; i < config->preset_count; i++) {
        *preset = &config->presets[i];
        for (size_t j = 0; j < tt_config_key_count; j++) {
            char candidate[TT_CONFIG_VARIABLE_SIZE];

            *key = &tt_config_keys[j];
            if (tt_config_preset_field(*key, &(*preset)->options) == NULL)
                continue;
            format_variable((*preset)->name, (*key)->name, candidate);
            if (strcmp(candidate, variable) == 0)
                return true;
        }
    }
    return false;
}

/* Takes from [image] what was not set; but a side that was not set is free where the other one
 * was, as in a request. */
static void complete(struct tt_config *config, struct tt_config_preset *preset,
                     const int set_line[TT_CONFIG_KEYS_MAX]) {
    bool has_side = false;

    for (size_t i = 0; i < tt_config_key_count; i++) {
        const struct tt_config_key *key = &tt_config_keys[i];
        void *field = tt_config_preset_field(key, &preset->options);

        has_side = has_side || (set_line[i] != 0 && (field == &preset->options.width_px ||
                                                     field == &preset->options.height_px));
    }
    for (size_t i = 0; i < tt_config_key_count; i++) {
        const struct tt_config_key *key = &tt_config_keys[i];
        void *field = tt_config_preset_field(key, &preset->options);

        if (field == NULL || set_line[i] != 0)
            continue;
        if (has_side && (field == &preset->options.width_px || field == &preset->options.height_px))
            continue; /* 0 */
        memcpy(field, tt_config_field(key, config), key->size);
    }
    preset->options.watermark.use_image = config->image.watermark_image[0] != '\0';
}

/* One name of image.renditions. */
static bool add_rendition(struct tt_config *config, const char *name,
                          char explanation[TT_CONFIG_EXPLANATION_SIZE]) {
    const struct tt_config_preset *preset = tt_config_find_preset(config, name);
    int index;

    if (preset == NULL) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE,
                       "renditions names \"%.31s\", and there is no [preset.%.31s]", name, name);
        return false;
    }
    index = (int)(preset - config->presets);
    for (int i = 0; i < config->image.rendition_count; i++) {
        if (config->image.rendition_presets[i] != index)
            continue;
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "renditions names \"%s\" twice",
                       name);
        return false;
    }
    if (config->image.rendition_count == TT_PICTURE_RENDITIONS_MAX) {
        (void)snprintf(explanation, TT_CONFIG_EXPLANATION_SIZE, "renditions takes %d names at most",
                       TT_PICTURE_RENDITIONS_MAX);
        return false;
    }
    config->image.rendition_presets[config->image.rendition_count++] = index;
    return true;
}

bool tt_config_presets_finish(struct tt_config *config,
                              const struct tt_config_preset_reading *reading,
                              char explanation[TT_CONFIG_EXPLANATION_SIZE]) {
    char names[sizeof config->image.renditions];
    char *rest = NULL;

    config->image.options.watermark.use_image = config->image.watermark_image[0] != '\0';
    for (int i = 0; i < config->preset_count; i++)
        complete(config, &config->presets[i], reading->set_line[i]);
    memcpy(names, config->image.renditions, sizeof names);
    for (char *name = strtok_r(names, ", ", &rest); name != NULL;
         name = strtok_r(NULL, ", ", &rest))
        if (!add_rendition(config, name, explanation))
            return false;
    return true;
}
