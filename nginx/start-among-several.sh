# shellcheck shell=sh
# How an edge starts that is one of several, and then follows the others; bluegreen/edge/follow.py
# says when. SELF: its own name. CLAIM_SECONDS: longer than a switch takes from its claim to its
# trial.

# A switch is running here: what is on trial belongs to it, and so does what it is about to write.
# An old claim with nothing on trial is from a driver that has not been heard from since.
busy() {
    heard && return
    owner=$(cat switch.pid 2>/dev/null) || return 1
    alive "$owner" || return 1
    [ "$(generation nginx.conf)" -gt "$(generation stable.conf)" ] || younger switch.pid "$CLAIM_SECONDS"
}
# heard: its driver has given a sign of life. Where the holder stands in for an nginx that was only
# slow, that one's processes are not seen, and its switch must not be undone.
heard() { [ -e pulse ] && younger pulse "$SILENCE"; }
# Whether one of those that it has seen, itself counted, must have what was confirmed last.
enough() {
    required=$(sed -n 's/^ *# edges: .* (\([0-9]*\) required)/\1/p' stable.conf)
    total=$(peers stable.conf | wc -w)
    [ "$total" -lt 2 ] && return
    [ -e was-on-trial ] && [ "$seen" -lt 2 ] && return 1
    [ "$seen" -gt $((total - ${required:-$total})) ]
}
waits() { head -n 1 nginx.conf | grep -q '^# bluegreen waiting'; }
# serve_stable: before nginx runs.
serve_stable() { take stable.conf && say stable.conf && flip "$(color stable.conf)"; }
step() {
    [ -s stable.conf ] && ! busy || return 0
    ask_peers stable.conf "$(generation stable.conf)"
    busy && return
    keep && echo "bluegreen: caught up with the other edges, generation $newest" >>"$LOG"
    if waits; then
        enough && come_along && rm -f was-on-trial
    elif [ "$(generation nginx.conf)" != "$(generation stable.conf)" ]; then
        come_along
    fi
}
# come_along: an nginx that did not load it is told again in a second.
come_along() {
    cp nginx.conf before.$$
    if ! locked catch_up; then mv before.$$ nginx.conf && return 1; fi
    rm -f before.$$
}
follow() {
    set +e
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        for folder in "$SERVICES"/*/; do
            [ -d "$folder" ] && cd "$folder" && step
        done
    done
}
seen=1 newest=0
keep_files
forget_flags
rm -f "$RUN"/*.sock # of before: nginx takes none over that nobody listens to
for folder in "$SERVICES"/*/; do
    [ -d "$folder" ] || continue
    cd "$folder" || exit
    # Beside another nginx a switch may be running: it is left to that.
    [ -z "$BESIDE" ] || continue
    # Its trial ended with it, or it was confirmed elsewhere: another edge has to say which.
    [ "$(generation nginx.conf)" -gt "$(generation stable.conf)" ] && touch was-on-trial
    rm -f nginx.conf switch.pid waited pulse
    [ -s stable.conf ] || continue
    ask_peers stable.conf "$(generation stable.conf)"
    keep || true
    if enough; then serve_stable && rm -f was-on-trial; else take_turn; fi || true
done
[ -n "${RELIEF:-}" ] || follow &
run
