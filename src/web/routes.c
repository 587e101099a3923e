/* The routes, and the rules that hold for all of them: methods, cross-origin requests (the Fetch
 * standard's CORS protocol), ids. */
#include "web/routes.h"

#include <string.h>

#include "tintype/auth.h"
#include "web/health.h"
#include "web/list.h"
#include "web/offer.h"
#include "web/reply.h"
#include "web/retrieve.h"
#include "web/upload.h"

struct route {
    bool below_base;
    const char *segments[TT_REQUEST_SEGMENTS]; /* {id} takes a well-formed id, {name} anything */
    enum tt_err (*handlers[TT_METHOD_HANDLED])(struct tt_request *request); /* by enum tt_method */
};

static const struct route routes[] = {
    /*                                         GET, HEAD              POST              DELETE */
    {true, {"images"}, {tt_list_handle, tt_upload_handle, NULL}},
    {true, {"images", "{id}"}, {tt_retrieve_image, NULL, tt_retrieve_delete}},
    {true, {"images", "{id}", "processed"}, {tt_retrieve_processed, NULL, NULL}},
    {true, {"images", "{id}", "original"}, {tt_retrieve_original, NULL, NULL}},
    {true, {"images", "{id}", "renditions", "{name}"}, {tt_retrieve_rendition, NULL, NULL}},
    {true, {"options"}, {tt_offer_handle, NULL, NULL}},
    {true, {"healthz"}, {tt_health_alive, NULL, NULL}},
    {true, {"readyz"}, {tt_health_ready, NULL, NULL}},
    {true, {"metrics"}, {tt_health_metrics, NULL, NULL}},
    {false, {"default", "imageProcessor"}, {NULL, tt_upload_handle, NULL}},
};

static bool matches(const struct route *route, struct tt_request *request) {
    /* With an empty base_path every path lies below it, those of the Lambda pipeline included. */
    bool no_base = request->worker->config->server.base_path[0] == '\0';
    int i = 0;
    request->id = request->name = NULL;
    if (route->below_base != request->below_base && !no_base)
        return false;
    for (; i < TT_REQUEST_SEGMENTS && route->segments[i]; i++) {
        if (i >= request->segment_count)
            return false;
        if (strcmp(route->segments[i], "{id}") == 0) {
            if (!tt_uuid_parse(request->segments[i], NULL))
                return false;
            request->id = request->segments[i];
        } else if (strcmp(route->segments[i], "{name}") == 0)
            request->name = request->segments[i];
        else if (strcmp(route->segments[i], request->segments[i]) != 0)
            return false;
    }
    return i == request->segment_count;
}

static const struct route *find_route(struct tt_request *request) {
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (matches(&routes[i], request))
            return &routes[i];
    return NULL;
}

static void format_allow(const struct route *route, char *text, size_t size) {
    static const char *const names[TT_METHOD_HANDLED] = {"GET, HEAD, ", "POST, ", "DELETE, "};
    struct tt_buf buf;
    tt_buf_init(&buf, size - 1);
    for (int i = 0; i < TT_METHOD_HANDLED; i++)
        if (route->handlers[i])
            tt_buf_append_text(&buf, names[i]);
    tt_buf_append_text(&buf, "OPTIONS");
    memcpy(text, tt_buf_text(&buf), buf.length + 1);
    tt_buf_fini(&buf);
}

/* A page of an allowed foreign origin may read the answer, its headers included. */
static void add_cors_headers(struct tt_request *request, const char *origin) {
    tt_reply_header(request, "Access-Control-Allow-Origin", "%s", origin);
    tt_reply_header(request, "Access-Control-Expose-Headers",
                    "Location, Link, ETag, Content-Disposition, Content-Range, Retry-After, "
                    "X-Request-Id");
}

static enum tt_err answer_options(struct tt_request *request, const char *allow, bool cors) {
    tt_reply_header(request, "Allow", "%s", allow);
    if (cors) {
        tt_reply_header(request, "Access-Control-Allow-Methods", "%s", allow);
        tt_reply_header(request, "Access-Control-Allow-Headers",
                        "Content-Type, Content-Disposition, If-None-Match, Range");
        tt_reply_header(request, "Access-Control-Max-Age", "600");
    }
    tt_reply_bytes(request, 204, NULL, "", 0);
    return TT_OK;
}

static enum tt_err dispatch(struct tt_request *request) {
    const char *origin = tt_request_param(request, "HTTP_ORIGIN");
    bool allowed =
        tt_auth_origin_allowed(origin, tt_request_param(request, "HTTP_HOST"), request->scheme,
                               request->worker->config->server.cors_origins);
    const struct route *route = find_route(request);
    char allow[64];
    /* Caches must know that a page of another origin may get another answer, also where this
     * request had no Origin. */
    if (request->worker->config->server.cors_origins[0] != '\0')
        tt_reply_header(request, "Vary", "Origin");
    if (origin && allowed)
        add_cors_headers(request, origin);
    if (!route)
        return tt_err_refuse(TT_ERR_NOT_FOUND, "There is nothing at this address.");
    format_allow(route, allow, sizeof allow);
    if (request->method == TT_METHOD_OPTIONS)
        return answer_options(request, allow, origin && allowed);
    if (request->method == TT_METHOD_OTHER || !route->handlers[request->method]) {
        tt_reply_header(request, "Allow", "%s", allow);
        return tt_err_refuse(TT_ERR_METHOD, "This address takes %s.", allow);
    }
    if (request->method != TT_METHOD_GET && !allowed)
        return tt_err_refuse(TT_ERR_ORIGIN, "Pages of this origin may not change images here.");
    return route->handlers[request->method](request);
}

void tt_routes_answer(struct tt_request *request) {
    tt_request_end(request, dispatch(request));
    if (request->err != TT_OK && request->status == 0)
        tt_reply_problem(request);
}
