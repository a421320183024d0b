# shellcheck shell=sh
# How an edge starts that is one of several, and then follows the others; bluegreen/edge/follow.py
# says when. SELF: its own name. CLAIM_SECONDS: longer than a switch takes from its claim to its
# trial.

cd "$FOLDER" || exit 1
# A switch is running here: what is on trial belongs to it, and so does what it is about to write.
# An old claim with nothing on trial is from a driver that has not been heard from since.
busy() {
    owner=$(cat switch.pid 2>/dev/null) || return 1
    alive "$owner" || return 1
    [ "$(generation nginx.conf)" -gt "$(generation stable.conf)" ] || young switch.pid
}
young() { [ $(($(date +%s) - $(stat -c %Y "$1"))) -lt "$CLAIM_SECONDS" ]; }
# Whether one of those that it has seen, itself counted, must have what was confirmed last.
enough() {
    required=$(sed -n 's/^ *# edges: .* (\([0-9]*\) required)/\1/p' stable.conf)
    total=$(peers stable.conf | wc -w)
    [ "$total" -lt 2 ] && return
    [ -n "$was_on_trial" ] && [ "$seen" -lt 2 ] && return 1
    [ "$seen" -gt $((total - ${required:-$total})) ]
}
waits() { head -n 1 nginx.conf | grep -q '^# bluegreen waiting'; }
follow() {
    set +e
    while sleep 1; do
        busy && continue
        ask_peers stable.conf "$(generation stable.conf)"
        busy && continue
        keep && echo "bluegreen: caught up with the other edges, generation $newest" >&2
        if waits; then
            enough && take stable.conf && was_on_trial="" && reload
        elif [ "$(generation nginx.conf)" != "$(generation stable.conf)" ]; then
            take stable.conf && reload
        fi
    done
}
was_on_trial="" seen=1 newest=0
# Its trial ended with it, or it was confirmed elsewhere: another edge has to say which.
[ "$(generation nginx.conf)" -gt "$(generation stable.conf)" ] && was_on_trial=1
rm -f switch.pid waited pulse
if [ -s stable.conf ]; then
    ask_peers stable.conf "$(generation stable.conf)"
    keep || true
    if enough; then take stable.conf; else take "$WAITING"; fi || true
else
    take "$BOOTSTRAP" || true
fi
follow &
exec nginx -c "$FOLDER/nginx.conf" -g 'daemon off;'
