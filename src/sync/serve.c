/* Workers' questions are answered here. How packets look is ask.h's, how a file comes back
 * fetch.c's. Workers are not trusted: all that is taken from a question is its kind, id and preset,
 * and only to look row and file up. */
#include "sync/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sync/fetch.h"
#include "tintype/ask.h"
#include "tintype/file.h"
#include "tintype/log.h"

/* A client has this long, from its connection on, to ask and to wait for keys. */
#define PATIENCE_MS 5000

/* No client is accepted for this long after accept(2) found no descriptor or memory. */
#define REST_MS 1000

#define PRESIGNED_SECONDS 300

/* The arena holds a request's text, with a session token of TT_AWS_TOKEN_SIZE several times. */
#define ARENA_MAX_BYTES ((size_t)256 * 1024)

enum client_state { CLIENT_ASKS, CLIENT_AWAITS_KEYS, CLIENT_AWAITS_FETCH };

struct client {
    int fd; /* -1: there is no client */
    enum client_state state;
    struct tt_ask_question question;
    int number;         /* of the file in its row, while a fetch of it is awaited */
    int64_t give_up_ms; /* Unix: it waits no longer, unless for a fetch */
};

struct tt_serve {
    struct tt_context *context;
    struct tt_cloud *cloud;
    int listen_fd;
    int64_t accepts_at_ms; /* Unix: no client is accepted before */
    struct client clients[TT_SERVE_CLIENTS_MAX];
    struct tt_fetch fetches[TT_SERVE_FETCHES_MAX];
    struct tt_arena arena; /* has one presigned URL in the making */
};

/* ---- answers ---- */

static void answer_ok(struct client *client, const char *url) {
    tt_ask_answer_ok(client->fd, url);
    tt_file_close(&client->fd);
}

static void answer_error(struct client *client, enum tt_err err, const char *sentence) {
    tt_ask_answer_error(client->fd, err, sentence);
    tt_file_close(&client->fd);
}

/* A file that is not there and keys that are on their way are no failures of the agent's, and of
 * keys that are not to be had cloud.c has told. */
static bool is_worth_a_warning(enum tt_err err) {
    return err != TT_ERR_NOT_FOUND && err != TT_ERR_BUSY && err != TT_ERR_CLOUD_KEYS;
}

/* Ends a question with the note of its failure. */
static void answer_failure(struct client *client, enum tt_err err) {
    const struct tt_err_note note = tt_err_take(err);
    if (is_worth_a_warning(err))
        tt_log(TT_LOG_WARNING, "a worker's question about %s: %s: %s", client->question.id,
               tt_err_row(err)->name, note.cause);
    answer_error(client, err, note.cause);
}

/* ---- what is asked about ---- */

/* Finds the row of a file that the cloud has, and the file's number. TT_ERR_NOT_FOUND (nothing
 * noted), TT_ERR_JOURNAL. */
static enum tt_err find_file(const struct tt_serve *serve, const struct tt_ask_question *question,
                             struct tt_journal_row *row, int *number) {
    enum tt_err err = tt_journal_find(serve->context->journal, question->id, row);
    if (err != TT_OK)
        return err;
    *number = tt_journal_row_find(row, question->kind, question->rendition);
    return *number >= 0 && tt_journal_row_is_remote(row, *number) ? TT_OK : TT_ERR_NOT_FOUND;
}

/* ---- presign ---- */

static enum tt_err format_url(struct tt_serve *serve, const struct tt_aws_signer *signer,
                              const struct tt_ask_question *question, struct tt_buf *url) {
    struct tt_journal_row row;
    char key[TT_SPOOL_OBJECT_KEY_SIZE];
    char disposition[TT_TEXT_DISPOSITION_SIZE];
    int number;
    enum tt_err err = find_file(serve, question, &row, &number);
    if (err != TT_OK)
        return err;
    const struct tt_s3_object object = tt_fetch_object(serve->context->config, &row, number, key);
    const enum tt_picture_format format = row.files[number].format;
    tt_text_format_disposition(row.filename, disposition);
    err = tt_s3_presign(url, &serve->arena, signer, &object,
                        tt_picture_format_row(format)->media_type, disposition, PRESIGNED_SECONDS);
    if (err == TT_OK && url->overflowed)
        err = tt_err_fail(TT_ERR_INTERNAL, "the presigned URL has more than %zu bytes",
                          url->max_bytes);
    return err;
}

static void presign(struct tt_serve *serve, struct client *client) {
    struct tt_aws_signer signer;
    struct tt_buf url;
    enum tt_err err = tt_cloud_signer(serve->cloud, TT_AWS_S3, &signer);
    if (err == TT_ERR_BUSY && serve->context->now_ms < client->give_up_ms) {
        client->state = CLIENT_AWAITS_KEYS;
        return;
    }
    tt_buf_init(&url, TT_ASK_ANSWER_MAX_BYTES);
    if (err == TT_OK)
        err = format_url(serve, &signer, &client->question, &url);
    if (err == TT_OK)
        answer_ok(client, tt_buf_text(&url));
    else
        answer_failure(client, err);
    tt_buf_fini(&url);
    tt_arena_reset(&serve->arena);
}

/* ---- fetch ---- */

static void fetched(void *context, const struct tt_fetch *fetch, enum tt_err err,
                    const char *sentence) {
    struct tt_serve *serve = context;
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX; i++) {
        struct client *client = &serve->clients[i];
        if (client->fd < 0 || client->state != CLIENT_AWAITS_FETCH ||
            client->number != fetch->number || strcmp(client->question.id, fetch->row.id) != 0)
            continue;
        if (err == TT_OK)
            answer_ok(client, "");
        else
            answer_error(client, err, sentence);
    }
}

static bool is_here(struct tt_serve *serve, const struct tt_journal_row *row, int number) {
    const struct tt_spool_name name = tt_journal_row_name(row, number);
    int fd;
    int64_t size_bytes;
    enum tt_err err = tt_spool_read(&serve->context->spool, &name, &fd, &size_bytes);
    tt_file_close(&fd);
    if (err != TT_OK) {
        const struct tt_err_note note = tt_err_take(err);
        if (is_worth_a_warning(err))
            tt_log(TT_LOG_WARNING, "a file of %s cannot be read here, and is fetched back: %s",
                   row->id, note.cause);
    }
    return err == TT_OK && tt_journal_row_is_local(row, number);
}

/* The fetch of that file, else one that is free; NULL when all are taken. */
static struct tt_fetch *find_fetch(struct tt_serve *serve, const char *id, int number) {
    struct tt_fetch *found = NULL;
    for (int i = 0; i < TT_SERVE_FETCHES_MAX; i++) {
        struct tt_fetch *fetch = &serve->fetches[i];
        if (fetch->in_use && fetch->number == number && strcmp(fetch->row.id, id) == 0)
            return fetch;
        if (!fetch->in_use)
            found = fetch;
    }
    return found;
}

static void bring_back(struct tt_serve *serve, struct client *client) {
    struct tt_journal_row row;
    enum tt_err err = find_file(serve, &client->question, &row, &client->number);
    if (err != TT_OK) {
        answer_failure(client, err);
        return;
    }
    if (is_here(serve, &row, client->number)) {
        answer_ok(client, "");
        return;
    }
    struct tt_fetch *fetch = find_fetch(serve, row.id, client->number);
    if (!fetch) {
        answer_error(client, TT_ERR_BUSY, "too many files are being fetched back");
        return;
    }
    client->state = CLIENT_AWAITS_FETCH;
    if (!fetch->in_use)
        tt_fetch_start(fetch, &row, client->number);
}

/* ---- clients ---- */

static void take_question(struct tt_serve *serve, struct client *client) {
    char text[TT_ASK_QUESTION_SIZE + 1]; /* a packet that fills it is too long */
    ssize_t length = recv(client->fd, text, sizeof text, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0)
        tt_file_close(&client->fd);
    else if (!tt_ask_parse(text, (size_t)length, &client->question))
        answer_error(client, TT_ERR_MALFORMED, "no question that is known here");
    else if (client->question.verb == TT_ASK_PRESIGN)
        presign(serve, client);
    else
        bring_back(serve, client);
}

static struct client *find_free_client(struct tt_serve *serve) {
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX; i++)
        if (serve->clients[i].fd < 0)
            return &serve->clients[i];
    return NULL;
}

static bool may_accept(const struct tt_serve *serve) {
    if (serve->context->now_ms < serve->accepts_at_ms)
        return false;
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX; i++)
        if (serve->clients[i].fd < 0)
            return true;
    return false;
}

static void accept_clients(struct tt_serve *serve) {
    struct tt_context *context = serve->context;
    while (may_accept(serve)) {
        int fd = accept4(serve->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            *find_free_client(serve) = (struct client){
                .fd = fd, .state = CLIENT_ASKS, .give_up_ms = context->now_ms + PATIENCE_MS};
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            tt_log(TT_LOG_WARNING, "workers' questions wait: accept: %s", strerror(errno));
            serve->accepts_at_ms = context->now_ms + REST_MS;
        }
    }
    if (context->now_ms < serve->accepts_at_ms)
        tt_context_wake(context, serve->accepts_at_ms);
}

/* A client that waits has nothing more to say, and poll(2) tells of its end unasked. */
static short events_of(const struct client *client) {
    return client->state == CLIENT_ASKS ? POLLIN : 0;
}

static void attend(struct tt_serve *serve, struct client *client, short happened) {
    struct tt_context *context = serve->context;
    if (client->state == CLIENT_ASKS && (happened & POLLIN) != 0)
        take_question(serve, client);
    else if ((happened & (POLLHUP | POLLERR | POLLNVAL)) != 0)
        tt_file_close(&client->fd);
    else if (client->state == CLIENT_AWAITS_KEYS)
        presign(serve, client);
    else if (client->state == CLIENT_ASKS && context->now_ms >= client->give_up_ms)
        tt_file_close(&client->fd);
    if (client->fd >= 0 && client->state != CLIENT_AWAITS_FETCH)
        tt_context_wake(context, client->give_up_ms);
}

void tt_serve_turn(struct tt_serve *serve) {
    struct pollfd fds[TT_SERVE_CLIENTS_MAX];
    bool has_clients = false;
    accept_clients(serve);
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX; i++) { /* poll(2) passes over -1 */
        fds[i] =
            (struct pollfd){.fd = serve->clients[i].fd, .events = events_of(&serve->clients[i])};
        has_clients = has_clients || serve->clients[i].fd >= 0;
    }
    if (has_clients && poll(fds, TT_SERVE_CLIENTS_MAX, 0) < 0)
        memset(fds, 0, sizeof fds);
    for (int i = 0; has_clients && i < TT_SERVE_CLIENTS_MAX; i++)
        if (serve->clients[i].fd >= 0)
            attend(serve, &serve->clients[i], fds[i].revents);
    for (int i = 0; i < TT_SERVE_FETCHES_MAX; i++)
        if (serve->fetches[i].in_use)
            tt_fetch_turn(&serve->fetches[i]);
}

size_t tt_serve_fds(const struct tt_serve *serve, struct pollfd *fds) {
    size_t count = 0;
    if (may_accept(serve))
        fds[count++] = (struct pollfd){.fd = serve->listen_fd, .events = POLLIN};
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX; i++)
        if (serve->clients[i].fd >= 0)
            fds[count++] = (struct pollfd){.fd = serve->clients[i].fd,
                                           .events = events_of(&serve->clients[i])};
    return count;
}

void tt_serve_hurry(struct tt_serve *serve) {
    serve->accepts_at_ms = 0;
}

bool tt_serve_is_idle(const struct tt_serve *serve) {
    for (int i = 0; i < TT_SERVE_FETCHES_MAX; i++)
        if (serve->fetches[i].in_use)
            return false;
    return true;
}

/* ---- start and end ---- */

struct tt_serve *tt_serve_new(struct tt_context *context, struct tt_cloud *cloud) {
    struct tt_serve *serve = calloc(1, sizeof *serve);
    if (!serve) {
        tt_err_fail(TT_ERR_NO_MEMORY, "sync: no memory for questions");
        return NULL;
    }
    serve->context = context;
    serve->cloud = cloud;
    if (tt_ask_listen(context->config->storage.dir, &serve->listen_fd) != TT_OK) {
        free(serve);
        return NULL;
    }
    tt_arena_init(&serve->arena, ARENA_MAX_BYTES);
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX; i++)
        serve->clients[i].fd = -1;
    for (int i = 0; i < TT_SERVE_FETCHES_MAX; i++)
        tt_fetch_init(&serve->fetches[i], context, cloud, fetched, serve);
    return serve;
}

void tt_serve_free(struct tt_serve *serve) {
    char path[108];
    if (!serve)
        return;
    if (tt_ask_path(serve->context->config->storage.dir, path))
        unlink(path);
    tt_file_close(&serve->listen_fd);
    for (int i = 0; i < TT_SERVE_CLIENTS_MAX; i++)
        tt_file_close(&serve->clients[i].fd);
    for (int i = 0; i < TT_SERVE_FETCHES_MAX; i++)
        tt_fetch_fini(&serve->fetches[i]);
    tt_arena_fini(&serve->arena);
    free(serve);
}
