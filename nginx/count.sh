# shellcheck shell=sh
# Count requests from the log, and keep the log from growing: only totals leave the edge. A second is
# the longest that a count is behind.

# count_now: what was logged since the last time joins the totals.
count_now() { (flock 8 && cd "$LOGS" && count_new) 8>"$LOGS/.lock"; }
count_new() {
    [ -e metrics ] || : >metrics
    counted=$(cat counted 2>/dev/null || echo 0)
    size=$(size counts.log)
    if [ "$size" -gt "$counted" ]; then
        add counts.log $((size - counted))
        echo "$counted" >counted
    fi
    if [ "$counted" -gt "$LOG_BYTES" ]; then turn; fi
    for log in access.log error.log; do
        if [ "$(size $log)" -gt "$LOG_BYTES" ]; then mv $log $log.1 && reopen; fi
    done
}
size() { stat -c %s "$1" 2>/dev/null || echo 0; }
# add LOG BYTES: to the totals, this number of bytes from the first that is not counted yet.
add() {
    tail -c "+$((counted + 1))" "$1" | head -c "$2" >new.part
    # A line that is not whole yet is for the next time.
    if [ "$(tail -c 1 new.part | wc -l)" = 0 ]; then
        rest=$(tail -n 1 new.part | wc -c)
        sed '$d' new.part >whole.part && mv whole.part new.part
    else
        rest=0
    fi
    awk -v services="$SERVICES" -f "$COUNT" metrics new.part >metrics.part && mv metrics.part metrics
    counted=$((counted + $2 - rest))
    rm -f new.part
}
# The log gives way to a new one; what nginx still writes to the old one is counted with it.
turn() {
    mv counts.log counts.log.1 && reopen || return
    until [ -e counts.log ]; do sleep 0.05; done
    sleep 0.2 # longer than a worker keeps a line to itself
    add counts.log.1 $(($(size counts.log.1) - counted))
    echo 0 >counted
    rm -f counts.log.1
}
reopen() { nginx -c "$EDGE" -s reopen; }
# count_if_logged: most seconds, on most nights, nothing is.
count_if_logged() {
    sizes=$(cd "$LOGS" && stat -c %s counts.log access.log error.log 2>/dev/null)
    [ "$sizes" = "${counted_sizes:-}" ] || count_now
    counted_sizes=$sizes
}
# copy_log: to the container's log. Should nobody read that, this stops, and nginx does not.
copy_log() { [ -z "${COPY_LOG:-}" ] || tail -n 0 -F "$LOGS/access.log" 2>/dev/null & }
