/* What is printed from the table of configuration keys: help, the README's table, and a whole
 * configuration. */
#include <string.h>

#include "base/config_value.h"
#include "base/option_row.h"
#include "tintype/option.h"

#define CHOICES_SIZE 160

/* The default as a person reads it, the same on every machine. */
static void print_default(FILE *out, const struct tt_config_key *key) {
    if (key->value)
        fputs(key->value, out);
    else
        fprintf(out, "%d per core", key->per_core);
}

static void print_explanation(FILE *out, const struct tt_config_key *key) {
    fputs(key->help, out);
    if (key->help[strlen(key->help) - 1] != ':')
        return;
    char choices[CHOICES_SIZE];
    tt_text_choice_list(key->choices, choices, sizeof choices);
    fprintf(out, " %s", choices);
}

/* "[section]" where a key is the first of its section, below an empty line where others came
 * before. */
static void print_section(FILE *out, size_t number) {
    const char *section = tt_config_keys[number].section;
    bool is_first = number == 0;
    if (is_first || strcmp(section, tt_config_keys[number - 1].section) != 0)
        fprintf(out, "%s[%s]\n", is_first ? "" : "\n", section);
}

void tt_config_print_help(FILE *out) {
    for (size_t i = 0; i < tt_config_key_count; i++) {
        print_section(out, i);
        fprintf(out, "  %s = ", tt_config_keys[i].name);
        print_default(out, &tt_config_keys[i]);
        fputs("\n      ", out);
        print_explanation(out, &tt_config_keys[i]);
        fputc('\n', out);
    }
    fprintf(out,
            "\n[preset.NAME]\n  Keys of [image] that say how a result is made (%s to %s);\n  what "
            "is not set is as there.\n",
            tt_option_name(0), tt_option_name(tt_option_count() - 1));
    fputs("\nEach key is also an environment variable, " TT_CONFIG_VARIABLE_PREFIX
          "<SECTION>_<KEY>,\nwhich beats the file: " TT_CONFIG_VARIABLE_PREFIX "IMAGE_WIDTH=800\n",
          out);
}

void tt_config_print_markdown(FILE *out) {
    fputs("| key | default | what it does |\n| --- | --- | --- |\n", out);
    for (size_t i = 0; i < tt_config_key_count; i++) {
        const struct tt_config_key *key = &tt_config_keys[i];
        bool has_default = !key->value || key->value[0] != '\0';
        fprintf(out, "| `%s.%s` | %s", key->section, key->name, has_default ? "`" : "");
        print_default(out, key);
        fprintf(out, "%s | ", has_default ? "`" : "");
        print_explanation(out, key);
        fputs(" |\n", out);
    }
}

static void print_value(FILE *out, const struct tt_config_key *key, const void *field) {
    fprintf(out, "%s = ", key->name);
    tt_config_value_print(out, key, field);
    fputc('\n', out);
}

void tt_config_print_values(FILE *out, const struct tt_config *config) {
    for (size_t i = 0; i < tt_config_key_count; i++) {
        print_section(out, i);
        print_value(out, &tt_config_keys[i], (const char *)config + tt_config_keys[i].offset);
    }
    for (int i = 0; i < config->preset_count; i++) {
        struct tt_picture_options options = config->presets[i].options;
        fprintf(out, "\n[preset.%s]\n", config->presets[i].name);
        for (int j = 0; j < tt_option_count(); j++)
            print_value(out, tt_option_row(j), tt_option_field(j, &options));
    }
}
