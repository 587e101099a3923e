/* An HTTP server on 127.0.0.1 for tests: a child process, with one more for each connection, that
 * records what comes and answers with what the test has put there, to the letter. Manner and answer
 * may change between requests. Includes nothing of the project. */
#ifndef TINTYPE_TESTS_HTTP_SERVER_H
#define TINTYPE_TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SERVER_REQUEST_SIZE (4 * 1024 * 1024)
#define SERVER_ANSWER_SIZE  (256 * 1024)

enum server_manner {
    SERVER_ANSWERS,
    SERVER_ANSWERS_AND_CLOSES,
    SERVER_ANSWERS_EARLY, /* without reading the body, then closes */
    SERVER_CLOSES,        /* without an answer */
    SERVER_WAITS,         /* without an answer, until the client has closed */
    SERVER_TRICKLES,      /* its answer, then a byte now and then, until the client has closed */
    SERVER_TALKS_FIRST,   /* sends its answer at once, closes */
    SERVER_RESETS_REUSED, /* resets a connection within the body of its second request */
};

struct server_request {
    char bytes[SERVER_REQUEST_SIZE]; /* NUL-terminated */
    size_t length;
    size_t body_at;
};

/* Seen by the test and by all of the server's processes. */
struct server {
    enum server_manner manner;
    char answer[SERVER_ANSWER_SIZE];
    size_t answer_bytes;
    atomic_int connections;
    atomic_int requests;           /* those that came whole */
    struct server_request request; /* the last one that came whole */
};

static struct server *server;
static struct server_request server_current; /* the one that a connection's process reads */
static int server_port;
static pid_t server_pid;

static inline void server_set_answer(enum server_manner manner, const char *text) {
    server->manner = manner;
    server->answer_bytes = strlen(text);
    memcpy(server->answer, text, server->answer_bytes);
}

/* "http://127.0.0.1:<port><rest>"; one result at a time. */
static inline const char *server_url(const char *rest) {
    static char url[1024];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", server_port, rest);
    return url;
}

static inline bool server_send(int fd) {
    /* The length is read once: when the client has it all, the test may put the next answer there.
     */
    size_t length = server->answer_bytes;
    for (size_t sent = 0; sent < length;) {
        ssize_t count = send(fd, server->answer + sent, length - sent, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        sent += (size_t)count;
    }
    return true;
}

static inline void server_trickle(int fd) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

    while (send(fd, "x", 1, MSG_NOSIGNAL) == 1)
        nanosleep(&pause, NULL);
}

/* Reads on until the text has come, or length bytes in all; false at the connection's end. */
static inline bool server_read(int fd, const char *text, size_t length) {
    struct server_request *request = &server_current;
    while (text ? !strstr(request->bytes, text) : request->length < length) {
        size_t room = sizeof request->bytes - 1 - request->length;
        ssize_t count = read(fd, request->bytes + request->length, room);
        if (count <= 0)
            return false;
        request->length += (size_t)count;
        request->bytes[request->length] = '\0';
    }
    return true;
}

static inline bool server_read_headers(int fd) {
    struct server_request *request = &server_current;
    request->length = 0;
    request->bytes[0] = '\0';
    if (!server_read(fd, "\r\n\r\n", 0))
        return false;
    request->body_at = (size_t)(strstr(request->bytes, "\r\n\r\n") - request->bytes) + 4;
    return true;
}

static inline bool server_read_body(int fd) {
    struct server_request *request = &server_current;
    const char *header = strstr(request->bytes, "Content-Length: ");
    size_t length = header ? (size_t)strtoul(header + 16, NULL, 10) : 0;
    if (!server_read(fd, NULL, request->body_at + length))
        return false;
    memcpy(server->request.bytes, request->bytes, request->length + 1);
    server->request.length = request->length;
    server->request.body_at = request->body_at;
    atomic_fetch_add(&server->requests, 1);
    return true;
}

static inline void server_read_to_end(int fd) {
    char rest[4096];
    while (read(fd, rest, sizeof rest) > 0)
        continue;
}

static inline void server_reset(int fd) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/* Whether the connection is kept after one request, the first of which has number 0. */
static inline bool server_converse(int fd, int number) {
    if (server->manner == SERVER_TALKS_FIRST) {
        server_send(fd);
        return false;
    }
    if (!server_read_headers(fd))
        return false;
    switch (server->manner) {
    case SERVER_ANSWERS_EARLY:
        if (server_send(fd) && shutdown(fd, SHUT_WR) == 0)
            server_read_to_end(fd);
        return false;
    case SERVER_RESETS_REUSED:
        if (number > 0) {
            server_reset(fd);
            return false;
        }
        break;
    case SERVER_WAITS:
        if (server_read_body(fd))
            server_read_to_end(fd);
        return false;
    case SERVER_TRICKLES:
        if (server_read_body(fd) && server_send(fd))
            server_trickle(fd);
        return false;
    case SERVER_CLOSES: server_read_body(fd); return false;
    case SERVER_ANSWERS_AND_CLOSES: (void)(server_read_body(fd) && server_send(fd)); return false;
    case SERVER_TALKS_FIRST:
    case SERVER_ANSWERS: break;
    }
    return server_read_body(fd) && server_send(fd);
}

static inline void server_serve(int listen_fd) {
    setpgid(0, 0);
    signal(SIGCHLD, SIG_IGN);
    int fd;
    while ((fd = accept(listen_fd, NULL, NULL)) >= 0) {
        atomic_fetch_add(&server->connections, 1);
        if (fork() == 0) {
            for (int number = 0; server_converse(fd, number); number++)
                continue;
            close(fd);
            _exit(0);
        }
        close(fd);
    }
}

/* A socket bound to a port of 127.0.0.1 that was free, or -1. */
static inline int server_bind(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    *port = ntohs(address.sin_port);
    return fd;
}

/* cmocka setup and teardown: 0 on success. */
static inline int server_start(void **state) {
    int listen_fd = server_bind(&server_port);
    (void)state;
    server = mmap(NULL, sizeof *server, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (listen_fd < 0 || server == MAP_FAILED || listen(listen_fd, 64) != 0)
        return -1;
    server_pid = fork();
    if (server_pid == 0) {
        server_serve(listen_fd);
        _exit(1);
    }
    setpgid(server_pid, server_pid);
    close(listen_fd);
    return server_pid > 0 ? 0 : -1;
}

static inline int server_stop(void **state) {
    (void)state;
    kill(-server_pid, SIGKILL);
    waitpid(server_pid, NULL, 0);
    return munmap(server, sizeof *server);
}

#endif
