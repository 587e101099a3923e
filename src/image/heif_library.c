/* HEIF library: finds libheif and its functions, holds it to one thread, and keeps it out of the
 * forks that do not need it. Decodes nothing. */
#include "image/heif_library.h"

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* ---- its memory ---- */

/* These are the ranges of memory that libheif and the libraries it brought along were mapped to. */
static struct {
    struct range {
        uintptr_t start;
        size_t length;
    } ranges[32];
    int count;
    int passed_over; /* libraries that were there before */
    bool is_left_out;
} mapped;

static int count_library(struct dl_phdr_info *info, size_t size, void *count) {
    (void)info;
    (void)size;
    (*(int *)count)++;
    return 0;
}

/* The linker lists what it loaded last at the end. A program header of type PT_LOAD is a part of
 * the library in memory (elf(5)). */
static int note_library(struct dl_phdr_info *info, size_t size, void *number) {
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = 0;
    (void)size;
    if ((*(int *)number)++ < mapped.passed_over)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            end = info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
    if (mapped.count == (int)(sizeof mapped.ranges / sizeof *mapped.ranges))
        return 1;
    mapped.ranges[mapped.count++] = (struct range){
        .start = info->dlpi_addr, .length = (end + page_bytes - 1) / page_bytes * page_bytes};
    return 0;
}

/* A sanitizer reads every library's headers when it reports, so its builds fork all of them. */
void tt_heif_library_leave_out(bool leave_out) {
#ifndef TT_SANITIZED
    if (mapped.is_left_out == leave_out)
        return;
    for (int i = 0; i < mapped.count; i++)
        madvise((void *)mapped.ranges[i].start, mapped.ranges[i].length,
                leave_out ? MADV_DONTFORK : MADV_DOFORK);
#endif
    mapped.is_left_out = leave_out;
}

/* ---- loading ---- */

static void *load_noted(void) {
    int number = 0;
    mapped.passed_over = 0;
    dl_iterate_phdr(count_library, &mapped.passed_over);
    void *handle = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
    if (handle)
        dl_iterate_phdr(note_library, &number);
    return handle;
}

const struct tt_heif_library *tt_heif_library_load(void) {
    static struct tt_heif_library library;
    static bool is_tried, is_loaded;
    if (!is_tried && is_exported()) {
        void *handle = load_noted(); /* and never closed */
        is_loaded = handle && find_functions(handle, &library);
    }
    is_tried = true; /* a decoder that finds it was not loaded may not look for it again */
    if (is_loaded)
        return &library;
    tt_err_refuse(TT_ERR_PICTURE_TYPE,
                  "HEIC and AVIF pictures are not read here: " LIBRARY_NAME
                  " is not installed, or not of a version that fits. Send the picture in "
                  "another format.");
    return NULL;
}
