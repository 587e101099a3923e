/* The AWS variables and files of a test: none of the machine's, all below a scratch directory. */
#ifndef TINTYPE_TESTS_AWS_ENVIRONMENT_H
#define TINTYPE_TESTS_AWS_ENVIRONMENT_H

#include "scratch.h"

/* Variables that a user of AWS, or of a proxy, may have set. */
static inline void clear_aws_variables(void) {
    static const char *const prefixes[] = {
        "AWS_",         "http_proxy=", "https_proxy=", "HTTP_PROXY=",
        "HTTPS_PROXY=", "all_proxy=",  "ALL_PROXY="};
    bool has_cleared = true;
    while (has_cleared) {
        has_cleared = false;
        for (char **entry = environ; *entry && !has_cleared; entry++) {
            for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes && !has_cleared; i++) {
                if (strncmp(*entry, prefixes[i], strlen(prefixes[i])) != 0)
                    continue;
                char name[256];
                snprintf(name, sizeof name, "%.*s", (int)strcspn(*entry, "="), *entry);
                has_cleared = unsetenv(name) == 0;
            }
        }
    }
}

/* cmocka setup: HOME is the scratch directory; tear down with scratch_remove. */
static inline int aws_environment_make(void **state) {
    if (scratch_make(state) != 0)
        return -1;
    clear_aws_variables();
    return setenv("HOME", scratch, 1);
}

/* Writes "<scratch>/<name>" and makes variable its path. */
static inline void aws_file_write(const char *variable, const char *name, const char *text) {
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv(variable, path, 1), 0);
}

#endif
