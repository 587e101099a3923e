/* The spool's directories and files: staging, naming, reading, sweeping. Which files there should
 * be is the journal's to say. */
#include "tintype/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tintype/file.h"

#define DIRECTORY_MODE  02770
#define FILE_MODE       0660
#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
#define STAGED_SUFFIX   ".part"
#define NAME_SIZE       80 /* an id, a hyphen, a preset's name, a dot and the longest extension */
#define LINK_SIZE       64 /* "/proc/self/fd/" and a number */

/* The directories of kept files. */
enum directory { ORIGINALS, PROCESSED, DIRECTORIES };

static const char *const directory_names[DIRECTORIES] = {
    [ORIGINALS] = "originals",
    [PROCESSED] = "processed",
};

/* Opens a directory below another, and makes it where it is missing: then *made is set. */
static enum tt_err open_directory(int parent_fd, const char *name, int *fd, bool *made) {
    bool is_new = mkdirat(parent_fd, name, DIRECTORY_MODE) == 0;
    if (!is_new && errno != EEXIST)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: make directory %s", name);
    *fd = openat(parent_fd, name, DIRECTORY_FLAGS);
    if (*fd < 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: open directory %s", name);
    if (!is_new)
        return TT_OK;
    *made = true;
    /* mkdir(2) ignores the set-group-ID bit, which keeps files in the group that both daemons
     * share. */
    struct stat status;
    if (fstat(*fd, &status) != 0 || fchmod(*fd, (status.st_mode & 07777) | S_ISGID) != 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: set the mode of directory %s", name);
    return TT_OK;
}

static enum tt_err open_all(struct tt_spool *spool, int storage_fd) {
    bool made = false;
    enum tt_err err = open_directory(storage_fd, "spool", &spool->dir_fd, &made);
    for (int i = 0; err == TT_OK && i < DIRECTORIES; i++)
        err = open_directory(spool->dir_fd, directory_names[i], &spool->directory_fds[i], &made);
    if (err == TT_OK)
        err = open_directory(spool->dir_fd, "tmp", &spool->tmp_fd, &made);
    if (err == TT_OK && made)
        err = tt_file_sync_dir(spool->dir_fd);
    if (err == TT_OK && made)
        err = tt_file_sync_dir(storage_fd);
    return err;
}

static void print_name(const char *prefix, const struct tt_spool_name *name, char *text,
                       size_t size) {
    snprintf(text, size, "%s%s%s%s.%s", prefix, name->id,
             name->kind == TT_SPOOL_RENDITION ? "-" : "", name->rendition,
             tt_picture_format_row(name->format)->extension);
}

void tt_spool_object_key(const struct tt_config *config, const struct tt_spool_name *name,
                         char key[TT_SPOOL_OBJECT_KEY_SIZE]) {
    print_name(name->kind == TT_SPOOL_ORIGINAL ? config->s3.original_prefix
                                               : config->s3.processed_prefix,
               name, key, TT_SPOOL_OBJECT_KEY_SIZE);
}

enum tt_err tt_spool_open(struct tt_spool *spool, const char *storage_dir) {
    *spool = (struct tt_spool)TT_SPOOL_CLOSED;
    /* The operator's own path may lead over symbolic links, which no name below it may. */
    int storage_fd = open(storage_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (storage_fd < 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: open %s", storage_dir);
    enum tt_err err = open_all(spool, storage_fd);
    if (err != TT_OK)
        tt_spool_close(spool);
    tt_file_close(&storage_fd);
    return err;
}

void tt_spool_close(struct tt_spool *spool) {
    tt_file_close(&spool->tmp_fd);
    for (int i = 0; i < DIRECTORIES; i++)
        tt_file_close(&spool->directory_fds[i]);
    tt_file_close(&spool->dir_fd);
}

/* Locks a new staged file. The lock lasts as long as any process has the file open, whatever its
 * names, and tells the sweep that the file is still somebody's. */
static enum tt_err lock(struct tt_spool *spool, struct tt_staged *staged) {
    if (flock(staged->fd, LOCK_EX | LOCK_NB) == 0)
        return TT_OK;
    enum tt_err err = tt_err_fail_errno(TT_ERR_STORAGE, "spool: lock a staged file");
    tt_spool_discard(spool, staged);
    return err;
}

static enum tt_err stage_named(struct tt_spool *spool, struct tt_staged *staged) {
    char id[TT_UUID_SIZE];
    enum tt_err err = tt_uuid_new(id, NULL);
    if (err != TT_OK)
        return err;
    snprintf(staged->tmp_name, sizeof staged->tmp_name, "%s" STAGED_SUFFIX, id);
    staged->fd = openat(spool->tmp_fd, staged->tmp_name,
                        O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (staged->fd < 0) {
        staged->tmp_name[0] = '\0';
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: make a staged file");
    }
    return lock(spool, staged);
}

enum tt_err tt_spool_stage(struct tt_spool *spool, struct tt_staged *staged) {
    *staged = (struct tt_staged){.fd = -1};
    if (spool->no_tmpfile)
        return stage_named(spool, staged);
    staged->fd = openat(spool->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
    if (staged->fd >= 0)
        return lock(spool, staged);
    /* Where the file system lacks O_TMPFILE, open(2) says EOPNOTSUPP; where the kernel does, EISDIR
     * or EINVAL. */
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: make a staged file");
    spool->no_tmpfile = true;
    return stage_named(spool, staged);
}

/* Where a kept file is. */
struct place {
    const char *directory;
    int dir_fd;
    char name[NAME_SIZE];
};

/* Whether a rendition, and nothing else, has a preset's name. */
static bool has_rendition(const struct tt_spool_name *name) {
    return name->kind == TT_SPOOL_RENDITION ? tt_picture_preset_is_name(name->rendition)
                                            : name->rendition[0] == '\0';
}

/* Every path is made here, of names that were checked first. */
static enum tt_err find_place(const struct tt_spool *spool, const struct tt_spool_name *name,
                              struct place *place) {
    enum directory directory = name->kind == TT_SPOOL_ORIGINAL ? ORIGINALS : PROCESSED;
    place->directory = directory_names[directory];
    place->dir_fd = spool->directory_fds[directory];
    place->name[0] = '\0';
    if (!tt_uuid_parse(name->id, NULL) || !has_rendition(name) ||
        tt_picture_format_row(name->format)->extension[0] == '\0')
        return tt_err_fail(TT_ERR_INTERNAL, "spool: no id, preset or format to name a file by");
    print_name("", name, place->name, sizeof place->name);
    return TT_OK;
}

enum tt_err tt_spool_keep(struct tt_spool *spool, struct tt_staged *staged,
                          const struct tt_spool_name *name) {
    struct place place;
    enum tt_err err = find_place(spool, name, &place);
    int result;
    if (err != TT_OK)
        return err;
    /* A link never replaces a file, as a renaming would. The name below tmp/ goes with the
     * discard. */
    if (staged->tmp_name[0] != '\0') {
        result = linkat(spool->tmp_fd, staged->tmp_name, place.dir_fd, place.name, 0);
    } else {
        char link_path[LINK_SIZE];
        snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", staged->fd);
        result = linkat(AT_FDCWD, link_path, place.dir_fd, place.name, AT_SYMLINK_FOLLOW);
    }
    if (result != 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: keep %s/%s", place.directory, place.name);
    return TT_OK;
}

enum tt_err tt_spool_sync(struct tt_spool *spool) {
    enum tt_err err = TT_OK;
    for (int i = 0; err == TT_OK && i < DIRECTORIES; i++)
        err = tt_file_sync_dir(spool->directory_fds[i]);
    return err;
}

void tt_spool_discard(struct tt_spool *spool, struct tt_staged *staged) {
    /* The name goes before the close, while the lock keeps the sweep away. One that cannot be
     * removed is left to the sweep. */
    if (staged->fd >= 0 && staged->tmp_name[0] != '\0')
        unlinkat(spool->tmp_fd, staged->tmp_name, 0);
    staged->tmp_name[0] = '\0';
    tt_file_close(&staged->fd);
}

enum tt_err tt_spool_read(struct tt_spool *spool, const struct tt_spool_name *name, int *fd,
                          int64_t *size_bytes) {
    struct place place;
    enum tt_err err = find_place(spool, name, &place);
    *fd = -1;
    *size_bytes = 0;
    if (err != TT_OK)
        return err;
    /* O_NONBLOCK keeps a FIFO that somebody put there from holding a worker. */
    *fd = openat(place.dir_fd, place.name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0 && errno == ENOENT)
        return TT_ERR_NOT_FOUND;
    if (*fd < 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: open %s/%s", place.directory, place.name);
    struct stat status;
    if (fstat(*fd, &status) != 0)
        err = tt_err_fail_errno(TT_ERR_STORAGE, "spool: stat %s/%s", place.directory, place.name);
    else if (!S_ISREG(status.st_mode))
        err = tt_err_fail(TT_ERR_STORAGE, "spool: %s/%s is no regular file", place.directory,
                          place.name);
    if (err != TT_OK)
        tt_file_close(fd);
    else
        *size_bytes = status.st_size;
    return err;
}

enum tt_err tt_spool_remove(struct tt_spool *spool, const struct tt_spool_name *name) {
    struct place place;
    enum tt_err err = find_place(spool, name, &place);
    if (err != TT_OK)
        return err;
    if (unlinkat(place.dir_fd, place.name, 0) != 0 && errno != ENOENT)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: remove %s/%s", place.directory,
                                 place.name);
    return TT_OK;
}

/* A sweep of one directory: is_leftover tells whether the file of a name may go. What follows it is
 * set where the directory holds kept files. */
struct sweep {
    bool (*is_leftover)(const struct sweep *sweep, int dir_fd, const char *name);
    enum directory directory;
    bool (*known)(void *context, const struct tt_spool_name *name);
    void *context;
};

/* Splits off the id that a name starts with, so that *rest is what follows it. False when it starts
 * with none. */
static bool parse_id(const char *name, char id[TT_UUID_SIZE], const char **rest) {
    if (strnlen(name, TT_UUID_SIZE) < TT_UUID_SIZE)
        return false;
    memcpy(id, name, TT_UUID_SIZE - 1);
    id[TT_UUID_SIZE - 1] = '\0';
    *rest = name + TT_UUID_SIZE - 1;
    return tt_uuid_parse(id, NULL);
}

/* Locks a file that nobody has locked and returns its descriptor. -1 when somebody has, or when
 * that cannot be told. */
static int lock_free(int dir_fd, const char *name) {
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        tt_file_close(&fd);
    return fd;
}

/* Whether the name still is the file that was opened. */
static bool is_still(int dir_fd, const char *name, int fd) {
    struct stat opened;
    struct stat named;
    return fstat(fd, &opened) == 0 && fstatat(dir_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_ino == named.st_ino;
}

/* The format of that extension; TT_FORMAT_NONE where there is none. */
static enum tt_picture_format find_format(const char *extension) {
    for (int i = TT_FORMAT_NONE + 1; i < TT_FORMAT_COUNT; i++)
        if (strcmp(extension, tt_picture_format_row((enum tt_picture_format)i)->extension) == 0)
            return (enum tt_picture_format)i;
    return TT_FORMAT_NONE;
}

/* Reads a kept file's name as print_name makes it; what *name borrows is put into id and
 * rendition. */
static bool parse_name(enum directory directory, const char *text, char id[TT_UUID_SIZE],
                       char rendition[TT_PICTURE_PRESET_SIZE], struct tt_spool_name *name) {
    const char *rest;
    if (!parse_id(text, id, &rest))
        return false;
    *name = (struct tt_spool_name){.id = id, .rendition = rendition};
    name->kind = directory == ORIGINALS ? TT_SPOOL_ORIGINAL : TT_SPOOL_PROCESSED;
    rendition[0] = '\0';
    if (*rest == '-' && directory == PROCESSED) {
        size_t length = strcspn(++rest, ".");
        if (length >= TT_PICTURE_PRESET_SIZE)
            return false;
        memcpy(rendition, rest, length);
        rendition[length] = '\0';
        rest += length;
        name->kind = TT_SPOOL_RENDITION;
    }
    if (*rest != '.' || !has_rendition(name))
        return false;
    name->format = find_format(rest + 1);
    return name->format != TT_FORMAT_NONE;
}

static bool is_kept_leftover(const struct sweep *sweep, int dir_fd, const char *text) {
    char id[TT_UUID_SIZE];
    char rendition[TT_PICTURE_PRESET_SIZE];
    struct tt_spool_name name;
    if (!parse_name(sweep->directory, text, id, rendition, &name))
        return false;
    if (sweep->known(sweep->context, &name))
        return false;
    /* Whoever keeps a file lets go of its lock only after the row says so. Asked once more while
     * the sweep has the lock, the answer therefore holds, unless a fetch has given the name to
     * another file meanwhile. */
    int fd = lock_free(dir_fd, text);
    bool is_leftover =
        fd >= 0 && !sweep->known(sweep->context, &name) && is_still(dir_fd, text, fd);
    tt_file_close(&fd);
    return is_leftover;
}

/* A staged file is left over when nobody holds its lock. */
static bool is_staged_leftover(const struct sweep *sweep, int dir_fd, const char *name) {
    char id[TT_UUID_SIZE];
    const char *rest;
    (void)sweep;
    if (!parse_id(name, id, &rest) || strcmp(rest, STAGED_SUFFIX) != 0)
        return false;
    int fd = lock_free(dir_fd, name);
    bool is_leftover = fd >= 0;
    tt_file_close(&fd);
    return is_leftover;
}

static bool is_regular(int dir_fd, const char *name) {
    struct stat status;
    return fstatat(dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

static enum tt_err sweep_names(const struct sweep *sweep, DIR *directory, int64_t *removed) {
    int dir_fd = dirfd(directory);
    for (;;) {
        errno = 0; /* readdir(3): an error differs from the end in errno alone */
        struct dirent *entry = readdir(directory);
        if (!entry && errno != 0)
            return tt_err_fail_errno(TT_ERR_STORAGE, "spool: read a directory");
        if (!entry)
            return TT_OK;
        if (!is_regular(dir_fd, entry->d_name) || !sweep->is_leftover(sweep, dir_fd, entry->d_name))
            continue;
        if (unlinkat(dir_fd, entry->d_name, 0) != 0 && errno != ENOENT)
            return tt_err_fail_errno(TT_ERR_STORAGE, "spool: sweep %s", entry->d_name);
        *removed += 1;
    }
}

static enum tt_err sweep_directory(const struct sweep *sweep, int dir_fd, int64_t *removed) {
    /* A duplicate of dir_fd would share its place with every other reader, so it is opened anew. */
    int own_fd = openat(dir_fd, ".", DIRECTORY_FLAGS);

    if (own_fd < 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: open a directory to sweep");
    DIR *directory = fdopendir(own_fd);
    if (!directory) {
        enum tt_err err = tt_err_fail_errno(TT_ERR_STORAGE, "spool: read a directory to sweep");
        tt_file_close(&own_fd);
        return err;
    }
    enum tt_err err = sweep_names(sweep, directory, removed);
    closedir(directory); /* closes own_fd too */
    return err;
}

enum tt_err tt_spool_sweep(struct tt_spool *spool,
                           bool (*known)(void *context, const struct tt_spool_name *name),
                           void *context, int64_t *removed) {
    const struct sweep staged = {.is_leftover = is_staged_leftover};
    *removed = 0;
    enum tt_err err = sweep_directory(&staged, spool->tmp_fd, removed);
    for (int i = 0; err == TT_OK && i < DIRECTORIES; i++) {
        const struct sweep kept = {is_kept_leftover, (enum directory)i, known, context};
        err = sweep_directory(&kept, spool->directory_fds[i], removed);
    }
    if (err == TT_OK && *removed > 0)
        err = tt_spool_sync(spool);
    return err;
}

enum tt_err tt_spool_reserve(struct tt_spool *spool, int64_t reserve_bytes) {
    struct statvfs room;
    /* f_bavail counts what is left to a process that is not root. */
    if (fstatvfs(spool->dir_fd, &room) != 0)
        return tt_err_fail_errno(TT_ERR_STORAGE, "spool: ask for free space");
    if (reserve_bytes > 0 && room.f_bavail <= (uint64_t)(reserve_bytes - 1) / room.f_frsize)
        return tt_err_fail(TT_ERR_SPOOL_FULL, "spool: less than %lld bytes are free",
                           (long long)reserve_bytes);
    return TT_OK;
}

enum tt_err tt_spool_check(struct tt_spool *spool, int64_t reserve_bytes) {
    struct tt_staged staged;
    enum tt_err err = tt_spool_reserve(spool, reserve_bytes);
    for (int i = 0; err == TT_OK && i < DIRECTORIES; i++)
        if (faccessat(spool->directory_fds[i], ".", W_OK | X_OK, AT_EACCESS) < 0)
            err = tt_err_fail_errno(TT_ERR_STORAGE, "spool: write to a directory of pictures");
    if (err != TT_OK)
        return err;
    err = tt_spool_stage(spool, &staged);
    tt_spool_discard(spool, &staged);
    return err;
}
