# shellcheck shell=sh
# Hold the edge's network and its ports, for the nginx that is there now and for the one that will
# replace it. Docker neither orders containers that share a network nor tries again one that could not
# join: so where nginx does not come back, the holder runs it itself until it does.

trap 'exit 0' TERM INT
own="" quiet=0
mark=$ALIVE-seen
alive() { [ -n "$(find "$ALIVE" -newer "$mark" 2>/dev/null)" ]; }
touch "$mark"
while sleep 1; do
    if alive; then
        touch "$mark"
        quiet=0
        # Asked until it has gone: a shell that has yet to become nginx does not take the signal.
        if [ -n "$own" ] && grep -q listens "$ALIVE"; then
            kill -QUIT "$own" 2>/dev/null || own=""
        fi
        continue
    fi
    quiet=$((quiet + 1))
    if [ -n "$own" ] && kill -0 "$own" 2>/dev/null; then continue; fi
    if [ "$quiet" -ge "$QUIET_SECONDS" ] && [ -s "$KEPT/bluegreen-start.sh" ]; then
        echo "nginx is not there: the holder runs it" >&2
        cp "$KEPT"/bluegreen-* "$ETC/"
        STANDS_IN=1 sh -e "$ETC/bluegreen-start.sh" &
        own=$!
    fi
done
