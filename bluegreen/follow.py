"""How an edge follows the others, when there are several: shell functions that run inside it.

A switch is confirmed on one edge first, and then on the rest. An edge that misses that, since it
was down or the driver of the switch died just then, takes the confirmed config of a higher
generation from whichever edge has it. Without being told by anybody: each looks every second.

A switch is confirmed by `edges_required` edges. One that starts has therefore seen what is live
once it has seen so many edges, itself among them, that one of any such group is in it; until
then it serves nobody. See docs/decisions/007.
"""

from bluegreen.edge import BOOTSTRAP, CONFIG_FOLDER, WAITING

PEER_PORT = 8010

FUNCTIONS = f"""\
generation() {{
    sed -n '1s/.* generation=\\([0-9]*\\) .*/\\1/p' "$1" 2>/dev/null | grep . || echo 0
}}
peers() {{ sed -n 's/^ *# edges: \\(.*\\) (.*/\\1/p' "$1" 2>/dev/null; }}
# ask_peers CONFIG GENERATION: sets `seen` to how many edges of its list answer, this one counted;
# leaves in peer.conf the newest config above that generation that one of them has confirmed.
ask_peers() {{
    seen=1 newest=$2
    rm -f peer.conf
    for peer in $(peers $1); do
        [ "$peer" = "$SELF" ] && continue
        code=$(curl -s -m 1 --noproxy '*' -o peer.part -w '%{{http_code}}' \\
            http://$peer:{PEER_PORT}/stable.conf) || continue
        case $code in 200|404) seen=$((seen + 1));; esac
        [ $code = 200 ] && found=$(generation peer.part) && [ $found -gt $newest ] &&
            newest=$found && mv peer.part peer.conf
    done
    true
}}
# Make a peer's confirmed config this edge's own, if nginx takes it.
adopt() {{
    [ -s peer.conf ] && nginx -t -q -c $PWD/peer.conf && ! busy || return 1
    cp peer.conf stable.part && mv stable.part stable.conf &&
        cp stable.conf peer.part && mv peer.part nginx.conf
}}
reload() {{ nginx -c $PWD/nginx.conf -s reload; }}
"""

# A switch on trial that another edge has confirmed is no longer on trial.
FOLLOWED = f"""\
{FUNCTIONS}
busy() {{ false; }}
followed() {{
    trial=$(generation nginx.conf)
    [ $trial -gt $(generation stable.conf) ] &&
        ask_peers nginx.conf $((trial - 1)) && adopt && reload
}}
"""


def start_with_peers(container: str) -> str:
    """The script that an edge among several starts with; `container` is its own name."""
    return f"""\
SELF={container}
cd {CONFIG_FOLDER}
{FUNCTIONS}
busy() {{
    owner=$(cat switch.pid 2>/dev/null) || return 1
    [ "$(cut -d ' ' -f 22 /proc/${{owner% *}}/stat 2>/dev/null)" = "${{owner#* }}" ]
}}
enough() {{
    required=$(sed -n 's/^ *# edges: .* (\\([0-9]*\\) required)/\\1/p' stable.conf)
    total=$(peers stable.conf | wc -w)
    [ $seen -gt $((total - ${{required:-$total}})) ]
}}
take() {{ cp $1 start.conf && mv start.conf nginx.conf; }}
waits() {{ head -n 1 nginx.conf | grep -q '^# bluegreen waiting'; }}
follow() {{
    while sleep 1; do
        busy && continue
        ask_peers stable.conf $(generation stable.conf)
        if adopt; then
            reload && echo "bluegreen: follows the other edges to generation $newest" >&2
        elif waits && enough; then
            take stable.conf && reload && echo "bluegreen: the other edges agree, serves" >&2
        fi
    done
}}
rm -f switch.pid
take {BOOTSTRAP}
if [ -s stable.conf ]; then
    ask_peers stable.conf $(generation stable.conf)
    adopt || true
    if enough; then take stable.conf; else take {WAITING}; fi
fi
follow &
exec nginx -c {CONFIG_FOLDER}/nginx.conf -g 'daemon off;'
"""
