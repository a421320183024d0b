"""How an edge follows the others, when there are several: shell functions that run inside it.

A switch is confirmed on one edge first, and then on the rest. An edge that misses that, since it
was down or the driver of the switch died just then, takes the confirmed config of a higher
generation from whichever edge has it. Without being told by anybody: each looks every second.

A switch is confirmed by `edges_required` edges. One that starts has therefore seen what is live
once it has seen so many edges, itself among them, that one of any such group is in it; until
then it serves nobody. See docs/decisions/007.
"""

from bluegreen.edge.state import BOOTSTRAP, CONFIG_FOLDER, WAITING

PEER_PORT = 8010
CLAIM_SECONDS = 120  # longer than a switch takes from its claim to its trial

FUNCTIONS = f"""\
generation() {{
    sed -n '1s/.* generation=\\([0-9]*\\) .*/\\1/p' "$1" 2>/dev/null | grep . || echo 0
}}
peers() {{ sed -n 's/^ *# edges: \\(.*\\) (.*/\\1/p' "$1" 2>/dev/null; }}
# ask_peers CONFIG GENERATION: sets `seen` to how many edges of its list answer, this one counted;
# leaves in $newer the newest config above that generation that one of them has confirmed.
# All are asked at once: one that is away says nothing for as long as it may take.
ask_peers() {{
    seen=1 newest=$2 asked="" newer=newer.$$
    rm -f $newer
    for peer in $(peers "$1"); do
        [ "$peer" = "$SELF" ] && continue
        curl -s -m 1 --noproxy '*' -o "$peer.$$.part" -w '%{{http_code}}' \\
            "http://$peer:{PEER_PORT}/stable.conf" >"$peer.$$.code" &
        asked="$asked $!"
    done
    [ -z "$asked" ] || wait $asked || true
    for peer in $(peers "$1"); do
        case $(cat "$peer.$$.code" 2>/dev/null) in
            200) seen=$((seen + 1)) found=$(generation "$peer.$$.part")
                [ "$found" -gt "$newest" ] && newest=$found && mv "$peer.$$.part" $newer;;
            404) seen=$((seen + 1));;
        esac
        rm -f "$peer.$$.part" "$peer.$$.code"
    done
    true
}}
# Keep a peer's confirmed config as this edge's own, if nginx takes it.
keep() {{
    [ -s $newer ] && nginx -t -q -c $PWD/$newer && mv $newer stable.conf
}}
take() {{ cp $1 take.$$ && mv take.$$ nginx.conf; }}
reload() {{ nginx -c $PWD/nginx.conf -s reload; }}
"""

# A switch on trial that another edge has confirmed is no longer on trial.
FOLLOWED = f"""\
{FUNCTIONS}
followed() {{
    trial=$(generation nginx.conf)
    [ "$trial" -gt "$(generation stable.conf)" ] &&
        ask_peers nginx.conf $((trial - 1)) && keep && take stable.conf && reload
}}
"""


def start_with_peers(container: str) -> str:
    """The script that an edge among several starts with; `container` is its own name."""
    return f"""\
SELF={container}
cd {CONFIG_FOLDER}
{FUNCTIONS}
# Somebody is at work here: what is on trial is theirs, and so is what they are about to write.
# A claim that is old and has nothing on trial is of a driver that nobody has heard of since.
busy() {{
    owner=$(cat switch.pid 2>/dev/null) || return 1
    [ "$(cut -d ' ' -f 22 /proc/${{owner% *}}/stat 2>/dev/null)" = "${{owner#* }}" ] || return 1
    [ "$(generation nginx.conf)" -gt "$(generation stable.conf)" ] || young switch.pid
}}
young() {{ [ $(($(date +%s) - $(stat -c %Y "$1"))) -lt {CLAIM_SECONDS} ]; }}
# Whether one of those that it has seen, itself counted, must have what was confirmed last.
enough() {{
    required=$(sed -n 's/^ *# edges: .* (\\([0-9]*\\) required)/\\1/p' stable.conf)
    total=$(peers stable.conf | wc -w)
    [ $total -lt 2 ] && return
    [ -n "$was_on_trial" ] && [ $seen -lt 2 ] && return 1
    [ $seen -gt $((total - ${{required:-$total}})) ]
}}
waits() {{ head -n 1 nginx.conf | grep -q '^# bluegreen waiting'; }}
follow() {{
    set +e
    while sleep 1; do
        busy && continue
        ask_peers stable.conf "$(generation stable.conf)"
        busy && continue
        keep && echo "bluegreen: follows the other edges to generation $newest" >&2
        if waits; then
            enough && take stable.conf && was_on_trial="" && reload
        elif [ "$(generation nginx.conf)" != "$(generation stable.conf)" ]; then
            take stable.conf && reload
        fi
    done
}}
was_on_trial="" seen=1
# Its trial ended with it, or it was confirmed elsewhere: another edge has to say which.
[ "$(generation nginx.conf)" -gt "$(generation stable.conf)" ] && was_on_trial=1
rm -f switch.pid waited pulse
if [ -s stable.conf ]; then
    ask_peers stable.conf "$(generation stable.conf)"
    keep || true
    if enough; then take stable.conf; else take {WAITING}; fi || true
else
    take {BOOTSTRAP} || true
fi
follow &
exec nginx -c {CONFIG_FOLDER}/nginx.conf -g 'daemon off;'
"""
