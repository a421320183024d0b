# Adds the requests of an edge's log to its totals: metrics, then new lines of the log; the totals
# to standard output, in Prometheus' text format.
#
# Counted is what an upstream answered to users. What nginx answers by itself (no upstream) says
# nothing of a color: it is counted apart. A client that gave up after it had waited long (status 499,
# `slow` in the service's folder, seconds) is told from one that just left.

BEGIN {
    FS = "|"
    buckets = split("0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30 60 +Inf", le, " ")
}
/^#/ { next }
/^bluegreen_/ {
    at = match($0, / [^ ]*$/)
    total[substr($0, 1, at - 1)] = substr($0, at + 1)
    next
}
# shop|blue|80|200|0.003|10.0.0.2:3000
NF == 6 && $3 != 8081 {
    status = $4 + 0
    seconds = $5 + 0
    if ($6 == "-" || $6 == "") {
        total["bluegreen_edge_answers_total{code=\"" status "\"}"]++
        next
    }
    of = "{service=\"" $1 "\",color=\"" $2 "\""
    total["bluegreen_requests_total" of ",code=\"" class(status) "\"}"]++
    if (status == 499 && seconds >= slow($1)) total["bluegreen_requests_abandoned_total" of "}"]++
    if (status == 101) next # how long it was open says nothing of how fast it was
    for (i = 1; i < buckets && seconds > le[i] + 0; i++);
    within[of, i]++
    seen[of] += seconds
}
END {
    for (of in seen) {
        total["bluegreen_request_seconds_sum" of "}"] += seen[of]
        sum = 0
        for (i = 1; i <= buckets; i++) {
            sum += within[of, i]
            total["bluegreen_request_seconds_bucket" of ",le=\"" le[i] "\"}"] += sum
        }
        total["bluegreen_request_seconds_count" of "}"] += sum
    }
    print "# HELP bluegreen_requests_total Requests answered by a color, by status class."
    print "# TYPE bluegreen_requests_total counter"
    each("bluegreen_requests_total")
    print "# HELP bluegreen_requests_abandoned_total Requests whose client gave up after bake.slow."
    print "# TYPE bluegreen_requests_abandoned_total counter"
    each("bluegreen_requests_abandoned_total")
    print "# HELP bluegreen_edge_answers_total Requests that nginx answered by itself, by status."
    print "# TYPE bluegreen_edge_answers_total counter"
    each("bluegreen_edge_answers_total")
    print "# HELP bluegreen_request_seconds How long a color's answers took."
    print "# TYPE bluegreen_request_seconds histogram"
    each("bluegreen_request_seconds_")
}
function class(status) { return status == 499 ? "499" : int(status / 100) "xx" }
function slow(service) {
    if (!(service in patience)) {
        patience[service] = 10
        getline patience[service] < (services "/" service "/slow")
    }
    return patience[service] + 0
}
function each(name,   key) {
    for (key in total)
        # No %s: some awks write big numbers rounded.
        if (index(key, name) == 1) printf(key ~ /_sum/ ? "%s %.3f\n" : "%s %.0f\n", key, total[key])
}
