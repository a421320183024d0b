# shellcheck shell=sh
# End a trial that nobody confirms: when it has timed out, or when its driver, if it gives signs of
# life (a file `pulse`; see Edges.arm), gives none any more.
#
# $1: whose trial it is, as in switch.pid. $2: seconds. SILENCE: the longest pause between two signs.

cd "$FOLDER" || exit 1
end=$(($(date +%s) + $2))
heard() { [ ! -e pulse ] || younger pulse "$SILENCE"; }
while [ "$(cat switch.pid)" = "$1" ] && [ "$(date +%s)" -lt $end ] && heard; do sleep 1; done
[ "$(cat switch.pid)" = "$1" ] && alive "$1" && own && kill -9 "${1% *}" && go_back &&
    rm -f switch.pid pulse
