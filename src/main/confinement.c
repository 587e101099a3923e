/* Confinement: prints the table of what each process may reach. The table itself is in
 * src/proc/reach_table.c. */
#include "main/confinement.h"

#include "tintype/buf.h"

#define TEXT_MAX_BYTES (256 * 1024)

static const struct {
    enum tt_access access;
    const char *name;
} accesses[] = {{TT_ACCESS_READ, "read"}, {TT_ACCESS_CHANGE, "change"}};

#define ACCESSES (sizeof accesses / sizeof *accesses)

static const char *confinement_name(const struct tt_config *config) {
    return config->server.confinement == TT_CONFINEMENT_REQUIRED ? "required" : "best-effort";
}

/* ---- text ---- */

static void append_calls(struct tt_buf *text, unsigned groups) {
    const char *between = " ";
    tt_buf_append_text(text, "  system calls:");
    const struct tt_calls_row *row;
    for (size_t i = 0; (row = tt_reach_calls(i)) != NULL; i++) {
        if ((groups & row->group) == 0)
            continue;
        tt_buf_append_format(text, "%s%s", between, row->name);
        between = ", ";
    }
    tt_buf_append_text(text, "\n");
}

static void append_tree(struct tt_buf *text, const char *name, unsigned access) {
    const char *between = " (";
    tt_buf_append_text(text, name);
    for (size_t i = 0; i < ACCESSES; i++) {
        if ((access & accesses[i].access) == 0)
            continue;
        tt_buf_append_format(text, "%s%s", between, accesses[i].name);
        between = ", ";
    }
    tt_buf_append_text(text, ")");
}

static void append_files(struct tt_buf *text, const struct tt_reach_row *row) {
    const char *between = " ";
    tt_buf_append_text(text, "  files:");
    for (int tree = 0; tree < TT_TREE_COUNT; tree++) {
        if (row->trees[tree] == 0)
            continue;
        tt_buf_append_text(text, between);
        append_tree(text, tt_reach_tree((enum tt_tree)tree)->name, row->trees[tree]);
        between = ", ";
    }
    if (!row->has_paths)
        tt_buf_append_text(text, " whatever its user may");
    else if (between[0] != ',')
        tt_buf_append_text(text, " none");
    tt_buf_append_text(text, "\n");
}

static void append_held(struct tt_buf *text, const struct tt_reach *reach, enum tt_role role) {
    const struct tt_reach_held held = tt_reach_held(reach, role);
    bool has_network = (tt_reach_row(role)->calls & TT_CALLS_NETWORK) != 0;
    const struct {
        bool is_held;
        const char *name;
    } parts[] = {
        {held.calls, "its system calls"},
        {held.files, "its files"},
        {held.tcp, has_network ? "no listening on TCP" : "no TCP"},
        {held.signals, "no signals to others"},
        {!held.calls && !held.files, "nothing"},
    };
    const char *between = " ";
    tt_buf_append_text(text, "  this kernel holds:");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!parts[i].is_held)
            continue;
        tt_buf_append_format(text, "%s%s", between, parts[i].name);
        between = ", ";
    }
    tt_buf_append_text(text, "\n");
}

static void append_process(struct tt_buf *text, const struct tt_reach *reach, enum tt_role role) {
    const struct tt_reach_row *row = tt_reach_row(role);
    tt_buf_append_format(text, "\n%s: %s\n", row->name, row->description);
    append_calls(text, row->calls);
    append_files(text, row);
    append_held(text, reach, role);
}

static void append_groups(struct tt_buf *text) {
    tt_buf_append_text(text, "\ngroups of system calls\n");
    const struct tt_calls_row *row;
    for (size_t i = 0; (row = tt_reach_calls(i)) != NULL; i++) {
        tt_buf_append_format(text, "  %s: %s\n   ", row->name, row->meaning);
        const char *name;
        for (size_t number = 0; (name = tt_reach_call_name(row->group, number)) != NULL; number++)
            tt_buf_append_format(text, " %s", name);
        tt_buf_append_text(text, "\n");
    }
}

static void append_paths(struct tt_buf *text, const struct tt_reach *reach) {
    tt_buf_append_text(text, "\nfiles\n");
    for (int tree = 0; tree < TT_TREE_COUNT; tree++) {
        const struct tt_tree_row *row = tt_reach_tree((enum tt_tree)tree);
        tt_buf_append_format(text, "  %s: %s\n", row->name, row->meaning);
        for (int i = 0; i < reach->path_count; i++) {
            if ((int)reach->paths[i].tree != tree)
                continue;
            tt_buf_append_text(text, "    ");
            tt_buf_append_text(text, reach->paths[i].path);
            tt_buf_append_text(text, "\n");
        }
    }
}

static void append_all(struct tt_buf *text, const struct tt_reach *reach,
                       const struct tt_config *config) {
    tt_buf_append_format(text, "server.confinement: %s\n", confinement_name(config));
    tt_buf_append_format(text, "this kernel: %s, Landlock ABI %d\n",
                         reach->has_filters ? "seccomp" : "no seccomp", reach->landlock_abi);
    tt_buf_append_format(text, "not held: %s\n", reach->missing[0] != '\0' ? reach->missing : "-");
    for (int role = 0; role < TT_ROLE_COUNT; role++)
        append_process(text, reach, (enum tt_role)role);
    append_groups(text);
    append_paths(text, reach);
}

/* ---- JSON ---- */

static const char *word(bool is_true) {
    return is_true ? "true" : "false";
}

/* Appends a string, with a comma before it unless it comes first. */
static void append_item(struct tt_buf *text, bool *is_first, const char *item) {
    tt_buf_append_text(text, *is_first ? "" : ",");
    tt_buf_append_json(text, item);
    *is_first = false;
}

static void append_member(struct tt_buf *text, const char *name, const char *value) {
    tt_buf_append_format(text, "\"%s\":", name);
    tt_buf_append_json(text, value);
    tt_buf_append_text(text, ",");
}

static void append_json_files(struct tt_buf *text, const struct tt_reach_row *row) {
    bool is_first_tree = true;
    if (!row->has_paths) {
        tt_buf_append_text(text, "null");
        return;
    }
    tt_buf_append_text(text, "{");
    for (int tree = 0; tree < TT_TREE_COUNT; tree++) {
        bool is_first = true;
        if (row->trees[tree] == 0)
            continue;
        append_item(text, &is_first_tree, tt_reach_tree((enum tt_tree)tree)->name);
        tt_buf_append_text(text, ":[");
        for (size_t i = 0; i < ACCESSES; i++)
            if ((row->trees[tree] & accesses[i].access) != 0)
                append_item(text, &is_first, accesses[i].name);
        tt_buf_append_text(text, "]");
    }
    tt_buf_append_text(text, "}");
}

static void append_json_process(struct tt_buf *text, const struct tt_reach *reach,
                                enum tt_role role) {
    const struct tt_reach_row *row = tt_reach_row(role);
    const struct tt_reach_held held = tt_reach_held(reach, role);
    bool is_first = true;
    tt_buf_append_text(text, role > 0 ? ",{" : "{");
    append_member(text, "name", row->name);
    append_member(text, "description", row->description);
    tt_buf_append_text(text, "\"calls\":[");
    const struct tt_calls_row *calls;
    for (size_t i = 0; (calls = tt_reach_calls(i)) != NULL; i++)
        if ((row->calls & calls->group) != 0)
            append_item(text, &is_first, calls->name);
    tt_buf_append_text(text, "],\"files\":");
    append_json_files(text, row);
    tt_buf_append_format(text, ",\"held\":{\"calls\":%s,\"files\":%s,\"tcp\":%s,\"signals\":%s}}",
                         word(held.calls), word(held.files), word(held.tcp), word(held.signals));
}

static void append_json_groups(struct tt_buf *text) {
    const struct tt_calls_row *row;
    for (size_t i = 0; (row = tt_reach_calls(i)) != NULL; i++) {
        bool is_first = true;
        tt_buf_append_text(text, i > 0 ? ",{" : "{");
        append_member(text, "name", row->name);
        append_member(text, "meaning", row->meaning);
        tt_buf_append_text(text, "\"calls\":[");
        const char *name;
        for (size_t number = 0; (name = tt_reach_call_name(row->group, number)) != NULL; number++)
            append_item(text, &is_first, name);
        tt_buf_append_text(text, "]}");
    }
}

static void append_json_paths(struct tt_buf *text, const struct tt_reach *reach) {
    for (int tree = 0; tree < TT_TREE_COUNT; tree++) {
        const struct tt_tree_row *row = tt_reach_tree((enum tt_tree)tree);
        bool is_first = true;
        tt_buf_append_text(text, tree > 0 ? ",{" : "{");
        append_member(text, "name", row->name);
        append_member(text, "meaning", row->meaning);
        tt_buf_append_text(text, "\"paths\":[");
        for (int i = 0; i < reach->path_count; i++)
            if ((int)reach->paths[i].tree == tree)
                append_item(text, &is_first, reach->paths[i].path);
        tt_buf_append_text(text, "]}");
    }
}

static void append_json_all(struct tt_buf *text, const struct tt_reach *reach,
                            const struct tt_config *config) {
    tt_buf_append_text(text, "{");
    append_member(text, "confinement", confinement_name(config));
    append_member(text, "notHeld", reach->missing);
    tt_buf_append_format(text, "\"seccomp\":%s,\"landlockAbi\":%d,\"processes\":[",
                         word(reach->has_filters), reach->landlock_abi);
    for (int role = 0; role < TT_ROLE_COUNT; role++)
        append_json_process(text, reach, (enum tt_role)role);
    tt_buf_append_text(text, "],\"groups\":[");
    append_json_groups(text);
    tt_buf_append_text(text, "],\"files\":[");
    append_json_paths(text, reach);
    tt_buf_append_text(text, "]}\n");
}

void tt_confinement_print(FILE *out, const struct tt_reach *reach, const struct tt_config *config,
                          bool as_json) {
    struct tt_buf text;
    tt_buf_init(&text, TEXT_MAX_BYTES);
    if (as_json)
        append_json_all(&text, reach, config);
    else
        append_all(&text, reach, config);
    fputs(tt_buf_text(&text), out);
    tt_buf_fini(&text);
}
