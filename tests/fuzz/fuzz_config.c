/* libFuzzer on configuration files. What was read and is without a flaw must print as a file that
 * reads the same. */
#include "fuzz.h"

#include "tintype/config.h"

static enum tt_err load(struct tt_config *config, const void *bytes, size_t length,
                        FILE *problems) {
    char path[32];
    int fd = fuzz_file(bytes, length);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    tt_err_take(TT_OK);
    enum tt_err err = tt_config_load(config, path, problems);
    close(fd);
    return err;
}

/* The configuration as a file, to be freed. */
static char *print(const struct tt_config *config) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CHECK(out);
    tt_config_print_values(out, config);
    CHECK(fclose(out) == 0);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct tt_config config;
    static FILE *nowhere;
    if (!nowhere)
        nowhere = fopen("/dev/null", "we");
    CHECK(nowhere);
    enum tt_err err = load(&config, data, size, nowhere);
    CHECK(err == TT_OK || err == TT_ERR_CONFIG);
    if (err != TT_OK)
        return 0;
    char *printed = print(&config);
    CHECK(load(&config, printed, strlen(printed), stderr) == TT_OK);
    char *again = print(&config);
    CHECK(strcmp(printed, again) == 0);
    free(printed);
    free(again);
    return 0;
}
