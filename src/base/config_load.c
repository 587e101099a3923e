/* Loading the configuration: defaults, then the file, then the environment, all through the table
 * of keys in config_keys.c. What presets need beyond that is in config_preset.c. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config_preset.h"
#include "base/config_rules.h"
#include "base/option_row.h"
#include "tintype/ini.h"
#include "tintype/option.h"

#define LINE_MAX_BYTES (TT_CONFIG_PATH_MAX + 254)
#define DISTANCE_MAX   2 /* letters in which a name and the one suggested for it may differ */

#define PRESET_PREFIX     "preset."
#define LINE_OF_VARIABLES (-1) /* in place of a line: a variable set the key */

struct reading {
    struct tt_config *config;
    FILE *problems;
    int problem_count;
    const char *path;
    int line;                         /* of the file, to which problems are put down */
    int set_line[TT_CONFIG_KEYS_MAX]; /* by key: the line that set it; 0: none did */
    struct tt_config_preset_reading presets;
};

static void problem_at_line(struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void problem_at_line(struct reading *reading, const char *format, ...) {
    reading->problem_count++;
    fprintf(reading->problems, "%s:%d: ", reading->path, reading->line);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(reading->problems, format, arguments);
    va_end(arguments);
    fputc('\n', reading->problems);
}

/* The Levenshtein distance of two variables' names, for which one row of its matrix is enough. */
static size_t distance(const char *left, const char *right) {
    size_t right_length = strlen(right);
    size_t row[TT_CONFIG_VARIABLE_SIZE];
    for (size_t j = 0; j <= right_length; j++)
        row[j] = j;
    for (size_t i = 0; left[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= right_length; j++) {
            size_t replaced = diagonal + (left[i] != right[j - 1] ? 1 : 0);
            size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = replaced < shorter + 1 ? replaced : shorter + 1;
        }
    }
    return row[right_length];
}

/* The key whose variable is this one, or differs least from it and by at most limit letters; NULL
 * when there is none. */
static const struct tt_config_key *find_key(const char *variable, size_t limit) {
    const struct tt_config_key *nearest = NULL;
    for (size_t i = 0; i < tt_config_key_count; i++) {
        char candidate[TT_CONFIG_VARIABLE_SIZE];
        tt_config_variable_format(tt_config_keys[i].section, tt_config_keys[i].name, candidate);
        size_t letters = distance(variable, candidate);
        if (letters <= limit) {
            nearest = &tt_config_keys[i];
            if (letters == 0)
                break;
            limit = letters - 1;
        }
    }
    return nearest;
}

static void problem_unknown_key(struct reading *reading, const char *section, const char *name) {
    char variable[TT_CONFIG_VARIABLE_SIZE];
    tt_config_variable_format(section, name, variable);
    const struct tt_config_key *nearest = find_key(variable, DISTANCE_MAX);
    if (section[0] == '\0')
        problem_at_line(reading, "\"%s\" stands before the first [section]", name);
    else if (nearest)
        problem_at_line(reading, "no such key: \"%s\" in [%s]; did you mean \"%s\" in [%s]?", name,
                        section, nearest->name, nearest->section);
    else
        problem_at_line(reading, "no such key: \"%s\" in [%s]", name, section);
}

static const struct tt_config_key *find_pair(const char *section, const char *name) {
    for (size_t i = 0; i < tt_config_key_count; i++)
        if (strcmp(tt_config_keys[i].section, section) == 0 &&
            strcmp(tt_config_keys[i].name, name) == 0)
            return &tt_config_keys[i];
    return NULL;
}

/* What holds in place of a key that an older version had; NULL when none had it. */
static const char *find_former(const char *variable) {
    for (size_t i = 0; i < tt_config_former_key_count; i++) {
        const struct tt_config_former_key *former = &tt_config_former_keys[i];
        char candidate[TT_CONFIG_VARIABLE_SIZE];
        tt_config_variable_format(former->section, former->name, candidate);
        if (strcmp(variable, candidate) == 0)
            return former->instead;
    }
    return NULL;
}

/* Whether an older version had that key. Then a warning is written, and it is no problem. */
static bool warn_of_former_key(struct reading *reading, const char *section, const char *name) {
    char variable[TT_CONFIG_VARIABLE_SIZE];
    tt_config_variable_format(section, name, variable);
    const char *instead = find_former(variable);
    if (instead)
        fprintf(reading->problems, "%s:%d: warning: \"%s\" in [%s] is ignored: %s\n", reading->path,
                reading->line, name, section, instead);
    return instead != NULL;
}

static bool warn_of_former_variable(struct reading *reading, const char *variable) {
    const char *instead = find_former(variable);
    if (instead)
        fprintf(reading->problems, "%s: warning: it is ignored: %s\n", variable, instead);
    return instead != NULL;
}

/* A key that is there, and where its value goes. */
struct place {
    const struct tt_config_key *key;
    void *field;
    int *set_line;
};

static bool is_preset(const char *section) {
    return strncmp(section, PRESET_PREFIX, strlen(PRESET_PREFIX)) == 0;
}

static bool find_preset_place(struct reading *reading, const char *preset_name, const char *name,
                              struct place *place) {
    char explanation[TT_CONFIG_EXPLANATION_SIZE];
    struct tt_config_preset *preset =
        tt_config_preset_take(reading->config, preset_name, explanation);
    if (!preset) {
        problem_at_line(reading, "%s", explanation);
        return false;
    }
    int option = tt_option_find(name);
    if (option < 0) {
        problem_at_line(reading,
                        "no such key: \"%s\" in [preset.%s]; it takes those of [image] "
                        "that say how a result is made",
                        name, preset_name);
        return false;
    }
    place->key = tt_option_row(option);
    place->field = tt_option_field(option, &preset->options);
    place->set_line = &reading->presets.set_line[preset - reading->config->presets][option];
    return true;
}

/* Finds the key and where its value goes. False, with the problem written, when there is no such
 * key. */
static bool find_place(struct reading *reading, const char *section, const char *name,
                       struct place *place) {
    if (is_preset(section))
        return find_preset_place(reading, section + strlen(PRESET_PREFIX), name, place);
    place->key = find_pair(section, name);
    if (!place->key) {
        problem_unknown_key(reading, section, name);
        return false;
    }
    place->field = tt_config_field(place->key, reading->config);
    place->set_line = &reading->set_line[place->key - tt_config_keys];
    return true;
}

/* A section makes a preset even when it is empty. */
static void take_section(struct reading *reading, const char *section) {
    char explanation[TT_CONFIG_EXPLANATION_SIZE];
    if (is_preset(section) &&
        tt_config_preset_take(reading->config, section + strlen(PRESET_PREFIX), explanation) ==
            NULL)
        problem_at_line(reading, "%s", explanation);
}

static void take_pair(void *context, int line, const char *section, const char *name,
                      const char *value) {
    struct reading *reading = context;
    reading->line = line;
    if (!name) {
        take_section(reading, section);
        return;
    }
    struct place place;
    if (warn_of_former_key(reading, section, name) || !find_place(reading, section, name, &place))
        return;
    if (!value) {
        problem_at_line(reading, "\"%s\" has no \"= value\"", name);
        return;
    }
    char explanation[TT_CONFIG_EXPLANATION_SIZE];
    if (*place.set_line != 0)
        problem_at_line(reading, "\"%s\" was set on line %d already", name, *place.set_line);
    else if (!tt_config_value_parse(place.key, value, place.field, explanation))
        problem_at_line(reading, "%s", explanation);
    *place.set_line = line;
}

static void take_problem(void *context, int line, const char *text) {
    struct reading *reading = context;
    reading->line = line;
    if (line > 0) {
        problem_at_line(reading, "%s", text);
    } else {
        reading->problem_count++;
        fprintf(reading->problems, "%s: %s\n", reading->path, text);
    }
}

static void problem_unknown_variable(struct reading *reading, const char *variable) {
    const struct tt_config_key *nearest = find_key(variable, DISTANCE_MAX);
    reading->problem_count++;
    if (!nearest) {
        fprintf(reading->problems, "%s: no such key\n", variable);
        return;
    }
    char suggestion[TT_CONFIG_VARIABLE_SIZE];
    tt_config_variable_format(nearest->section, nearest->name, suggestion);
    fprintf(reading->problems, "%s: no such key; did you mean %s?\n", variable, suggestion);
}

static void problem_with_variable(struct reading *reading, const char *variable,
                                  const char *explanation) {
    reading->problem_count++;
    fprintf(reading->problems, "%s: %s\n", variable, explanation);
}

static void take_variable(struct reading *reading, const char *variable, const char *value) {
    const struct tt_config_key *key = find_key(variable, 0);
    struct tt_config_preset *preset;
    void *field;
    int option;
    if (key) {
        field = tt_config_field(key, reading->config);
    } else if (tt_config_preset_find_variable(reading->config, variable, &preset, &option)) {
        key = tt_option_row(option);
        field = tt_option_field(option, &preset->options);
        reading->presets.set_line[preset - reading->config->presets][option] = LINE_OF_VARIABLES;
    } else {
        if (!warn_of_former_variable(reading, variable))
            problem_unknown_variable(reading, variable);
        return;
    }
    char explanation[TT_CONFIG_EXPLANATION_SIZE];
    if (!tt_config_value_parse(key, value, field, explanation))
        problem_with_variable(reading, variable, explanation);
}

static void read_environment(struct reading *reading) {
    for (char **entry = environ; entry && *entry; entry++) {
        const char *equals = strchr(*entry, '=');
        if (!equals ||
            strncmp(*entry, TT_CONFIG_VARIABLE_PREFIX, strlen(TT_CONFIG_VARIABLE_PREFIX)) != 0)
            continue;
        char variable[TT_CONFIG_VARIABLE_SIZE];
        snprintf(variable, sizeof variable, "%.*s", (int)(equals - *entry), *entry);
        /* TINTYPE_CONFIG names the file, and is read by whoever starts the program. */
        if (strcmp(variable, TT_CONFIG_VARIABLE_PREFIX "CONFIG") != 0)
            take_variable(reading, variable, equals + 1);
    }
}

static void set_defaults(struct reading *reading) {
    for (size_t i = 0; i < tt_config_key_count; i++) {
        const struct tt_config_key *key = &tt_config_keys[i];
        char text[TT_CONFIG_DEFAULT_SIZE];
        tt_config_default_format(key, text);
        char explanation[TT_CONFIG_EXPLANATION_SIZE];
        if (tt_config_value_parse(key, text, tt_config_field(key, reading->config), explanation))
            continue;
        reading->problem_count++;
        fprintf(reading->problems, "default of [%s]: %s\n", key->section, explanation);
    }
}

/* A problem is told where renditions were set: in the environment, which beats the file, or in the
 * file. */
static void problem_with_renditions(struct reading *reading, const char *explanation) {
    const struct tt_config_key *key = find_pair("image", "renditions");
    char variable[TT_CONFIG_VARIABLE_SIZE];
    tt_config_variable_format(key->section, key->name, variable);
    reading->line = reading->set_line[key - tt_config_keys];
    if (getenv(variable))
        problem_with_variable(reading, variable, explanation);
    else
        problem_at_line(reading, "%s", explanation);
}

enum tt_err tt_config_load(struct tt_config *config, const char *path, FILE *problems) {
    struct reading reading = {.config = config, .problems = problems, .path = path};
    memset(config, 0, sizeof *config);
    set_defaults(&reading);
    /* Its error is not looked at, as whatever goes wrong was written as a problem. */
    if (path)
        tt_ini_read(path, LINE_MAX_BYTES, take_pair, take_problem, &reading);
    read_environment(&reading);
    char explanation[TT_CONFIG_EXPLANATION_SIZE];
    if (!tt_config_presets_finish(config, &reading.presets, explanation))
        problem_with_renditions(&reading, explanation);
    reading.problem_count += tt_config_check_rules(config, problems);
    if (reading.problem_count > 0)
        return tt_err_fail(TT_ERR_CONFIG, "problems in the configuration: %d",
                           reading.problem_count);
    return TT_OK;
}

void tt_config_name_node(const struct tt_config *config, char node[TT_CONFIG_NODE_SIZE]) {
    if (config->sync.node[0] != '\0')
        snprintf(node, TT_CONFIG_NODE_SIZE, "%s", config->sync.node);
    else if (gethostname(node, TT_CONFIG_NODE_SIZE) != 0 || node[0] == '\0')
        snprintf(node, TT_CONFIG_NODE_SIZE, "unknown");
    node[TT_CONFIG_NODE_SIZE - 1] = '\0';
}
