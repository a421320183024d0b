# shellcheck shell=sh
# Commit-confirmed. From here until confirm.sh the end of this shell, for whatever reason, brings
# back the stable config from within the edge, with nobody else needed. A daemon restarted with
# live-restore leaves a shell that never hears of its end: then the trial's own end does it.
#
# $1: the script of the trial's end. $2: seconds until then.

cd "$FOLDER" || exit 1
trap go_back EXIT
trap 'exit 1' HUP INT TERM PIPE
# A shell of its own: a mere fork would keep the pipes of this one open beyond its end.
sh -c "$1" trial "$(cat switch.pid)" "$2" </dev/null >/dev/null 2>&1 &
