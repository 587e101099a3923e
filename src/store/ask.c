/* Both packets of the agent's socket, and both ends of it. How the agent accepts askers, reads what
 * they ask and finds an answer is in src/sync. */
#include "tintype/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tintype/clock.h"
#include "tintype/file.h"

/* This is more than there are workers; net.core.somaxconn caps it. */
#define BACKLOG 1024

#define OK    "ok"
#define ERROR "error "

/* A longer sentence is cut in an answer. */
#define SENTENCE_MAX_BYTES 512

static const char *const verb_names[] = {[TT_ASK_PRESIGN] = "presign", [TT_ASK_FETCH] = "fetch"};
static const char *const kind_names[] = {
    [TT_SPOOL_ORIGINAL] = "original",
    [TT_SPOOL_PROCESSED] = "processed",
    [TT_SPOOL_RENDITION] = "rendition",
};

#define VERBS (sizeof verb_names / sizeof *verb_names)
#define KINDS (sizeof kind_names / sizeof *kind_names)

_Static_assert(sizeof((struct sockaddr_un *)0)->sun_path == 108, "the size of tt_ask_path");

/* ---- packets ---- */

size_t tt_ask_format(const struct tt_ask_question *question, char text[TT_ASK_QUESTION_SIZE]) {
    bool is_rendition = question->kind == TT_SPOOL_RENDITION;
    int length = snprintf(text, TT_ASK_QUESTION_SIZE, "%s %s %.*s%s%.*s",
                          verb_names[question->verb], kind_names[question->kind], TT_UUID_SIZE - 1,
                          question->id, is_rendition ? " " : "",
                          is_rendition ? TT_PICTURE_PRESET_SIZE - 1 : 0, question->rendition);
    return length > 0 ? (size_t)length : 0;
}

/* Steps over a word and the space after it. */
static bool skip_word(const char **text, const char *word) {
    size_t length = strlen(word);
    if (strncmp(*text, word, length) != 0 || (*text)[length] != ' ')
        return false;
    *text += length + 1;
    return true;
}

/* Steps over one of the words; *index tells which. */
static bool skip_one_of(const char **text, const char *const *words, size_t count, size_t *index) {
    for (*index = 0; *index < count; *index += 1)
        if (skip_word(text, words[*index]))
            return true;
    return false;
}

/* Reads "<id>", or "<id> <preset>" of a rendition. */
static bool parse_names(const char *text, struct tt_ask_question *question) {
    const char *rendition = "";
    if (strlen(text) < TT_UUID_SIZE - 1)
        return false;
    memcpy(question->id, text, TT_UUID_SIZE - 1);
    question->id[TT_UUID_SIZE - 1] = '\0';
    text += TT_UUID_SIZE - 1;
    if (question->kind == TT_SPOOL_RENDITION) {
        if (*text != ' ' || !tt_picture_preset_is_name(text + 1))
            return false;
        rendition = text + 1;
        text += strlen(text);
    }
    snprintf(question->rendition, sizeof question->rendition, "%s", rendition);
    return *text == '\0' && tt_uuid_parse(question->id, NULL);
}

bool tt_ask_parse(const char *text, size_t length, struct tt_ask_question *question) {
    char copy[TT_ASK_QUESTION_SIZE];
    if (length >= sizeof copy || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    const char *next = copy;
    size_t verb;
    size_t kind;
    if (!skip_one_of(&next, verb_names, VERBS, &verb) ||
        !skip_one_of(&next, kind_names, KINDS, &kind))
        return false;
    question->verb = (enum tt_ask_verb)verb;
    question->kind = (enum tt_spool_kind)kind;
    return parse_names(next, question);
}

static void send_packet(int fd, const char *text, size_t length) {
    ssize_t sent;
    /* The socket does not block, as whoever does not take its answer must not hold the agent. */
    do {
        sent = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
}

void tt_ask_answer_ok(int fd, const char *url) {
    char text[TT_ASK_ANSWER_MAX_BYTES];
    bool has_url = url && url[0] != '\0';
    int length = snprintf(text, sizeof text, OK "%s%s", has_url ? " " : "", has_url ? url : "");
    if (length < 0 || (size_t)length >= sizeof text)
        tt_ask_answer_error(fd, TT_ERR_INTERNAL, "the URL is too long for an answer");
    else
        send_packet(fd, text, (size_t)length);
}

void tt_ask_answer_error(int fd, enum tt_err err, const char *sentence) {
    char text[SENTENCE_MAX_BYTES + 128];
    snprintf(text, sizeof text, ERROR "%s ", tt_err_row(err)->name);
    size_t start = strlen(text);
    snprintf(text + start, sizeof text - start, "%.*s", SENTENCE_MAX_BYTES, sentence);
    size_t length = strlen(text);
    for (size_t i = start; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7F)
            text[i] = ' ';
    send_packet(fd, text, length);
}

static enum tt_err refuse_answer(void) {
    return tt_err_fail(TT_ERR_AGENT_AWAY, "ask: the agent's answer cannot be read");
}

/* Whether the text may go into a header, as a URL does. */
static bool is_visible(const char *text) {
    for (; *text != '\0'; text++)
        if (*text <= ' ' || *text > '~')
            return false;
    return true;
}

static bool has_control(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            return true;
    return false;
}

/* The error of that name, if it is one that may answer a request; else TT_OK. */
static enum tt_err find_error(const char *name, size_t length) {
    for (int i = TT_OK + 1; i < TT_ERR_COUNT; i++) {
        const struct tt_err_row *row = tt_err_row((enum tt_err)i);
        if (row->http_status != 0 && strlen(row->name) == length &&
            strncmp(row->name, name, length) == 0)
            return (enum tt_err)i;
    }
    return TT_OK;
}

static enum tt_err take_error(const char *text) {
    const char *space = strchr(text, ' ');
    if (!space || has_control(text))
        return refuse_answer();
    enum tt_err err = find_error(text, (size_t)(space - text));
    if (err == TT_OK)
        return tt_err_fail(TT_ERR_AGENT_AWAY, "ask: the agent answers with no error known here: %s",
                           text);
    return tt_err_fail(err, "%s", space + 1);
}

/* Reads the packet text[0..length), which has room for a NUL after it. */
static enum tt_err take_answer(char *text, size_t length, char url[TT_ASK_ANSWER_MAX_BYTES]) {
    text[length] = '\0';
    if (strlen(text) != length)
        return refuse_answer();
    if (strcmp(text, OK) == 0)
        return TT_OK;
    if (strncmp(text, ERROR, strlen(ERROR)) == 0)
        return take_error(text + strlen(ERROR));
    if (strncmp(text, OK " ", strlen(OK " ")) != 0)
        return refuse_answer();
    text += strlen(OK " ");
    if (text[0] == '\0' || !is_visible(text))
        return refuse_answer();
    snprintf(url, TT_ASK_ANSWER_MAX_BYTES, "%s", text);
    return TT_OK;
}

/* ---- the socket ---- */

bool tt_ask_path(const char *storage_dir, char path[108]) {
    int length = snprintf(path, 108, "%s/agent.sock", storage_dir);
    return length > 0 && length < 108;
}

static bool make_address(const char *storage_dir, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    return tt_ask_path(storage_dir, address->sun_path);
}

/* Removes a socket that is in the way, and nothing else: any other file is there by mistake. */
static enum tt_err clear_path(const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT)
            return TT_OK;
        return tt_err_fail_errno(TT_ERR_SYSTEM, "ask: look for %s", path);
    }
    if (!S_ISSOCK(status.st_mode))
        return tt_err_fail(TT_ERR_SYSTEM, "ask: %s exists and is no socket", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "ask: replace %s", path);
    return TT_OK;
}

static enum tt_err bind_and_listen(int fd, const struct sockaddr_un *address) {
    /* The mask gives the file its mode from the first moment: owner and group may connect. */
    mode_t mask = umask(0117);
    bool failed = bind(fd, (const struct sockaddr *)address, sizeof *address) != 0;
    enum tt_err err = TT_OK;

    if (failed)
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "ask: bind %s", address->sun_path);
    umask(mask);
    if (err == TT_OK && listen(fd, BACKLOG) != 0) {
        err = tt_err_fail_errno(TT_ERR_SYSTEM, "ask: listen on %s", address->sun_path);
        unlink(address->sun_path);
    }
    return err;
}

enum tt_err tt_ask_listen(const char *storage_dir, int *fd) {
    struct sockaddr_un address;
    *fd = -1;
    if (!make_address(storage_dir, &address))
        return tt_err_fail(TT_ERR_SYSTEM,
                           "ask: %s/agent.sock is too long for a socket's path: storage.dir may "
                           "have %zu bytes",
                           storage_dir, sizeof address.sun_path - sizeof "/agent.sock");
    enum tt_err err = clear_path(address.sun_path);
    if (err != TT_OK)
        return err;
    *fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return tt_err_fail_errno(TT_ERR_SYSTEM, "ask: make a socket");
    err = bind_and_listen(*fd, &address);
    if (err != TT_OK)
        tt_file_close(fd);
    return err;
}

/* ---- the worker's end ---- */

static enum tt_err connect_and_send(int fd, const struct sockaddr_un *address,
                                    const struct tt_ask_question *question) {
    char text[TT_ASK_QUESTION_SIZE];
    size_t length = tt_ask_format(question, text);
    /* Neither call waits, as the socket does not block: a backlog that is full is EAGAIN. */
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        return tt_err_fail_errno(TT_ERR_AGENT_AWAY, "ask: connect to %s", address->sun_path);
    if (send(fd, text, length, MSG_NOSIGNAL) != (ssize_t)length)
        return tt_err_fail_errno(TT_ERR_AGENT_AWAY, "ask: send to %s", address->sun_path);
    return TT_OK;
}

static enum tt_err await(int fd, int64_t deadline_ms) {
    struct pollfd awaited = {.fd = fd, .events = POLLIN};
    for (;;) {
        int64_t left_ms = deadline_ms - tt_clock_monotonic_ms();
        if (left_ms < 0)
            left_ms = 0;
        int ready = poll(&awaited, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (ready > 0)
            return TT_OK;
        if (ready < 0 && errno != EINTR)
            return tt_err_fail_errno(TT_ERR_AGENT_AWAY, "ask: poll");
        if (ready == 0 && left_ms == 0)
            return tt_err_fail(TT_ERR_AGENT_AWAY, "ask: no answer in time");
    }
}

static enum tt_err receive(int fd, char url[TT_ASK_ANSWER_MAX_BYTES]) {
    char text[TT_ASK_ANSWER_MAX_BYTES];
    ssize_t length;
    do {
        length = recv(fd, text, sizeof text, 0);
    } while (length < 0 && errno == EINTR);
    if (length < 0)
        return tt_err_fail_errno(TT_ERR_AGENT_AWAY, "ask: receive");
    if (length == 0)
        return tt_err_fail(TT_ERR_AGENT_AWAY, "ask: the agent closed without an answer");
    if ((size_t)length >= sizeof text)
        return refuse_answer(); /* what fills the buffer may have been cut */
    return take_answer(text, (size_t)length, url);
}

enum tt_err tt_ask(const char *storage_dir, const struct tt_ask_question *question,
                   int64_t timeout_ms, char url[TT_ASK_ANSWER_MAX_BYTES]) {
    int64_t deadline_ms = tt_clock_monotonic_ms() + timeout_ms;
    struct sockaddr_un address;
    url[0] = '\0';
    if (!make_address(storage_dir, &address))
        return tt_err_fail(TT_ERR_AGENT_AWAY, "ask: storage.dir is too long for a socket's path");
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return tt_err_fail_errno(TT_ERR_AGENT_AWAY, "ask: make a socket");
    enum tt_err err = connect_and_send(fd, &address, question);
    if (err == TT_OK)
        err = await(fd, deadline_ms);
    if (err == TT_OK)
        err = receive(fd, url);
    tt_file_close(&fd);
    return err;
}
