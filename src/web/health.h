/* Health: the handlers of what load balancers, operators and Prometheus ask; see routes.c. */
#ifndef TINTYPE_WEB_HEALTH_H
#define TINTYPE_WEB_HEALTH_H

#include "web/request.h"

/* Answers 200 while a worker can answer at all. */
enum tt_err tt_health_alive(struct tt_request *request);
/* Answers 200 when an upload could be taken right now, one of max_body_bytes as far as the disk is
 * concerned (the quota may be less than that, and has only to be free of some bytes); else the
 * problem that stands in the way. */
enum tt_err tt_health_ready(struct tt_request *request);
/* Answers with the metrics in Prometheus text format 0.0.4. */
enum tt_err tt_health_metrics(struct tt_request *request);

#endif
