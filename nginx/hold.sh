# shellcheck shell=sh
# Hold writes back until the switch is confirmed or has gone back. Until a switch to other data is
# confirmed, what is written to the target would be lost if it went back; and what is written to
# the outgoing color after its data was cloned is lost anyway.
#
# $1: the token of the hold to take over, which still has to be; or the word for none (TRIAL_HOLD).
# $2: the flag of the color that serves. The others: the flags to put there.

cd "$FOLDER" || exit 1
if [ "$1" = "$TRIAL_HOLD" ] || [ "$(cat "$2" 2>/dev/null)" = "$1" ]; then
    shift 2
    trap let_go EXIT
    trap 'exit 1' HUP INT TERM PIPE
    for flag; do echo $$ >"$(flags)/held.part" && mv "$(flags)/held.part" "$flag"; done
else
    false
fi
