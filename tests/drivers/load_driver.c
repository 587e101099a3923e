/* The benchmark's client: sends one upload after the other on each of a few connections, for so
 * long or so many, and waits for the last answers. It runs on the cores that it measures, so it
 * does as little as a client can: one thread a connection that sends a request made beforehand.
 *
 * load_driver PORT PATH BODY_FILE CONNECTIONS SECONDS [UPLOADS]
 * UPLOADS, the most that all connections send together, ends a run before SECONDS do.
 * Output, as JSON: uploads and uploads per second, the client's own CPU time, and how long each
 * upload took. The rate is the sum over the connections, each over its own time, so that the end,
 * when some have stopped, does not count against the server. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BODY_MAX_BYTES   (64L * 1024 * 1024)
#define HEAD_MAX_BYTES   512
#define ANSWER_MAX_BYTES 16384
#define CONNECTIONS_MAX  64
#define UPLOADS_MAX      1000000 /* of a connection */

struct connection {
    pthread_t thread;
    int fd; /* It is -1 while there is none, as the server closes it when it likes. */
    double *times_ms;
    size_t count;
    double seconds;
    char answer[ANSWER_MAX_BYTES + 1];
    size_t answer_length;
};

/* These are set before the threads start. */
static struct sockaddr_in server = {.sin_family = AF_INET};
static char *request;
static size_t request_length;
static double start_s, end_s;

static atomic_long uploads_left = (long)CONNECTIONS_MAX * UPLOADS_MAX;

static _Noreturn void fail(const char *what) {
    (void)fprintf(stderr, "load_driver: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static double now_s(void) {
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        fail("clock");
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void make_request(const char *path, const char *body_path) {
    FILE *body = fopen(body_path, "rb");
    long body_length;
    int head_length;

    if (body == NULL || fseek(body, 0, SEEK_END) != 0 || (body_length = ftell(body)) < 0 ||
        body_length > BODY_MAX_BYTES || fseek(body, 0, SEEK_SET) != 0)
        fail(body_path);
    request = malloc(HEAD_MAX_BYTES + (size_t)body_length);
    if (request == NULL)
        fail("memory");
    head_length = snprintf(request, HEAD_MAX_BYTES,
                           "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n"
                           "Content-Length: %ld\r\n\r\n",
                           path, body_length);
    if (head_length < 0 || head_length >= HEAD_MAX_BYTES)
        fail("the path is too long");
    request_length = (size_t)head_length + (size_t)body_length;
    if (fread(request + head_length, 1, (size_t)body_length, body) != (size_t)body_length)
        fail(body_path);
    (void)fclose(body);
}

static void open_connection(struct connection *connection) {
    const int on = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        connect(connection->fd, (const struct sockaddr *)&server, sizeof server) != 0)
        fail("connect");
}

static void send_request(const struct connection *connection) {
    size_t sent = 0;

    while (sent < request_length) {
        ssize_t count = send(connection->fd, request + sent, request_length - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            fail("send");
        sent += count > 0 ? (size_t)count : 0;
    }
}

/* Reads more of the answer. Returns false at its end. */
static bool receive(struct connection *connection) {
    ssize_t count;

    if (connection->answer_length == ANSWER_MAX_BYTES)
        fail("the answer is too long");
    do
        count = recv(connection->fd, connection->answer + connection->answer_length,
                     ANSWER_MAX_BYTES - connection->answer_length, 0);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        fail("recv");
    connection->answer_length += (size_t)count;
    connection->answer[connection->answer_length] = '\0';
    return count > 0;
}

/* Returns the value of a header of the answer, whose head ends at `end`; NULL if it has none. */
static const char *find_header(const struct connection *connection, const char *end,
                               const char *name) {
    const char *found = strcasestr(connection->answer, name);

    return found != NULL && found < end ? found + strlen(name) : NULL;
}

/* Reads one whole answer, and closes the connection if the server said that it will. */
static void read_answer(struct connection *connection) {
    const char *end, *length;
    size_t answer_length;
    bool closes;

    connection->answer_length = 0;
    do {
        if (!receive(connection))
            fail("the answer was cut short");
        end = strstr(connection->answer, "\r\n\r\n");
    } while (end == NULL);
    length = find_header(connection, end, "\r\nContent-Length:");
    closes = find_header(connection, end, "\r\nConnection: close") != NULL;
    if (strncmp(connection->answer, "HTTP/1.1 200 ", 13) != 0) {
        (void)fprintf(stderr, "%s\n", connection->answer);
        fail("not the answer hoped for");
    }
    if (length == NULL)
        fail("an answer without its length");
    answer_length = (size_t)(end - connection->answer) + 4 + strtoul(length, NULL, 10);
    while (connection->answer_length < answer_length)
        if (!receive(connection))
            fail("the answer was cut short");
    if (closes) {
        (void)close(connection->fd);
        connection->fd = -1;
    }
}

static void *run(void *argument) {
    struct connection *connection = argument;
    double now = now_s();

    while (now < end_s && atomic_fetch_sub(&uploads_left, 1) > 0) {
        double before = now;

        if (connection->count == UPLOADS_MAX)
            fail("too many uploads");
        if (connection->fd < 0)
            open_connection(connection);
        send_request(connection);
        read_answer(connection);
        now = now_s();
        connection->times_ms[connection->count++] = (now - before) * 1000;
    }
    connection->seconds = now - start_s;
    if (connection->fd >= 0)
        (void)close(connection->fd);
    return NULL;
}

static void print(const struct connection *connections, int count) {
    struct rusage usage;
    size_t uploads = 0;
    double rate = 0;
    const char *separator = "";

    if (getrusage(RUSAGE_SELF, &usage) != 0)
        fail("getrusage");
    for (int i = 0; i < count; i++) {
        uploads += connections[i].count;
        rate +=
            connections[i].count > 0 ? (double)connections[i].count / connections[i].seconds : 0;
    }
    (void)printf("{\"uploads\": %zu, \"rate\": %.4f, \"client_cpu_ms\": %.1f, \"times_ms\": [",
                 uploads, rate,
                 (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3);
    for (int i = 0; i < count; i++)
        for (size_t j = 0; j < connections[i].count; j++) {
            (void)printf("%s%.3f", separator, connections[i].times_ms[j]);
            separator = ",";
        }
    (void)printf("]}\n");
}

int main(int argc, char **argv) {
    static struct connection connections[CONNECTIONS_MAX];
    int count;

    if (argc < 6 || argc > 7 || (count = (int)strtol(argv[4], NULL, 10)) < 1 ||
        count > CONNECTIONS_MAX) {
        (void)fprintf(stderr,
                      "usage: load_driver PORT PATH BODY_FILE CONNECTIONS SECONDS [UPLOADS]\n");
        return EXIT_FAILURE;
    }
    server.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    make_request(argv[2], argv[3]);
    for (int i = 0; i < count; i++) {
        connections[i].fd = -1;
        connections[i].times_ms = malloc(UPLOADS_MAX * sizeof *connections[i].times_ms);
        if (connections[i].times_ms == NULL)
            fail("memory");
    }
    start_s = now_s();
    end_s = start_s + strtod(argv[5], NULL);
    if (argc == 7)
        uploads_left = strtol(argv[6], NULL, 10);
    for (int i = 0; i < count; i++)
        if ((errno = pthread_create(&connections[i].thread, NULL, run, &connections[i])) != 0)
            fail("thread");
    for (int i = 0; i < count; i++)
        if ((errno = pthread_join(connections[i].thread, NULL)) != 0)
            fail("thread");
    print(connections, count);
    for (int i = 0; i < count; i++)
        free(connections[i].times_ms);
    free(request);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
