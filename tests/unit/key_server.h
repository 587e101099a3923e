/* A child process that answers HTTP on 127.0.0.1 by a table, for who asks for keys, and keeps what
 * it was asked. One request a connection. Includes nothing of the project. */
#ifndef TINTYPE_TESTS_KEY_SERVER_H
#define TINTYPE_TESTS_KEY_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY_SERVER_ROUTES       16
#define KEY_SERVER_REQUESTS     16
#define KEY_SERVER_REQUEST_SIZE 16384
#define KEY_SERVER_BODY_SIZE    20000
#define KEY_SERVER_SILENT       0 /* the status of a request that is never answered */

struct key_server {
    int port;
    int route_count;
    struct key_server_route {
        char request[256]; /* "GET /path" */
        int status;
        char body[KEY_SERVER_BODY_SIZE];
    } routes[KEY_SERVER_ROUTES];
    int request_count;
    char requests[KEY_SERVER_REQUESTS][KEY_SERVER_REQUEST_SIZE]; /* head and body */
};

static struct key_server *key_server; /* shared with the child */
static pid_t key_server_pid;

/* Sets what a request is answered with; a later call for the same request changes it. */
static inline void key_server_answer(const char *request, int status, const char *body) {
    int i = 0;
    while (i < key_server->route_count && strcmp(key_server->routes[i].request, request) != 0)
        i++;
    assert_true(i < KEY_SERVER_ROUTES);
    assert_true(strlen(body) < KEY_SERVER_BODY_SIZE);
    snprintf(key_server->routes[i].request, sizeof key_server->routes[i].request, "%s", request);
    snprintf(key_server->routes[i].body, sizeof key_server->routes[i].body, "%s", body);
    key_server->routes[i].status = status;
    if (i == key_server->route_count)
        key_server->route_count = i + 1;
}

/* ---- the child ---- */

/* Reads head and body, as long as there is room. */
static inline void key_server_read(int fd, char text[KEY_SERVER_REQUEST_SIZE]) {
    size_t length = 0, whole = KEY_SERVER_REQUEST_SIZE - 1;
    text[0] = '\0';
    ssize_t got;
    while (length < whole && (got = read(fd, text + length, whole - length)) > 0) {
        length += (size_t)got;
        text[length] = '\0';
        const char *head_end = strstr(text, "\r\n\r\n");
        const char *content_length = strcasestr(text, "\r\nContent-Length:");
        if (head_end) {
            whole = (size_t)(head_end + 4 - text);
            if (content_length && content_length < head_end)
                whole += (size_t)strtoul(content_length + 17, NULL, 10);
            if (whole > KEY_SERVER_REQUEST_SIZE - 1)
                whole = KEY_SERVER_REQUEST_SIZE - 1;
        }
    }
}

/* Answers the request. False when the connection is to be left as it is. */
static inline int key_server_reply(int fd, const char *text) {
    int status = 404;
    const char *body = "";
    for (int i = 0; i < key_server->route_count; i++) {
        size_t length = strlen(key_server->routes[i].request);
        if (strncmp(text, key_server->routes[i].request, length) == 0 && text[length] == ' ') {
            status = key_server->routes[i].status;
            body = key_server->routes[i].body;
        }
    }
    if (status == KEY_SERVER_SILENT)
        return 0;
    char head[256];
    snprintf(head, sizeof head,
             "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
             strlen(body));
    if (write(fd, head, strlen(head)) < 0 || write(fd, body, strlen(body)) < 0)
        _exit(1);
    return 1;
}

static inline void key_server_serve(int listen_fd) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) /* a test that crashes leaves no server behind */
        _exit(1);
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        char *text = key_server->requests[key_server->request_count % KEY_SERVER_REQUESTS];
        if (fd < 0)
            _exit(1);
        key_server_read(fd, text);
        key_server->request_count++;
        if (key_server_reply(fd, text))
            close(fd);
    }
}

/* ---- start and stop ---- */

static inline int key_server_start(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    key_server =
        mmap(NULL, sizeof *key_server, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || key_server == MAP_FAILED ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    key_server->port = ntohs(address.sin_port);
    key_server_pid = fork();
    if (key_server_pid == 0)
        key_server_serve(fd);
    close(fd);
    return key_server_pid > 0 ? 0 : -1;
}

static inline int key_server_stop(void) {
    int status;
    if (key_server_pid <= 0 || kill(key_server_pid, SIGKILL) != 0 ||
        waitpid(key_server_pid, &status, 0) != key_server_pid)
        return -1;
    return munmap(key_server, sizeof *key_server);
}

#endif
