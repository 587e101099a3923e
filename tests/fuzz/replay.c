/* A main function in the place of libFuzzer's: it feeds files to a fuzzer, so that every build can
 * repeat what was found once. Each argument is a folder, of which all files are read. */
#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fuzz.h"

#define PATH_SIZE    4096
#define MEMORY_BYTES ((rlim_t)1 << 30)

static int count;

static void replay_file(const char *path, size_t size) {
    FILE *in = fopen(path, "rbe");
    uint8_t *data = malloc(size > 0 ? size : 1);
    CHECK(in && data);
    CHECK(fread(data, 1, size, in) == size);
    CHECK(fclose(in) == 0);
    /* What comes of it is told by the process: who looks for the input finds it named last. */
    printf("%s\n", path);
    (void)fflush(stdout);
    CHECK(LLVMFuzzerTestOneInput(data, size) == 0);
    free(data);
    count++;
}

static void replay_folder(const char *path) {
    struct dirent **entries;
    int length = scandir(path, &entries, NULL, alphasort);
    CHECK(length >= 0);
    for (int i = 0; i < length; i++) {
        char inner[PATH_SIZE];
        struct stat status;
        CHECK(snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name) < PATH_SIZE);
        free(entries[i]);
        CHECK(stat(inner, &status) == 0);
        if (S_ISREG(status.st_mode))
            replay_file(inner, (size_t)status.st_size);
    }
    free(entries);
}

/* A picture may make a library ask for more memory than a decoder has. A sanitizer's own needs are
 * beyond any limit. */
static void limit_memory(void) {
#ifndef TT_SANITIZED
    const struct rlimit limit = {MEMORY_BYTES, MEMORY_BYTES};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
#endif
}

int main(int argc, char **argv) {
    limit_memory();
    for (int i = 1; i < argc; i++)
        replay_folder(argv[i]);
    printf("%s: %d inputs\n", argv[0], count);
    return count > 0 ? 0 : 1;
}
