/* HTTP over libcurl's multi interface: requests become easy handles, and what comes back becomes
 * answers. Signing, and what a status means, is known to the callers. The file is longer than
 * others because no other one knows libcurl. */
#include "tintype/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "aws/http_text.h"
#include "aws/wipe.h"
#include "tintype/clock.h"
#include "tintype/url.h"

#define USER_AGENT         "tintype/" TT_VERSION
#define CONNECT_TIMEOUT_MS 5000L
#define STALL_SECONDS      (TT_HTTP_TIMEOUT_MS / 1000L)
#define STALL_BYTES_PER_S  (TT_HTTP_LEAST_BYTES_PER_S / 4L) /* a shared line is not even */
#define UPLOAD_BUFFER      (64L * 1024) /* malloc maps memory anew from 128 KiB on */
#define FIRST_KEPT_BYTES   ((size_t)4096)
#define HEAP_KEPT_BYTES    (16 * 1024 * 1024)

/* One request on its way, with the answer as far as it has come. */
struct transfer {
    struct transfer *next;
    struct transfer *previous;
    CURL *easy;
    struct curl_slist *headers;
    char host[TT_URL_HOST_SIZE]; /* how causes name the server */
    tt_http_done *done;
    void *context;
    const char *body; /* NULL for no body, or for one of body_fd */
    int body_fd;
    int64_t body_bytes;
    int64_t sent_bytes;
    int sink_fd;
    int64_t max_answer_bytes;
    int64_t received_bytes; /* of the answer's body */
    char *kept;             /* the part that went to no sink; NULL until there is some */
    size_t kept_bytes;
    size_t kept_size;
    bool has_answer; /* a header line has come */
    bool has_head;   /* the empty line that ends them has come */
    bool is_resent;
    int64_t give_up_ms;  /* monotonic */
    int64_t retry_at_ms; /* Retry-After as a date */
    struct tt_http_answer answer;
    char curl_text[CURL_ERROR_SIZE];
};

struct tt_http {
    CURLM *multi;
    int max_connections;
    int in_flight;
    struct transfer *first;     /* in flight */
    struct transfer *idle;      /* ended ones, kept for their easy handle and its TLS sessions */
    int idle_count;             /* at most max_connections */
    struct curl_waitfd *waited; /* what tt_http_run has libcurl wait for */
    size_t waited_size;
};

/* ---- failures of a transfer ---- */

static void fail(struct transfer *transfer, enum tt_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first failure holds, as what libcurl says afterwards is its consequence. */
static void fail(struct transfer *transfer, enum tt_err err, const char *format, ...) {
    struct tt_http_answer *answer = &transfer->answer;
    if (answer->err != TT_OK)
        return;
    answer->err = err;
    snprintf(answer->cause, sizeof answer->cause, "%.100s: ", transfer->host);
    size_t length = strlen(answer->cause);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(answer->cause + length, sizeof answer->cause - length, format, arguments);
    va_end(arguments);
}

static void fail_file(struct transfer *transfer, const char *what) {
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    fail(transfer, is_full ? TT_ERR_SPOOL_FULL : TT_ERR_STORAGE, "%s: %s", what, strerror(errno));
}

/* ---- the request's body ---- */

static size_t give_from_fd(struct transfer *transfer, char *out, size_t wanted) {
    ssize_t got;
    do
        got = pread(transfer->body_fd, out, wanted, transfer->sent_bytes);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return (size_t)got;
    if (got < 0)
        fail_file(transfer, "read the body to send");
    else
        fail(transfer, TT_ERR_STORAGE, "the file to send ends after %lld of %lld bytes",
             (long long)transfer->sent_bytes, (long long)transfer->body_bytes);
    return CURL_READFUNC_ABORT;
}

/* libcurl's read function. */
static size_t give_body(char *out, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    int64_t left = transfer->body_bytes - transfer->sent_bytes;
    size_t given = size * count;
    if (left < (int64_t)given)
        given = (size_t)left;
    if (given == 0)
        return 0;
    if (!transfer->body)
        given = give_from_fd(transfer, out, given);
    else
        memcpy(out, transfer->body + transfer->sent_bytes, given);
    if (given != CURL_READFUNC_ABORT)
        transfer->sent_bytes += (int64_t)given;
    return given;
}

/* libcurl's seek function: it sends a body again when a connection that was kept turns out dead. */
static int seek_body(void *context, curl_off_t offset, int origin) {
    struct transfer *transfer = context;
    if (origin != SEEK_SET || offset < 0 || offset > transfer->body_bytes)
        return CURL_SEEKFUNC_FAIL;
    transfer->sent_bytes = offset;
    return CURL_SEEKFUNC_OK;
}

/* ---- the answer's body ---- */

static bool keep(struct transfer *transfer, const char *bytes, size_t length) {
    size_t needed = transfer->kept_bytes + length + 1;
    if (needed > transfer->kept_size) {
        size_t size =
            transfer->kept_size < FIRST_KEPT_BYTES ? FIRST_KEPT_BYTES : 2 * transfer->kept_size;
        char *kept = tt_wipe_realloc(transfer->kept, size < needed ? needed : size);
        if (!kept) {
            fail(transfer, TT_ERR_CLOUD_FAILED, "no memory for the answer");
            return false;
        }
        transfer->kept = kept;
        transfer->kept_size = size < needed ? needed : size;
    }
    memcpy(transfer->kept + transfer->kept_bytes, bytes, length);
    transfer->kept_bytes += length;
    transfer->kept[transfer->kept_bytes] = '\0';
    return true;
}

static bool write_to_sink(struct transfer *transfer, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(transfer->sink_fd, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            fail_file(transfer, "write the answer's body");
            return false;
        }
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* libcurl's write function. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    size_t length = size * count;
    int64_t max_bytes = transfer->max_answer_bytes;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    bool is_sunk = transfer->sink_fd >= 0 && status >= 200 && status < 300;
    /* Who asked for an object gave its size as the maximum, which may be too much, or too little,
     * for the text of an error. */
    if (transfer->sink_fd >= 0 && !is_sunk)
        max_bytes = TT_HTTP_ANSWER_KEPT_BYTES;
    if ((int64_t)length > max_bytes - transfer->received_bytes) {
        fail(transfer, TT_ERR_CLOUD_FAILED, "the answer's body has more than %lld bytes",
             (long long)max_bytes);
        return 0;
    }
    bool is_taken =
        is_sunk ? write_to_sink(transfer, bytes, length) : keep(transfer, bytes, length);
    transfer->received_bytes += (int64_t)length;
    return is_taken ? length : 0;
}

/* libcurl's header function, which gets one line, without a NUL at its end. */
static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    struct transfer *transfer = context;
    transfer->has_answer = true;
    if (size * count > 5 && memcmp(bytes, "HTTP/", 5) == 0)
        transfer->has_head = false; /* a status line after that of "100 Continue" */
    else if (size * count > 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
        transfer->has_head = true;
    tt_http_line_take(&transfer->answer, &transfer->retry_at_ms, bytes, size * count);
    return size * count;
}

/* ---- from a request to a transfer ---- */

static bool add_line(struct transfer *transfer, const char *line) {
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

static bool add_header(struct transfer *transfer, const struct tt_http_header *header) {
    size_t size = strlen(header->name) + sizeof ": " + strlen(header->value);
    char *line = malloc(size);
    if (!line)
        return false;
    /* A name with a colon and no value asks libcurl to leave that header out; with a semicolon it
     * is sent without a value (CURLOPT_HTTPHEADER). */
    if (header->value[strspn(header->value, " \t")] == '\0')
        snprintf(line, size, "%s;", header->name);
    else
        snprintf(line, size, "%s: %s", header->name, header->value);
    bool is_added = add_line(transfer, line);
    tt_wipe_free(line);
    return is_added;
}

static bool add_headers(struct transfer *transfer, const struct tt_http_request *request) {
    bool has_accept = false;
    bool is_added = add_line(transfer, "Expect:");
    for (size_t i = 0; is_added && i < request->header_count; i++) {
        has_accept = has_accept || strcasecmp(request->headers[i].name, "accept") == 0;
        is_added = add_header(transfer, &request->headers[i]);
    }
    return is_added && (has_accept || add_line(transfer, "Accept:"));
}

/* Sets an option; the first failure stays. */
#define SET(code, easy, option, value)                                                             \
    ((code) = (code) == CURLE_OK ? curl_easy_setopt(easy, option, value) : (code))

/* Sets how every request is made, whatever it asks. */
static CURLcode set_manners(CURL *easy) {
    CURLcode code = CURLE_OK;
    SET(code, easy, CURLOPT_NOSIGNAL, 1L);
    /* Else libcurl waits for the resolver, without an end, when it gives a request up. */
    SET(code, easy, CURLOPT_QUICK_EXIT, 1L);
    SET(code, easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(code, easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(code, easy, CURLOPT_PATH_AS_IS, 1L);
    SET(code, easy, CURLOPT_USERAGENT, USER_AGENT);
    SET(code, easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(code, easy, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(code, easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    SET(code, easy, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_PER_S);
    SET(code, easy, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
    SET(code, easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER);
    return code;
}

static CURLcode set_callbacks(struct transfer *transfer) {
    CURL *easy = transfer->easy;
    CURLcode code = CURLE_OK;
    SET(code, easy, CURLOPT_PRIVATE, transfer);
    SET(code, easy, CURLOPT_ERRORBUFFER, transfer->curl_text);
    SET(code, easy, CURLOPT_HEADERFUNCTION, take_header);
    SET(code, easy, CURLOPT_HEADERDATA, transfer);
    SET(code, easy, CURLOPT_WRITEFUNCTION, take_body);
    SET(code, easy, CURLOPT_WRITEDATA, transfer);
    SET(code, easy, CURLOPT_READFUNCTION, give_body);
    SET(code, easy, CURLOPT_READDATA, transfer);
    SET(code, easy, CURLOPT_SEEKFUNCTION, seek_body);
    SET(code, easy, CURLOPT_SEEKDATA, transfer);
    return code;
}

static CURLcode set_request(struct transfer *transfer, const struct tt_http_request *request,
                            const struct tt_url *url) {
    bool has_ca_file = request->ca_file && request->ca_file[0] != '\0';
    CURL *easy = transfer->easy;
    CURLcode code = CURLE_OK;
    SET(code, easy, CURLOPT_URL, request->url);
    if (tt_http_may_have_body(request->method)) {
        SET(code, easy, CURLOPT_UPLOAD, 1L);
        SET(code, easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->body_bytes);
    } else if (strcmp(request->method, "HEAD") == 0) {
        SET(code, easy, CURLOPT_NOBODY, 1L);
    }
    SET(code, easy, CURLOPT_CUSTOMREQUEST, request->method);
    SET(code, easy, CURLOPT_HTTPHEADER, transfer->headers);
    SET(code, easy, CURLOPT_TIMEOUT_MS, (long)tt_http_timeout_ms(request));
    if (tt_http_is_near(url))
        SET(code, easy, CURLOPT_PROXY, "");
    /* Beside a directory of certificates, libcurl would read the file again for each connection
     * (CURLOPT_CA_CACHE_TIMEOUT), and trust all that the system does. */
    if (has_ca_file || curl_version_info(CURLVERSION_NOW)->cainfo)
        SET(code, easy, CURLOPT_CAPATH, NULL);
    if (has_ca_file)
        SET(code, easy, CURLOPT_CAINFO, request->ca_file);
    return code;
}

/* ---- transfers ---- */

static void free_transfer(struct transfer *transfer) {
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    tt_wipe_free(transfer->kept);
    tt_wipe_free(transfer);
}

static struct transfer *new_transfer(struct tt_http *http) {
    struct transfer *transfer = http->idle;
    if (transfer) {
        http->idle = transfer->next;
        http->idle_count--;
        transfer->next = NULL;
        return transfer;
    }
    transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return NULL;
    transfer->easy = curl_easy_init();
    if (transfer->easy)
        return transfer;
    free(transfer);
    return NULL;
}

static void release_transfer(struct tt_http *http, struct transfer *transfer) {
    CURL *easy = transfer->easy;
    if (http->idle_count >= http->max_connections) {
        free_transfer(transfer);
        return;
    }
    curl_easy_reset(easy);
    curl_slist_free_all(transfer->headers);
    tt_wipe_free(transfer->kept);
    *transfer = (struct transfer){.easy = easy, .next = http->idle};
    http->idle = transfer;
    http->idle_count++;
}

static void link_transfer(struct tt_http *http, struct transfer *transfer) {
    transfer->next = http->first;
    if (http->first)
        http->first->previous = transfer;
    http->first = transfer;
    http->in_flight++;
}

static void unlink_transfer(struct tt_http *http, struct transfer *transfer) {
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        http->first = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    http->in_flight--;
}

enum tt_err tt_http_start(struct tt_http *http, const struct tt_http_request *request,
                          tt_http_done *done, void *context) {
    struct tt_url url;
    enum tt_err err = tt_http_request_check(request, &url);
    struct transfer *transfer = err == TT_OK ? new_transfer(http) : NULL;
    if (err != TT_OK)
        return err;
    if (!transfer)
        return tt_err_fail(TT_ERR_NO_MEMORY, "http: no memory for a request");
    memcpy(transfer->host, url.host, sizeof transfer->host);
    transfer->done = done;
    transfer->context = context;
    transfer->body = request->body;
    transfer->body_fd = request->body_fd;
    transfer->body_bytes = tt_http_body_bytes(request);
    transfer->give_up_ms = tt_clock_monotonic_ms() + tt_http_timeout_ms(request);
    transfer->sink_fd = request->sink_fd;
    transfer->max_answer_bytes = request->max_answer_bytes;
    if (!add_headers(transfer, request) || set_manners(transfer->easy) != CURLE_OK ||
        set_callbacks(transfer) != CURLE_OK || set_request(transfer, request, &url) != CURLE_OK ||
        curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK) {
        free_transfer(transfer);
        return tt_err_fail(TT_ERR_NO_MEMORY, "http: no memory for a request to %s", url.host);
    }
    link_transfer(http, transfer);
    return TT_OK;
}

/* ---- the end of a transfer ---- */

static enum tt_err judge_code(CURLcode code, bool has_answer) {
    switch (code) {
    case CURLE_OK: return TT_OK;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION: return TT_ERR_CLOUD_AWAY;
    /* A service that has begun to answer is there, and it is this request alone that failed. */
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING: return has_answer ? TT_ERR_CLOUD_FAILED : TT_ERR_CLOUD_AWAY;
    default: return TT_ERR_CLOUD_FAILED;
    }
}

static void judge(struct transfer *transfer, CURLcode code) {
    struct tt_http_answer *answer = &transfer->answer;
    enum tt_err err = judge_code(code, transfer->has_answer);
    long status = 0;
    /* libcurl takes an answer that breaks off within its headers for a whole one. */
    if (code == CURLE_OK && !transfer->has_head)
        fail(transfer, TT_ERR_CLOUD_FAILED, "the answer ends within its headers");
    if (err != TT_OK)
        fail(transfer, err, "%s",
             transfer->curl_text[0] != '\0' ? transfer->curl_text : curl_easy_strerror(code));
    answer->body = "";
    if (answer->err == TT_OK) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        answer->status = (int)status;
        if (transfer->kept)
            answer->body = transfer->kept;
        answer->body_bytes = transfer->kept_bytes;
    }
    tt_http_retry_settle(answer, transfer->retry_at_ms);
}

/* Sends a request once more whose kept connection was found closed only while the body was sent.
 * libcurl does so itself when it finds that earlier, but gives up then. The request gets no more
 * time for that. */
static bool send_again(struct tt_http *http, struct transfer *transfer, CURLcode code) {
    int64_t left_ms = transfer->give_up_ms - tt_clock_monotonic_ms();
    long connects = 1;
    if (code != CURLE_SEND_ERROR || transfer->has_answer || transfer->is_resent || left_ms <= 0 ||
        curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects) != CURLE_OK ||
        connects > 0 || curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK ||
        curl_easy_setopt(transfer->easy, CURLOPT_TIMEOUT_MS, (long)left_ms) != CURLE_OK)
        return false;
    transfer->is_resent = true;
    transfer->sent_bytes = 0;
    return curl_multi_add_handle(http->multi, transfer->easy) == CURLM_OK;
}

static void finish(struct tt_http *http, struct transfer *transfer, CURLcode code) {
    curl_multi_remove_handle(http->multi, transfer->easy);
    if (send_again(http, transfer, code))
        return;
    judge(transfer, code);
    unlink_transfer(http, transfer);
    transfer->done(transfer->context, &transfer->answer);
    release_transfer(http, transfer);
}

static void finish_ended(struct tt_http *http) {
    struct CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        /* libcurl's message dies when the handle is removed, so it is read before. */
        CURLcode code = message->data.result;
        char *transfer = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK)
            finish(http, (struct transfer *)(void *)transfer, code);
    }
}

/* ---- the client ---- */

struct tt_http *tt_http_new(int max_connections) {
    /* libcurl allocates and frees an upload buffer for each request. When the heap shrank and grew
     * with it, page faults took three quarters of a request's CPU time. */
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_BYTES);
    /* Signatures, session tokens and answers with keys go through libcurl's memory as well, so that
     * is wiped too. */
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, tt_wipe_free, tt_wipe_realloc, strdup,
                             calloc) != CURLE_OK) {
        tt_err_fail(TT_ERR_SYSTEM, "http: libcurl does not start");
        return NULL;
    }
    struct tt_http *http;
    http = calloc(1, sizeof *http);
    if (http)
        http->multi = curl_multi_init();
    if (!http || !http->multi ||
        curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)max_connections) != CURLM_OK ||
        curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING) != CURLM_OK) {
        tt_err_fail(TT_ERR_NO_MEMORY, "http: no memory for libcurl");
        tt_http_free(http);
        if (!http)
            curl_global_cleanup();
        return NULL;
    }
    http->max_connections = max_connections;
    return http;
}

static void free_all(struct transfer *transfer) {
    while (transfer) {
        struct transfer *next = transfer->next;
        free_transfer(transfer);
        transfer = next;
    }
}

void tt_http_free(struct tt_http *http) {
    if (!http)
        return;
    for (struct transfer *transfer = http->first; transfer; transfer = transfer->next)
        curl_multi_remove_handle(http->multi, transfer->easy);
    free_all(http->first);
    free_all(http->idle);
    curl_multi_cleanup(http->multi);
    free(http->waited);
    free(http);
    curl_global_cleanup();
}

int tt_http_in_flight(const struct tt_http *http) {
    return http->in_flight;
}

static enum tt_err copy_waited(struct tt_http *http, const struct pollfd *fds, size_t fd_count) {
    if (fd_count > http->waited_size) {
        struct curl_waitfd *longer = reallocarray(http->waited, fd_count, sizeof *longer);
        if (!longer)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "http: wait on %zu descriptors", fd_count);
        http->waited = longer;
        http->waited_size = fd_count;
    }
    for (size_t i = 0; i < fd_count; i++) {
        short events = 0;
        if (fds[i].events & POLLIN)
            events |= CURL_WAIT_POLLIN;
        if (fds[i].events & POLLPRI)
            events |= CURL_WAIT_POLLPRI;
        if (fds[i].events & POLLOUT)
            events |= CURL_WAIT_POLLOUT;
        http->waited[i] = (struct curl_waitfd){.fd = fds[i].fd, .events = events};
    }
    return TT_OK;
}

enum tt_err tt_http_run(struct tt_http *http, struct pollfd *fds, size_t fd_count, int timeout_ms) {
    enum tt_err err = copy_waited(http, fds, fd_count);
    if (err != TT_OK)
        return err;
    CURLMcode code =
        curl_multi_poll(http->multi, http->waited, (unsigned int)fd_count, timeout_ms, NULL);
    /* The descriptors are polled again, as libcurl tells neither of ends nor of errors (POLLHUP,
     * POLLERR). */
    while (code == CURLM_OK && fd_count > 0 && poll(fds, fd_count, 0) < 0)
        if (errno != EINTR)
            return tt_err_fail_errno(TT_ERR_SYSTEM, "http: poll");
    int running;
    if (code == CURLM_OK)
        code = curl_multi_perform(http->multi, &running);
    if (code != CURLM_OK)
        return tt_err_fail(TT_ERR_SYSTEM, "http: %s", curl_multi_strerror(code));
    finish_ended(http);
    return TT_OK;
}
