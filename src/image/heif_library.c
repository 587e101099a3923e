/* HEIF library: finds libheif and its functions, and holds it to one thread. Decodes nothing. */
#include "image/heif_library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY_NAME "libheif.so.1"

/* libheif always asks libde265 for one thread beside its own, and libde265 (1.0.11) takes no note
 * when it gets none, as in a process that may have no other (RLIMIT_NPROC): it then waits for ever
 * for work that nobody does. So libheif finds this function first, as the linker exports it from
 * the program (Makefile, TT_LDFLAGS); without threads libde265 decodes where it is called. */
int de265_start_worker_threads(void *context, int count) {
    (void)context;
    (void)count;
    return 0; /* DE265_OK */
}

static bool find_symbol(void *handle, const char *name, void *slot) {
    void *symbol = dlsym(handle, name);
    memcpy(slot, &symbol, sizeof symbol); /* ISO C has no cast from it to a function's address */
    return symbol != NULL;
}

static bool is_exported(void) {
    int (*found)(void *context, int count) = NULL;
    return find_symbol(RTLD_DEFAULT, "de265_start_worker_threads", (void *)&found) &&
           found == de265_start_worker_threads;
}

static bool find_functions(void *handle, struct tt_heif_library *library) {
    bool found = true;
#define FIND(name) found = find_symbol(handle, #name, (void *)&library->name) && found;
    TT_HEIF_FUNCTIONS(FIND)
#undef FIND
    return found;
}

const struct tt_heif_library *tt_heif_library_load(void) {
    static struct tt_heif_library library;
    static bool is_loaded;
    if (is_loaded)
        return &library;
    void *handle = is_exported() ? dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (handle && find_functions(handle, &library)) {
        is_loaded = true; /* and the handle is never closed */
        return &library;
    }
    if (handle)
        dlclose(handle);
    tt_err_refuse(TT_ERR_PICTURE_TYPE,
                  "HEIC and AVIF pictures are not read here: " LIBRARY_NAME
                  " is not installed, or not of a version that fits. Send the picture in "
                  "another format.");
    return NULL;
}
