# shellcheck shell=sh
# Functions that all scripts here use, in a service's folder of the edge's volume:
#   nginx.conf         what nginx runs of it
#   next.conf          what it shall run
#   stable.conf        the last config that went through a whole switch
#   green              a file that is there while green is live: nginx looks for it at each request
#   state-COLOR.json   what nginx says of a color that is live
# What they need to know is given by bluegreen/edge/scripts.py, in words of capital letters.

# From a config's first line. generation: 0 for a config without one, and for none at all.
generation() {
    sed -n '1s/.* generation=\([0-9]*\) .*/\1/p' "$1" 2>/dev/null | grep . || echo 0
}
color() { sed -n '1s/.* color=\([a-z]*\) .*/\1/p' "$1" 2>/dev/null; }
text() { sed -n '1s/.* text=\([0-9a-f]*\).*/\1/p' "$1" 2>/dev/null; }

# locked COMMAND: one at a time in this edge, whichever the service: what one tests, the other may
# not change before it is loaded.
locked() { (flock 9 && "$@") 9>"$SERVICES/.lock"; }
reload() { routes && nginx -c "$EDGE" -s reload; }
# claims CONFIG: what its service has on a shared edge, a line each: HOST/PATH, or the default.
claims() { sed -n 's/^# claims: //p' "$1" 2>/dev/null | tr ' ' '\n'; }
# routes: lead each path of a host to the service that claims it, the longest path first.
routes() {
    for config in "$SERVICES"/*/nginx.conf; do
        folder=${config%/nginx.conf}
        claims "$config" | sed -n "s|\([^/]*\)\(/..*\)|\1 \2 ${folder##*/}|p"
    done | awk '{
        gsub(/[.]/, "[.]")
        sub(/^[*]/, "[^/]+")
        print length($2), "\"~^" $1 $2 "(/|$)\" " $3 ";"
    }' | sort -rn | cut -d ' ' -f 2- >"$LISTEN/routes.part" &&
        mv "$LISTEN/routes.part" "$LISTEN/routes.conf"
}
# unclaimed CONFIG: by any other service; one may have released since the preview.
unclaimed() {
    claims "$1" >claims.$$
    taken=""
    for other in "$SERVICES"/*/; do
        [ "$other" = "$PWD/" ] && continue
        for config in nginx.conf stable.conf; do
            same=$(claims "$other$config" | grep -xF -f claims.$$ | head -n 1)
            [ -z "$same" ] || taken="$same is claimed by ${other#"$SERVICES/"}"
        done
    done
    rm -f claims.$$
    [ -z "$taken" ] || echo "${taken%/}" >&2
    [ -z "$taken" ]
}
# nginx takes it CONFIG: among what the other services run.
nginx_takes() {
    include="include .*services.\*.nginx.conf;"
    {
        sed "/$include/,\$d" "$EDGE"
        for other in "$SERVICES"/*/nginx.conf; do
            case $other in "$PWD"/* | *'*'*) ;; *) echo "include $other;" ;; esac
        done
        echo "include $PWD/$1;"
        sed "1,/$include/d" "$EDGE"
    } >try.$$
    taken=0
    nginx -t -q -c "$PWD/try.$$" || taken=$?
    rm -f try.$$
    return "$taken"
}
# say CONFIG: what nginx answers when its color is live.
say() {
    told='{"color": "\1", "version": "\2", "generation": \3, "since": "\4"}'
    header='color=\([a-z]*\) version=\([^ ]*\) generation=\([0-9]*\) since=\([^ ]*\) .*'
    sed -n "1s/.* $header/$told/p" "$1" >state.$$ && mv state.$$ "state-$(color "$1").json"
}
# flags: the service's folder for them, in memory: gone when the edge is.
flags() { echo "$SHM/bluegreen-${PWD##*/}"; }
# flip COLOR: from here each request goes to it, whichever worker gets it.
flip() {
    case $1 in
        green) : >green ;;
        blue) rm -f green ;;
    esac
}
# take_turn: wait for the others, under the names that the service has.
take_turn() {
    names=$(sed -n 's/^# names: //p' stable.conf 2>/dev/null)
    sed -e "s|@names@|${names:-\"\"}|" -e "s|@name@|${PWD##*/}|" "$WAITING" >waiting.$$
    sed -n '/^# claims: /p' stable.conf 2>/dev/null >>waiting.$$
    mv waiting.$$ nginx.conf
}
# take CONFIG: make it the one that nginx runs, once it is reloaded.
take() { cp "$1" take.$$ && mv take.$$ nginx.conf; }
# load CONFIG: let nginx run its text. Nobody notices: it is the file that leads to a color.
load() {
    now=$(text nginx.conf) new=$(text "$1")
    take "$1" && say nginx.conf || return
    [ "$now" != "$new" ] || return 0
    mkdir -p "$(flags)" && rm -f "$(flags)/old-$new" || return
    replace_workers || return
    # From here old workers hand over what they still get.
    [ -z "$now" ] || : >"$(flags)/old-$now"
}
# load_unclaimed CONFIG: 3 if another service has what it claims. One lock for both: whoever comes
# second finds what the first has loaded.
load_unclaimed() {
    unclaimed "$1" || return 3
    load "$1"
}
# The [r] keeps these words from being found in the command line of a shell that has them.
workers() { grep -lsa 'nginx: worke[r] process' "$PROC"/[0-9]*/cmdline; }
leaving() { grep -lsa 'nginx: worke[r] process is shutting down' "$PROC"/[0-9]*/cmdline; }
# Old workers accept connections for a moment yet: wait until none is left that does.
replace_workers() {
    old=$(workers) end=$(($(date +%s) + RELOAD_SECONDS))
    reload || return
    while accepting=$(workers | grep -vxF "$(leaving)") && echo "$old" | grep -qxF "$accepting"; do
        if [ "$(date +%s)" -gt $end ]; then
            echo "nginx did not replace its workers in $RELOAD_SECONDS s" >&2
            return 1
        fi
        sleep 0.05
    done
}
# younger FILE SECONDS
younger() { [ $(($(date +%s) - $(stat -c %Y "$1"))) -lt "$2" ]; }
# A process is known by its number and the moment it started: numbers are used again.
started() { cut -d ' ' -f 22 "/proc/$1/stat" 2>/dev/null; }
alive() { [ "$(started "${1% *}")" = "${1#* }" ]; }
# own_keys: nginx's workers read the keys of certificates, and nobody else.
own_keys() {
    for each in $(workers | head -n 1); do
        [ ! -d "$KEYS" ] || chown -R "$(stat -c %u "${each%/cmdline}")" "$KEYS"
    done
}
